//! What of a volume does not survive another size, or is of no use to the copy.

use alloc::vec::Vec;

use crate::error::Result;
use crate::io::ReadAt;
use crate::ntfs::{Journal, Volume};

/// What of a volume does not survive another size, since it names places that change; or what no
/// copy can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "serde", serde(tag = "code", rename_all = "kebab-case"))]
pub enum Loss {
    /// Changes in the journal that are not yet in place.
    JournalNotClean,
    /// The journal, of which neither restart page can be read: what it holds is unknown.
    JournalUnreadable,
    /// The memory of a hibernated Windows, which would resume with the old places of files.
    Hibernated,
    /// Shadow copies, which hold offsets on the volume.
    ShadowCopies {
        /// How many.
        copies: u64,
        /// Bytes of their files.
        bytes: u64,
    },
    /// Files to which Windows swapped memory, encrypted with a key that is not on the volume.
    EncryptedSwap {
        /// Bytes of the files.
        bytes: u64,
    },
    /// The metadata of BitLocker, which names places on the encrypted volume. The copy is of the
    /// unlocked volume, and not encrypted.
    #[cfg_attr(feature = "serde", serde(rename = "bitlocker"))]
    BitLocker {
        /// How many files have it.
        files: u64,
        /// Bytes of the files.
        bytes: u64,
    },
}

impl Loss {
    /// All that `volume` has of it.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io); [`Error::Corrupt`](crate::Error::Corrupt): it cannot be
    /// told.
    pub fn all<R: ReadAt>(volume: &Volume<R>) -> Result<Vec<Self>> {
        let journal = match volume.journal()? {
            Journal::Clean | Journal::CleanByOnePage => None,
            Journal::NotClean => Some(Self::JournalNotClean),
            Journal::Unreadable => Some(Self::JournalUnreadable),
        };
        let hibernated = volume.is_hibernated()?.then_some(Self::Hibernated);
        let copies = volume.shadow_copies()?.map(|copies| Self::ShadowCopies {
            copies: copies.files,
            bytes: copies.bytes,
        });
        let swap = match volume.encrypted_swap()? {
            0 => None,
            bytes => Some(Self::EncryptedSwap { bytes }),
        };
        let metadata = volume.bitlocker_metadata()?;
        let bitlocker = metadata.map(|found| Self::BitLocker {
            files: found.files,
            bytes: found.bytes,
        });
        Ok([journal, hibernated, copies, swap, bitlocker]
            .into_iter()
            .flatten()
            .collect())
    }
}
