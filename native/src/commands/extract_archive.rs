//! Writes files of an image or volume to an archive.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use ntfsclone_core::tree::{Details, Entry};

use super::extract::{selected_bytes, start_progress};
use super::file_tree::FileTree;
use crate::error::Result;
use crate::extract::{
    Archive, ArchiveStream, Archived, AttributeReader, Body, ExtendedAttribute, Member, Picked,
    Picker, Selection, Tally, TarArchive, ZipArchive, error_of_target, is_read_only, link_target,
};
use crate::options::{self, ArchiveFormat, ArchiveOrder, ExtractTask};
use crate::report::{self, Reports, with_causes};
use crate::sink::{Destination, Needs, Readers};

pub fn run(task: &ExtractTask, order: &ArchiveOrder, progress: options::Progress) -> Result<()> {
    let mut files = FileTree::open(&task.source, task.by)?;
    // Check the output before the time that looking for files may take.
    let destination = Destination::open(&order.output, Readers::Owner, files.device.metadata())?;
    let selection = Selection::new(&mut files, &task.paths)?;
    let tally = Tally::new(start_progress(progress, || {
        selected_bytes(&mut files, &selection)
    }));
    let attributes = task
        .xattrs
        .then(|| AttributeReader::new(files.tree.volume(), task.encrypted));
    let target = destination.begin(Needs {
        bytes: 0,
        device_size: 0,
    })?;
    let stream = ArchiveStream::new(target);
    let mut walk = ArchiveWalk {
        task,
        files: &mut files,
        archive: match order.format {
            ArchiveFormat::Tar => Box::new(TarArchive::new(stream)),
            ArchiveFormat::Zip => Box::new(ZipArchive::new(stream)),
        },
        attributes,
        tally: &tally,
        linked: HashMap::new(),
        buffer: Vec::new(),
    };
    let root = Arc::new(ArchiveFolder::default());
    for root_of_walk in &selection.roots {
        let mut picker = Picker::new(&selection, root_of_walk, Some(Arc::clone(&root)));
        walk.run(&mut picker)?;
    }
    let stream = walk.archive.finish().map_err(error_of_target)?;
    stream.finish()?;
    tally.finish(files.device.path(), Reports::beside(&order.output))
}

/// A directory in the archive.
#[derive(Default)]
struct ArchiveFolder {
    /// Empty of the root, which is not in the archive.
    path: String,
    /// The names that were given in it.
    names: Mutex<HashSet<String>>,
}

/// The walk over what is selected, which puts all of it into the archive.
struct ArchiveWalk<'a> {
    task: &'a ExtractTask,
    files: &'a mut FileTree,
    archive: Box<dyn Archive>,
    attributes: Option<AttributeReader>,
    tally: &'a Tally,
    /// The paths in the archive of files with several names, by record.
    linked: HashMap<u64, String>,
    /// For the content of files.
    buffer: Vec<u8>,
}

impl ArchiveWalk<'_> {
    fn run(&mut self, picker: &mut Picker<'_, ArchiveFolder>) -> Result<()> {
        while let Some(picked) = picker.next(self.files) {
            match picked {
                Picked::IndexDamaged { path, damage } => report::warning(format_args!(
                    "{path}: its index is damaged, the MFT is used instead: {}",
                    with_causes(&damage)
                )),
                Picked::Failed { path, error } => self.tally.fail(&path, with_causes(&error)),
                Picked::Entry { path, entry } => {
                    let Some(folder) = self.folder(picker)? else {
                        picker.skip_directory();
                        continue;
                    };
                    if entry.kind.is_link() {
                        let parent = picker.levels.last().map_or("/", |level| &level.path);
                        self.add_link((&path, &entry), &folder, parent)?;
                    } else if !entry.kind.is_directory() {
                        self.add_file((&path, &entry), &folder)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The directory that the walk is in; it and those on the way to it are added if they are not there yet. `None` if
    /// it cannot be.
    fn folder(
        &mut self,
        picker: &mut Picker<'_, ArchiveFolder>,
    ) -> Result<Option<Arc<ArchiveFolder>>> {
        let mut parent: Option<Arc<ArchiveFolder>> = None;
        for level in &mut picker.levels {
            let folder = match (&level.made, &parent) {
                (Some(made), _) => Arc::clone(made),
                (None, Some(parent)) => {
                    let name = base_name(&level.path, &level.entry);
                    let path = self.path_in(parent, (&level.path, &level.entry), &name);
                    // The directory above has copies of these, which Windows updates late.
                    let details = Details::read(self.files.tree.volume(), level.entry.reference);
                    let times = details
                        .as_ref()
                        .map_or(level.entry.times, |details| details.times);
                    let attributes = match &details {
                        Ok(details) => self.attributes_of((&level.path, &level.entry), details),
                        Err(_) => Vec::new(),
                    };
                    let member = Member {
                        path: &path,
                        times,
                        is_read_only: false,
                        attributes: &attributes,
                    };
                    let added = self.archive.add_directory(&member);
                    added.map_err(error_of_target)?;
                    Arc::new(ArchiveFolder {
                        path,
                        names: Mutex::default(),
                    })
                }
                (None, None) => return Ok(None),
            };
            level.made = Some(Arc::clone(&folder));
            parent = Some(folder);
        }
        Ok(parent)
    }

    fn path_in(&self, folder: &ArchiveFolder, file: (&str, &Entry), name: &str) -> String {
        path_in(&*self.archive, self.tally, folder, (file, name))
    }

    fn attributes_of(
        &self,
        (path, entry): (&str, &Entry),
        details: &Details,
    ) -> Vec<ExtendedAttribute> {
        let volume = self.files.tree.volume();
        let record = entry.reference.record;
        let read =
            |reader: &AttributeReader| reader.read(volume, (path, record), details, self.tally);
        self.attributes.as_ref().map(read).unwrap_or_default()
    }

    /// The details of a file; `None` if they cannot be read.
    fn details(&self, (path, entry): (&str, &Entry)) -> Option<Details> {
        let details = Details::read(self.files.tree.volume(), entry.reference);
        details
            .inspect_err(|error| self.tally.fail(path, with_causes(error)))
            .ok()
    }

    fn add_link(
        &mut self,
        (path, entry): (&str, &Entry),
        folder: &ArchiveFolder,
        parent: &str,
    ) -> Result<()> {
        if !self.task.keeps_links {
            return Ok(());
        }
        let Some(details) = self.details((path, entry)) else {
            return Ok(());
        };
        let Some(target) = &details.target else {
            self.tally.fail(path, "where the link leads is damaged");
            return Ok(());
        };
        let name_of = |name: &str| self.archive.name_of(name);
        let Some(leads_to) = link_target(self.files, target, parent, name_of)? else {
            let why = format!("the link leads out of the volume, to {}", target.path);
            self.tally.fail(path, why);
            return Ok(());
        };
        let member = Member {
            path: &self.path_in(folder, (path, entry), &base_name(path, entry)),
            times: details.times,
            is_read_only: false,
            attributes: &[],
        };
        let added = self.archive.add_symlink(&member, &leads_to);
        added.map_err(error_of_target)
    }

    fn add_file(&mut self, (path, entry): (&str, &Entry), folder: &ArchiveFolder) -> Result<()> {
        let Some(details) = self.details((path, entry)) else {
            return Ok(());
        };
        let record = entry.reference.record;
        let name = self.task.encrypted.name(base_name(path, entry), &details);
        let first = self.linked.get(&record.0).filter(|_| details.links > 1);
        if let Some(first) = first
            && self.archive.has_hard_links()
        {
            let member = Member {
                path: &self.path_in(folder, (path, entry), &name),
                times: details.times,
                is_read_only: is_read_only(&details),
                attributes: &[],
            };
            let added = self.archive.add_hard_link(&member, first);
            added.map_err(error_of_target)?;
            self.tally.count_file();
            self.tally.advance(details.size);
            return Ok(());
        }
        let volume = self.files.tree.volume();
        let content = match self.task.encrypted.open(volume, entry, &details) {
            Ok(content) => content,
            Err(why) => {
                self.tally.fail(path, why);
                return Ok(());
            }
        };
        let mut body = match Body::open(volume, &content, &mut self.buffer) {
            Ok(body) => body,
            Err(error) => {
                self.tally.fail(path, with_causes(&error));
                return Ok(());
            }
        };
        let path_in_archive = path_in(&*self.archive, self.tally, folder, ((path, entry), &name));
        let attributes = self.attributes.as_ref();
        let attributes = attributes
            .map(|reader| reader.read(volume, (path, record), &details, self.tally))
            .unwrap_or_default();
        let member = Member {
            path: &path_in_archive,
            times: details.times,
            is_read_only: is_read_only(&details),
            attributes: &attributes,
        };
        let advance = |bytes| self.tally.advance(bytes);
        let archived = self.archive.add_file(&member, &mut body, &advance);
        match archived.map_err(error_of_target)? {
            Archived::Whole => {
                self.tally.count_file();
                if details.links > 1 {
                    self.linked.insert(record.0, path_in_archive);
                }
            }
            Archived::Damaged(why) => {
                let remark = self.archive.damaged_remark();
                self.tally.fail(path, format_args!("{why}; {remark}"));
            }
        }
        Ok(())
    }
}

/// The name of a file or directory; of one that is in no directory, its path.
fn base_name(path: &str, entry: &Entry) -> String {
    match entry.name.is_empty() {
        true => path.trim_start_matches('/').to_owned(),
        false => entry.name.to_string(),
    }
}

/// The path in the archive of a file in `folder`, which is to be called `name`. No other has it.
fn path_in(
    archive: &dyn Archive,
    tally: &Tally,
    folder: &ArchiveFolder,
    ((path, entry), name): ((&str, &Entry), &str),
) -> String {
    let mut names = folder.names.lock().unwrap_or_else(PoisonError::into_inner);
    let mut target = archive.name_of(name);
    if names.contains(&target) {
        let record = entry.reference.record;
        target = archive.name_of(&format!("{target}~{record}"));
    }
    tally.note_name(path, name, &target);
    let path = match folder.path.as_str() {
        "" => target.clone(),
        folder => format!("{folder}/{target}"),
    };
    names.insert(target);
    path
}
