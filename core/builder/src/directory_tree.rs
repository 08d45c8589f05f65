//! The files and directories of a volume before they have attributes: numbers, names and parents.

use std::collections::{BTreeMap, BTreeSet};

use crate::attribute::Attribute;
use crate::attribute_list::Spread;
use crate::file::{File, FileState};
use crate::file_name::{
    ATTRIBUTE_ARCHIVE, ATTRIBUTE_DIRECTORY, ATTRIBUTE_HIDDEN_SYSTEM, ATTRIBUTE_VIEW_INDEX,
    NAMESPACE_WIN32, NAMESPACE_WIN32_AND_DOS, record_reference,
};
use crate::mft_record::{FLAG_DIRECTORY, FLAG_IN_USE, FLAG_VIEW_INDEX};
use crate::system_files::{self, number};
use crate::volume_builder::VolumeBuilder;

/// Record flag of the files below `$Extend`.
const FLAG_IN_EXTEND: u16 = 4;

/// A base record to be.
pub(crate) struct Node {
    pub(crate) number: u64,
    pub(crate) sequence: u16,
    pub(crate) flags: u16,
    pub(crate) file_attributes: u32,
    pub(crate) namespace: u8,
    pub(crate) state: FileState,
    pub(crate) path: String,
    /// Each name with the number of its directory.
    pub(crate) names: Vec<(u64, String)>,
    /// What was asked for, to be turned into attributes.
    pub(crate) file: File,
    /// All attributes but `STANDARD_INFORMATION`, `FILE_NAME` and the directory index.
    pub(crate) attributes: Vec<Attribute>,
}

/// Hands out record numbers.
pub(crate) struct RecordNumbers {
    taken: BTreeSet<u64>,
}

pub(crate) struct DirectoryTree {
    pub(crate) nodes: BTreeMap<u64, Node>,
    pub(crate) numbers: RecordNumbers,
    /// Path of each file and directory in use, "" for the root.
    pub(crate) paths: BTreeMap<String, u64>,
    first_user_record: u64,
}

impl Node {
    pub(crate) fn reference(&self) -> u64 {
        record_reference(self.number, self.sequence)
    }

    pub(crate) fn is_directory(&self) -> bool {
        self.flags & FLAG_DIRECTORY != 0
    }

    pub(crate) fn spread(&self) -> Spread {
        Spread {
            form: self.file.list,
            runs_per_record: self.file.runs_per_record,
            keep_data: false,
        }
    }
}

impl RecordNumbers {
    /// The lowest free number from `first` on.
    pub(crate) fn next(&mut self, first: u64) -> u64 {
        let number = (first..)
            .find(|number| !self.taken.contains(number))
            .expect("numbers do not run out");
        self.taken.insert(number);
        number
    }

    fn take(&mut self, number: u64) {
        assert!(
            self.taken.insert(number),
            "record {number} is asked for twice"
        );
    }

    /// One more than the greatest number in use.
    pub(crate) fn end(&self) -> u64 {
        self.taken.last().map_or(0, |last| last + 1)
    }
}

impl DirectoryTree {
    /// The system files and what the builder was asked for.
    pub(crate) fn new(builder: &VolumeBuilder) -> Self {
        let mut tree = Self {
            nodes: BTreeMap::new(),
            numbers: RecordNumbers {
                taken: BTreeSet::new(),
            },
            paths: BTreeMap::from([(String::new(), number::ROOT)]),
            first_user_record: builder.first_user_record,
        };
        for number in 0..number::FIRST_EXTENSION {
            tree.add_system_file(number, builder.version.0);
        }
        for chosen in builder.entries.iter().filter_map(|entry| entry.file.record) {
            tree.numbers.take(chosen);
        }
        if builder.quota {
            tree.add_quota();
        }
        for entry in &builder.entries {
            tree.add_entry(entry.path.trim_matches('/'), entry.directory, &entry.file);
        }
        tree
    }

    /// Number and name of each file in a directory.
    pub(crate) fn children(&self, directory: u64) -> Vec<(u64, &str)> {
        let in_use = self
            .nodes
            .values()
            .filter(|node| node.state == FileState::InUse);
        in_use
            .flat_map(|node| {
                node.names
                    .iter()
                    .map(|(parent, name)| (node.number, *parent, name.as_str()))
            })
            .filter(|(_, parent, _)| *parent == directory)
            .map(|(number, _, name)| (number, name))
            .collect()
    }

    fn add_system_file(&mut self, number: u64, major_version: u8) {
        self.numbers.take(number);
        let name = system_files::name(number, major_version);
        let directory = number == number::ROOT || (number == number::EXTEND && name.is_some());
        let view = number == number::SECURE && major_version >= 3;
        let path = name.unwrap_or_default().to_owned();
        if name.is_some() {
            self.paths.insert(path.clone(), number);
        }
        let node = Node {
            number,
            sequence: number.max(1) as u16,
            flags: FLAG_IN_USE
                | if directory { FLAG_DIRECTORY } else { 0 }
                | if view { FLAG_VIEW_INDEX } else { 0 },
            file_attributes: ATTRIBUTE_HIDDEN_SYSTEM
                | if directory { ATTRIBUTE_DIRECTORY } else { 0 }
                | if view { ATTRIBUTE_VIEW_INDEX } else { 0 },
            namespace: NAMESPACE_WIN32_AND_DOS,
            state: FileState::InUse,
            path,
            names: name
                .iter()
                .map(|name| (number::ROOT, (*name).to_owned()))
                .collect(),
            file: File::new(),
            attributes: Vec::new(),
        };
        self.nodes.insert(number, node);
    }

    fn add_quota(&mut self) {
        assert!(self.paths.contains_key("$Extend"), "$Quota needs NTFS 3.0");
        let number = self.add_entry("$Extend/$Quota", false, &File::new());
        let node = self.nodes.get_mut(&number).expect("just added");
        node.flags |= FLAG_IN_EXTEND | FLAG_VIEW_INDEX;
        node.file_attributes |= ATTRIBUTE_HIDDEN_SYSTEM | ATTRIBUTE_VIEW_INDEX;
    }

    fn add_entry(&mut self, path: &str, directory: bool, file: &File) -> u64 {
        let names: Vec<(u64, String)> = std::iter::once(path)
            .chain(file.links.iter().map(|link| link.trim_matches('/')))
            .map(|path| {
                let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
                (self.directory(parent), name.to_owned())
            })
            .collect();
        let number = file
            .record
            .unwrap_or_else(|| self.numbers.next(self.first_user_record));
        if file.state == FileState::InUse {
            for path in
                std::iter::once(path).chain(file.links.iter().map(|link| link.trim_matches('/')))
            {
                let before = self.paths.insert(path.to_owned(), number);
                assert!(
                    before.is_none(),
                    "{path:?} is asked for twice, or after a file in it"
                );
            }
        }
        let in_use = if file.state == FileState::Deleted {
            0
        } else {
            FLAG_IN_USE
        };
        let sequence = file.sequence.unwrap_or(1);
        let node = Node {
            number,
            // Deletion counts the number up.
            sequence: if file.state == FileState::Deleted {
                sequence.wrapping_add(1)
            } else {
                sequence
            },
            flags: in_use | if directory { FLAG_DIRECTORY } else { 0 },
            file_attributes: if directory {
                ATTRIBUTE_DIRECTORY
            } else {
                ATTRIBUTE_ARCHIVE
            },
            namespace: NAMESPACE_WIN32,
            state: file.state,
            path: path.to_owned(),
            names,
            file: file.clone(),
            attributes: Vec::new(),
        };
        self.nodes.insert(number, node);
        number
    }

    /// The number of a directory, which is made when it does not exist.
    fn directory(&mut self, path: &str) -> u64 {
        match self.paths.get(path) {
            Some(number) => *number,
            None => self.add_entry(path, true, &File::new()),
        }
    }
}
