//! What a test asks to stand on a volume.

use crate::attribute::attribute_type;
use crate::attribute_list::ListForm;
use crate::runlist::Run;

/// The content of an attribute and the way it is stored.
#[derive(Clone, Debug)]
pub enum FileData {
    /// In the record.
    Resident(Vec<u8>),
    /// In one run, placed by the builder.
    Bytes(Vec<u8>),
    /// In so many runs that do not touch, placed by the builder.
    Fragmented {
        /// The content.
        bytes: Vec<u8>,
        /// How many runs.
        pieces: u64,
    },
    /// In exactly these runs, filled by the builder with a pattern. They may overlap others or lie beyond the volume.
    Runs(Vec<Run>),
    /// In exactly these runs; the data size is that of `bytes`, which may be shorter than the runs.
    Placed {
        /// The runs.
        runs: Vec<Run>,
        /// The content; what falls in a hole is lost.
        bytes: Vec<u8>,
    },
    /// Placed by the builder, in units of 16 clusters; units that are all zeros become holes.
    Sparse(Vec<u8>),
    /// Compressed in units of 16 clusters, placed by the builder. Clusters of at most 4096 bytes.
    Compressed(Vec<u8>),
}

/// Whether the record of a file is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileState {
    InUse,
    Deleted,
    Baad,
}

/// A file, or a directory with extra attributes.
#[derive(Clone, Debug)]
pub struct File {
    pub(crate) attributes: Vec<(u32, String, FileData)>,
    pub(crate) links: Vec<String>,
    pub(crate) list: Option<ListForm>,
    pub(crate) runs_per_record: usize,
    pub(crate) record: Option<u64>,
    pub(crate) sequence: Option<u16>,
    pub(crate) state: FileState,
}

impl Default for File {
    fn default() -> Self {
        Self {
            attributes: Vec::new(),
            links: Vec::new(),
            list: None,
            runs_per_record: usize::MAX,
            record: None,
            sequence: None,
            state: FileState::InUse,
        }
    }
}

impl File {
    /// A file without any data attribute.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the unnamed data attribute.
    pub fn data(self, data: impl Into<FileData>) -> Self {
        self.attribute(attribute_type::DATA, "", data)
    }

    /// Adds an alternate data stream.
    pub fn stream(self, name: &str, data: impl Into<FileData>) -> Self {
        self.attribute(attribute_type::DATA, name, data)
    }

    /// Adds any attribute.
    pub fn attribute(mut self, kind: u32, name: &str, data: impl Into<FileData>) -> Self {
        self.attributes.push((kind, name.to_owned(), data.into()));
        self
    }

    /// Adds a hard link.
    pub fn link(mut self, path: &str) -> Self {
        self.links.push(path.to_owned());
        self
    }

    /// Gives the file an attribute list, and moves its data and its index blocks to extension records. Without this
    /// call a file gets one when its attributes do not fit in a record.
    pub fn attribute_list(mut self, form: ListForm) -> Self {
        self.list = Some(form);
        self
    }

    /// At most so many runs in an extent; each further extent goes to an extension record.
    pub fn runs_per_record(mut self, runs: usize) -> Self {
        self.runs_per_record = runs.max(1);
        self
    }

    /// The number of the base record. Extension records take the lowest free numbers, which may lie below.
    pub fn record(mut self, number: u64) -> Self {
        self.record = Some(number);
        self
    }

    /// The sequence number of the base record, 1 by default.
    pub fn sequence(mut self, sequence: u16) -> Self {
        self.sequence = Some(sequence);
        self
    }

    /// Leaves the record as deletion does: not in use, in no directory, its clusters free but not overwritten.
    pub fn deleted(mut self) -> Self {
        self.state = FileState::Deleted;
        self
    }

    /// Makes the record one that Windows found damaged; the file is in no directory and its clusters are free.
    pub fn baad(mut self) -> Self {
        self.state = FileState::Baad;
        self
    }
}

impl From<FileData> for File {
    fn from(data: FileData) -> Self {
        Self::new().data(data)
    }
}

impl From<Vec<u8>> for FileData {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Resident(bytes)
    }
}

impl FileData {
    /// The clusters that the caller chose.
    pub(crate) fn chosen_runs(&self) -> &[Run] {
        match self {
            Self::Runs(runs) | Self::Placed { runs, .. } => runs,
            _ => &[],
        }
    }
}
