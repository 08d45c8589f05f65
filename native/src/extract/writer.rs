//! Writes files to their folders, on several threads.

use std::collections::{HashMap, hash_map};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ntfsclone_core::ntfs::{Content, Volume};
use ntfsclone_core::tree::{ContentReader, Details, Entry, Part};
use ntfsclone_core::units::RecordNumber;

use super::attributes::AttributeReader;
use super::folder::Folder;
use super::part_file::PartFile;
use super::tally::Tally;
use super::target_attributes::TargetAttributes;
use super::times::times_of;
use super::{READ_BYTES, is_read_only};
use crate::device::{self, Directory, Handle};
use crate::error::{Error, Result};
use crate::host::signals;
use crate::options::Encrypted;
use crate::report::{self, Reports};
use crate::source::Device;

/// A file that is to be written.
pub struct Job {
    pub path: String,
    pub entry: Entry,
    pub folder: Arc<Folder>,
}

/// What was made of a file that has several names.
enum Linked {
    /// It is being written; the others wait.
    Pending(Vec<Job>),
    /// The names on the way to it, and its own.
    Done(Vec<String>, String),
    /// It cannot be read.
    Failed,
}

/// Writes files, and counts what could not be.
pub struct Writer {
    device: Arc<Device>,
    volume: Volume<Arc<Device>>,
    root: Arc<Folder>,
    replaces: bool,
    encrypted: Encrypted,
    /// What is read and set beside the content, if anything.
    attributes: Option<(AttributeReader, TargetAttributes)>,
    pub tally: Tally,
    /// By record.
    linked: Mutex<HashMap<u64, Linked>>,
    /// A directory of each file system that is written to, opened before that.
    file_systems: Mutex<HashMap<u64, Directory>>,
    /// Unique in this folder: other runs have others.
    prefix: String,
    parts: AtomicU64,
    /// The target takes nothing more.
    fatal: Mutex<Option<Error>>,
    is_stopped: AtomicBool,
}

/// What is written, and how.
#[derive(Debug, Clone, Copy)]
pub struct WriterOptions {
    /// Replace files that exist.
    pub replaces: bool,
    /// Write extended attributes.
    pub xattrs: bool,
    pub encrypted: Encrypted,
}

/// Why a file is not written.
enum Failure {
    Read(String),
    Written(&'static str, io::Error),
}

impl Writer {
    pub fn new(
        volume: Volume<Arc<Device>>,
        root: &Arc<Folder>,
        options: WriterOptions,
        tally: Tally,
    ) -> Result<Self> {
        let attributes = options.xattrs.then(|| {
            let target = TargetAttributes::new(root.path.display().to_string());
            (AttributeReader::new(&volume, options.encrypted), target)
        });
        let random = getrandom::u64().map_err(|error| {
            Error::io(
                "read",
                "random numbers".as_ref(),
                io::Error::other(error.to_string()),
            )
        })?;
        Ok(Self {
            device: Arc::clone(volume.source()),
            volume,
            root: Arc::clone(root),
            replaces: options.replaces,
            encrypted: options.encrypted,
            attributes,
            tally,
            linked: Mutex::default(),
            file_systems: Mutex::default(),
            prefix: format!(".ntfsclone-{:08x}", random as u32),
            parts: AtomicU64::new(0),
            fatal: Mutex::default(),
            is_stopped: AtomicBool::new(false),
        })
    }

    /// To be called with each folder before something is written to it.
    ///
    /// # Errors
    ///
    /// Of a file system that was not written to before.
    pub fn begin_folder(&self, folder: &Folder) -> io::Result<()> {
        if let hash_map::Entry::Vacant(new) = lock(&self.file_systems).entry(folder.file_system) {
            new.insert(folder.directory.below(&[])?);
        }
        Ok(())
    }

    /// Sets the extended attributes of a file or directory, if they are wanted.
    pub fn set_attributes(
        &self,
        file: &impl Handle,
        (path, record): (&str, RecordNumber),
        details: &Details,
    ) {
        if let Some((reader, target)) = &self.attributes {
            let attributes = reader.read(&self.volume, (path, record), details, &self.tally);
            target.set(file, path, &attributes, &self.tally);
        }
    }

    /// Whether nothing more can be written.
    pub fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
    }

    /// What an error of the target means: of a name that file alone, else all.
    pub fn fail_to_write(&self, path: &str, operation: &'static str, error: io::Error) {
        use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        let is_full = matches!(
            error.kind(),
            StorageFull | QuotaExceeded | ReadOnlyFilesystem
        );
        if is_full || operation == "write to" && error.kind() != io::ErrorKind::FileTooLarge {
            let error = Error::io(operation, &self.root.path, error);
            lock(&self.fatal).get_or_insert(error);
            self.is_stopped.store(true, Ordering::Relaxed);
            return;
        }
        match error.kind() {
            io::ErrorKind::AlreadyExists if self.replaces => {
                self.tally
                    .fail(path, "a directory has its name on the target");
            }
            io::ErrorKind::AlreadyExists => {
                self.tally.fail(
                    path,
                    "there is a file of its name already; --overwrite replaces it",
                );
            }
            _ => self
                .tally
                .fail(path, format_args!("cannot {operation} it: {error}")),
        }
    }

    /// Writes a file, or names why not.
    pub fn write(&self, job: Job) {
        if self.is_stopped() {
            return;
        }
        let details = match Details::read(&self.volume, job.entry.reference) {
            Ok(details) => details,
            Err(error) => return self.tally.fail(&job.path, report::with_causes(&error)),
        };
        if details.links < 2 {
            self.write_alone(&job, &details);
            return;
        }
        let record = job.entry.reference.record.0;
        let first = {
            let mut linked = lock(&self.linked);
            match linked.get_mut(&record) {
                None => {
                    linked.insert(record, Linked::Pending(Vec::new()));
                    None
                }
                Some(Linked::Pending(waiting)) => {
                    waiting.push(job);
                    return;
                }
                Some(Linked::Failed) => Some(None),
                Some(Linked::Done(names, name)) => Some(Some((names.clone(), name.clone()))),
            }
        };
        match first {
            Some(first) => self.link(&job, first, &details),
            None => {
                let written = self.write_alone(&job, &details);
                let written = written.map(|name| (job.folder.names.clone(), name));
                let state = match &written {
                    Some((names, name)) => Linked::Done(names.clone(), name.clone()),
                    None => Linked::Failed,
                };
                let before = lock(&self.linked).insert(record, state);
                if let Some(Linked::Pending(waiting)) = before {
                    for job in waiting {
                        self.link(&job, written.clone(), &details);
                    }
                }
            }
        }
    }

    /// Gives a file that was written a further name.
    fn link(&self, job: &Job, first: Option<(Vec<String>, String)>, details: &Details) {
        let linked = first.map(|(names, first)| {
            let directory = self.root.directory.below(&names)?;
            let record = job.entry.reference.record.0;
            let name = self.encrypted.name(job.entry.name.to_string(), details);
            let make = |here: &Directory, part: &str| here.link(&directory, &first, part);
            let target = self.make_link(&job.folder, &name, record, make)?;
            self.tally.note_name(&job.path, &name, &target);
            Ok::<_, io::Error>(())
        });
        match linked {
            Some(Ok(())) => {
                self.tally.count_file();
                self.tally.advance(details.size);
            }
            Some(Err(error)) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.fail_to_write(&job.path, "create", error);
            }
            // Where there are no hard links, or too many, it is a copy.
            Some(Err(_)) | None => {
                self.write_alone(job, details);
            }
        }
    }

    /// Makes a hard or symbolic link, first under another name, and gives it its own. Returns that.
    pub fn make_link(
        &self,
        folder: &Folder,
        name: &str,
        record: u64,
        make: impl Fn(&Directory, &str) -> io::Result<()>,
    ) -> io::Result<String> {
        let part = self.part_name();
        let here = &folder.directory;
        // An interruption waits until it has its name.
        signals::with_parts(|_| {
            make(here, &part)?;
            let named = folder.with_name(name, record, |name| {
                if self.replaces
                    && let Some(found) = here.find(name)?
                    && (folder.has_made(found.inode) || found.is_directory)
                {
                    return Err(io::ErrorKind::AlreadyExists.into());
                }
                here.rename(&part, name, self.replaces)
            });
            // It is still there also after a rename to another name of the same file, which does nothing.
            let _ = here.remove(&part);
            let (target, ()) = named?;
            if let Some(found) = here.find(&target)? {
                folder.note(found.inode);
            }
            Ok(target)
        })
    }

    /// Writes a file as one of its own, and returns its name on the target.
    fn write_alone(&self, job: &Job, details: &Details) -> Option<String> {
        match self.try_write(job, details) {
            Ok(name) => {
                self.tally.count_file();
                Some(name)
            }
            Err(Failure::Read(why)) => {
                self.tally.fail(&job.path, why);
                None
            }
            Err(Failure::Written(operation, error)) => {
                self.fail_to_write(&job.path, operation, error);
                None
            }
        }
    }

    fn try_write(&self, job: &Job, details: &Details) -> Result<String, Failure> {
        let name = self.encrypted.name(job.entry.name.to_string(), details);
        // Found before the content is read, which may take long. In a new folder there is nothing.
        if !job.folder.is_new()
            && let Ok(Some(found)) = job.folder.find(&name)
            && (!self.replaces || found.is_directory)
            && !job.folder.has_made(found.inode)
        {
            let error = io::ErrorKind::AlreadyExists.into();
            return Err(Failure::Written("create", error));
        }
        let content = self.encrypted.open(&self.volume, &job.entry, details);
        let content = content.map_err(Failure::Read)?;
        let part = PartFile::create(&job.folder, self.part_name());
        let mut part = part.map_err(|error| Failure::Written("create", error))?;
        self.copy(&content, &part)?;
        let record = job.entry.reference.record;
        self.set_attributes(&part.file, (&job.path, record), details);
        // Not all file systems have these.
        if is_read_only(details) {
            let _ = device::make_read_only(&part.file);
        }
        let _ = device::set_times(&part.file, times_of(&details.times));
        let failed = |error| Failure::Written("create", error);
        let inode = device::inode(&part.file).map_err(failed)?;
        let part = Mutex::new(&mut part);
        let named = job
            .folder
            .with_name(&name, record.0, |name| lock(&part).put(name, self.replaces));
        let (target, ()) = named.map_err(failed)?;
        job.folder.note(inode);
        self.tally.note_name(&job.path, &name, &target);
        Ok(target)
    }

    /// Copies the content; what is a hole stays one.
    fn copy(&self, content: &Content, part: &PartFile) -> Result<(), Failure> {
        let mut reader = ContentReader::new(&self.volume, content);
        let mut bytes = Vec::new();
        let mut end = 0;
        let write = |error| Failure::Written("write to", error);
        loop {
            let position = reader.position();
            let next = reader.next(READ_BYTES, &mut bytes);
            match next.map_err(|error| Failure::Read(report::with_causes(&error).to_string()))? {
                None => break,
                Some(Part::Hole(len)) => self.tally.advance(len),
                Some(Part::Bytes) => {
                    device::write_all_at(&part.file, position, &bytes).map_err(write)?;
                    end = position + bytes.len() as u64;
                    self.tally.advance(bytes.len() as u64);
                }
            }
            if self.is_stopped() {
                break;
            }
        }
        if end != content.size() {
            part.file.set_len(content.size()).map_err(write)?;
        }
        Ok(())
    }

    /// The name of a file that is not complete.
    pub fn part_name(&self) -> String {
        let number = self.parts.fetch_add(1, Ordering::Relaxed);
        format!("{}-{number}.part", self.prefix)
    }

    /// The end of the run.
    ///
    /// # Errors
    ///
    /// Something could not be read or written.
    pub fn finish(self) -> Result<()> {
        if let Some(error) = lock(&self.fatal).take() {
            return Err(error);
        }
        // What the kernel could not write to the disk is reported now, or never.
        for directory in lock(&self.file_systems).values() {
            let synced = device::sync_file_system(directory);
            synced.map_err(|error| Error::io("finish", &self.root.path, error))?;
        }
        self.tally.finish(self.device.path(), Reports::TO_STDOUT)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
