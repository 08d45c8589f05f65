//! The tree of files of a volume: entries of directories, paths, and what is known of a file.
//!
//! [`Tree::directory`] lists a directory by its `$I30` index; where that is damaged, or on request,
//! by the names in all MFT records. [`Tree::find`] finds a path, [`Walk`] visits a directory and all below
//! it, [`Details::read`] reads the record of one file, [`open_content`] finds its content, and [`ContentReader`] reads it.
//! [`SecurityDescriptors`] finds who may do what with it.
//! [`deleted_files`] finds what was deleted.

mod content_reader;
mod deleted;
mod details;
mod directory;
mod entry;
mod name;
mod record_names;
mod records;
mod security;
mod target;
mod used_clusters;
mod walk;

use alloc::string::String;
use alloc::vec::Vec;

pub use content_reader::{
    ContentReader, Part, open_content, open_deleted, open_efs_raw, ranges_of_content,
};
pub use deleted::{DeletedFile, Recovery, deleted_files, first_overwritten};
pub use details::{Details, StreamSize};
pub use entry::{Entry, Kind, Times};
pub use name::Name;
pub use security::SecurityDescriptors;
pub use target::Target;
pub use used_clusters::UsedClusters;
pub use walk::{Found, Walk};

use self::record_names::RecordNames;
use crate::error::Result;
use crate::io::ReadAt;
use crate::ntfs::Volume;
use crate::ntfs::mft::RECORD_ROOT;
use crate::ntfs::mft_record::FileReference;
use crate::ntfs::upcase::UpCase;
use crate::units::RecordNumber;

/// What begins and ends a component that is a record number, as `path::path_of` writes it.
const RECORD_PREFIX: &str = "[record ";

/// Where the entries of directories are taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Their indexes; of a damaged one, all MFT records.
    Index,
    /// All MFT records.
    Mft,
}

/// The entries of one directory, in the order of Windows.
#[derive(Debug)]
pub struct Directory {
    /// Each name; a short name is joined with its long one.
    pub entries: Vec<Entry>,
    /// What is wrong with the index, if the entries are those of the MFT instead.
    pub damage: Option<crate::Error>,
}

/// A file that was found by its path.
#[derive(Debug, Clone)]
pub struct Located {
    /// The file; of the root directory, without a name.
    pub entry: Entry,
    /// The path as the volume has it, with `/` before each name; `/` for the root.
    pub path: String,
    /// The stream that the path names, if any.
    pub stream: Option<String>,
}

/// The outcome of [`Tree::find`].
#[derive(Debug, Clone)]
pub enum Lookup {
    /// There is such a file. Whether it has the stream is not known yet.
    Found(Located),
    /// No entry has this name.
    Missing {
        /// The path of the last directory (or file, if there is something after it) that exists.
        parent: Located,
        /// The component that it does not have.
        name: String,
    },
}

/// The tree of files of a volume.
#[derive(Debug)]
pub struct Tree<R> {
    volume: Volume<R>,
    upcase: UpCase,
    by: By,
    /// Read when it is first needed.
    names: Option<RecordNames>,
}

impl<R: ReadAt> Tree<R> {
    /// A tree over `volume`. If `$UpCase` is damaged, only ASCII letters have two cases.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Io`].
    pub fn new(volume: Volume<R>, by: By) -> Result<Self> {
        let upcase = match UpCase::read(&volume) {
            Err(error) if error.is_damage() => UpCase::of_ascii(),
            upcase => upcase?,
        };
        Ok(Self {
            volume,
            upcase,
            by,
            names: None,
        })
    }

    /// The volume.
    pub fn volume(&self) -> &Volume<R> {
        &self.volume
    }

    /// The root directory.
    pub fn root(&self) -> Entry {
        Entry::directory(FileReference {
            record: RECORD_ROOT,
            sequence_number: 0,
        })
    }

    /// The entries of a directory.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Io`]; by the MFT, also that `$MFT` is damaged.
    pub fn directory(&mut self, directory: FileReference) -> Result<Directory> {
        let mut damage = None;
        let mut entries = Vec::new();
        if self.by == By::Index {
            match directory::by_index(&self.volume, directory, &self.upcase) {
                Ok(found) => entries = found,
                // What an image has lost says nothing of the index, but hides it as well.
                Err(error) if error.is_damage() || error.is_loss() => damage = Some(error),
                Err(error) => return Err(error),
            }
        }
        if self.by == By::Mft || damage.is_some() {
            if self.names.is_none() {
                self.names = Some(RecordNames::read(&self.volume)?);
            }
            entries = self
                .names
                .as_ref()
                .map_or_else(Vec::new, |names| names.in_directory(directory.record));
        }
        Ok(Directory {
            entries: directory::in_order(entries, &self.upcase),
            damage,
        })
    }

    /// The entry of that name in a directory: exactly, in any case by `$UpCase`, or by its short name, in this
    /// order.
    pub fn find_in<'d>(&self, directory: &'d Directory, name: &str) -> Option<&'d Entry> {
        directory::find(&directory.entries, name, &self.upcase)
    }

    /// The stream of that name of a file: exactly, or in any case by `$UpCase`, in this order.
    pub fn find_stream<'d>(&self, details: &'d Details, name: &str) -> Option<&'d StreamSize> {
        let wanted = Name::from_text(name);
        let mut streams = details.streams.iter();
        streams
            .clone()
            .find(|stream| stream.name == wanted)
            .or_else(|| {
                streams.find(|stream| {
                    let order = self.upcase.compare(stream.name.utf16(), wanted.utf16());
                    order.is_eq()
                })
            })
    }

    /// Finds a path from the root. Components are separated by `/` or `\`; each is compared exactly, then
    /// by `$UpCase`, then with short names. `[record N]` is the file of record N, at the start of a path.
    /// What follows a `:` in the last component is the name of a stream. `.` and empty components
    /// are skipped.
    ///
    /// # Errors
    ///
    /// Those of [`Tree::directory`].
    pub fn find(&mut self, path: &str) -> Result<Lookup> {
        let separators = ['/', '\\'];
        let (path, stream) = split_stream(path);
        let mut located = Located {
            entry: self.root(),
            path: String::from("/"),
            stream: None,
        };
        let components = path.split(separators);
        for component in components.filter(|component| !matches!(*component, "" | ".")) {
            let entry = if located.path == "/"
                && let Some(number) = record_number(component)
            {
                Some(self.entry_of_record(number)?)
            } else if located.entry.kind.is_directory() {
                let directory = self.directory(located.entry.reference)?;
                self.find_in(&directory, component).cloned()
            } else {
                None
            };
            let Some(entry) = entry else {
                return Ok(Lookup::Missing {
                    parent: located,
                    name: String::from(component),
                });
            };
            let text = match entry.name.is_empty() {
                true => String::from(component),
                false => alloc::format!("{}", entry.name),
            };
            located.path = join(&located.path, &text);
            located.entry = entry;
        }
        located.stream = stream.map(String::from);
        Ok(Lookup::Found(located))
    }

    /// The file of a record that a path names by its number.
    fn entry_of_record(&self, number: RecordNumber) -> Result<Entry> {
        let reference = FileReference {
            record: number,
            sequence_number: 0,
        };
        let details = Details::read(&self.volume, reference)?;
        Ok(details.entry(reference))
    }
}

/// The path of what is called `name` in the directory `directory`.
pub fn join(directory: &str, name: &str) -> String {
    let mut path =
        String::with_capacity(directory.len().saturating_add(name.len()).saturating_add(1));
    path.push_str(directory);
    if !directory.ends_with('/') {
        path.push('/');
    }
    path.push_str(name);
    path
}

/// The path, and the stream after a `:` in its last component.
fn split_stream(path: &str) -> (&str, Option<&str>) {
    let last = path.rfind(['/', '\\']).map_or(0, |at| at.saturating_add(1));
    let (before, name) = path.split_at_checked(last).unwrap_or((path, ""));
    match name.split_once(':') {
        None => (path, None),
        Some((file, stream)) => {
            let len = before.len().saturating_add(file.len());
            let stream = stream.strip_suffix(":$DATA").unwrap_or(stream);
            (
                path.get(..len).unwrap_or(path),
                Some(stream).filter(|stream| !stream.is_empty()),
            )
        }
    }
}

fn record_number(component: &str) -> Option<RecordNumber> {
    let number = component.strip_prefix(RECORD_PREFIX)?.strip_suffix(']')?;
    number.parse().ok().map(RecordNumber)
}
