//! What becomes of encrypted files (EFS).

use std::sync::Arc;

use ntfsclone_core::ntfs::{Content, ContentError, Volume};
use ntfsclone_core::tree::{Details, Entry, open_content, open_efs_raw};

use crate::options::Encrypted;
use crate::report::with_causes;
use crate::source::Device;

/// What the name of a file ends in that is an encrypted one in the EFSRPC raw data format.
const EXTENSION: &str = "efsraw";

impl Encrypted {
    /// Whether a file is written as Windows backs up encrypted ones.
    pub fn is_raw(self, details: &Details) -> bool {
        self == Self::Raw && details.is_encrypted
    }

    /// The content that is written of a file.
    ///
    /// # Errors
    ///
    /// Why it is not.
    pub fn open(
        self,
        volume: &Volume<Arc<Device>>,
        entry: &Entry,
        details: &Details,
    ) -> Result<Content, String> {
        let (index, record) = (volume.source().index(), entry.reference.record);
        let opened = match self.is_raw(details) {
            true => open_efs_raw(volume, index, record),
            false => open_content(volume, index, record, ""),
        };
        opened.map_err(|error| match error {
            ContentError::Encrypted => {
                format!("{error}; --efs-raw writes it as Windows backs it up")
            }
            error => with_causes(&error).to_string(),
        })
    }

    /// The name that a file called `name` gets: what is not its content is not to look like it.
    pub fn name(self, name: String, details: &Details) -> String {
        match self.is_raw(details) {
            true => format!("{name}.{EXTENSION}"),
            false => name,
        }
    }
}
