//! Writes files to their folders, on several threads.

use std::collections::HashMap;
use std::fmt::Display;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ntfsclone_core::ntfs::{Content, ContentError, Volume};
use ntfsclone_core::tree::{ContentReader, Details, Entry, Part, Times, open_content};

use super::folder::Folder;
use super::part_file::PartFile;
use crate::device::{self, Directory, FileTime};
use crate::error::{Error, Result};
use crate::host::progress::Progress;
use crate::host::signals;
use crate::report;
use crate::source::Device;

/// Bytes that are read in one call.
const READ_BYTES: usize = 1 << 20;

/// Bytes of an extended attribute on Linux, at most.
const MAX_ATTRIBUTE: u64 = 64 << 10;

/// The stream that has the content of a file that WOF compressed.
const WOF_STREAM: &str = "WofCompressedData";

/// In the DOS attributes.
const READ_ONLY: u32 = 1;

/// Seconds from 1601 to 1970, and units of NTFS times in a second.
const SECONDS_TO_1970: i64 = 11_644_473_600;
const UNITS: u64 = 10_000_000;

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
    streams: bool,
    /// By record.
    linked: Mutex<HashMap<u64, Linked>>,
    /// Unique in this folder: other runs have others.
    prefix: String,
    parts: AtomicU64,
    failures: AtomicU64,
    files: AtomicU64,
    progress: Mutex<Progress>,
    /// The target takes nothing more.
    fatal: Mutex<Option<Error>>,
    is_stopped: AtomicBool,
}

/// Why a file is not written.
enum Failure {
    Read(String),
    Written(&'static str, io::Error),
}

impl Writer {
    pub fn new(
        device: &Arc<Device>,
        root: &Arc<Folder>,
        (replaces, streams): (bool, bool),
        progress: Progress,
    ) -> Result<Self> {
        let volume = Volume::open_or_salvage(Arc::clone(device));
        let random = getrandom::u64().map_err(|error| {
            Error::io(
                "read",
                "random numbers".as_ref(),
                io::Error::other(error.to_string()),
            )
        })?;
        Ok(Self {
            volume: volume.map_err(|error| Error::read(device.path(), error))?,
            device: Arc::clone(device),
            root: Arc::clone(root),
            replaces,
            streams,
            linked: Mutex::default(),
            prefix: format!(".ntfsclone-{:08x}", random as u32),
            parts: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            files: AtomicU64::new(0),
            progress: Mutex::new(progress),
            fatal: Mutex::default(),
            is_stopped: AtomicBool::new(false),
        })
    }

    /// Names what could not be read or written.
    pub fn fail(&self, path: &str, why: impl Display) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        report::warning(format_args!("{path}: {why}"));
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
                self.fail(path, "a directory has its name on the target");
            }
            io::ErrorKind::AlreadyExists => {
                self.fail(
                    path,
                    "there is a file of its name already; --overwrite replaces it",
                );
            }
            _ => self.fail(path, format_args!("cannot {operation} it: {error}")),
        }
    }

    /// Writes a file, or names why not.
    pub fn write(&self, job: Job) {
        if self.is_stopped() {
            return;
        }
        let details = match Details::read(&self.volume, job.entry.reference) {
            Ok(details) => details,
            Err(error) => return self.fail(&job.path, report::with_causes(&error)),
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
            let name = job.entry.name.to_string();
            let make = |here: &Directory, part: &str| here.link(&directory, &first, part);
            let target = self.make_link(&job.folder, &name, record, make)?;
            self.note_name(&job.path, &name, &target);
            Ok::<_, io::Error>(())
        });
        match linked {
            Some(Ok(())) => {
                self.files.fetch_add(1, Ordering::Relaxed);
                self.advance(details.size);
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
                self.files.fetch_add(1, Ordering::Relaxed);
                Some(name)
            }
            Err(Failure::Read(why)) => {
                self.fail(&job.path, why);
                None
            }
            Err(Failure::Written(operation, error)) => {
                self.fail_to_write(&job.path, operation, error);
                None
            }
        }
    }

    fn try_write(&self, job: &Job, details: &Details) -> Result<String, Failure> {
        // Found before the content is read, which may take long.
        let found = job.folder.find(&job.entry.name.to_string());
        if let Ok(Some(found)) = found
            && (!self.replaces || found.is_directory)
            && !job.folder.has_made(found.inode)
        {
            let error = io::ErrorKind::AlreadyExists.into();
            return Err(Failure::Written("create", error));
        }
        let content = self.open(job, "").map_err(Failure::Read)?;
        let is_read_only = details.attributes & READ_ONLY != 0;
        let part = PartFile::create(&job.folder, self.part_name(), is_read_only);
        let mut part = part.map_err(|error| Failure::Written("create", error))?;
        self.copy(&content, &part)?;
        if self.streams {
            self.write_streams(job, details, &part);
        }
        // Not all file systems have them.
        let _ = device::set_times(&part.file, times_of(&details.times));
        let failed = |error| Failure::Written("create", error);
        let inode = device::inode(&part.file).map_err(failed)?;
        let name = job.entry.name.to_string();
        let record = job.entry.reference.record.0;
        let part = Mutex::new(&mut part);
        let named = job
            .folder
            .with_name(&name, record, |name| lock(&part).put(name, self.replaces));
        let (target, ()) = named.map_err(failed)?;
        job.folder.note(inode);
        self.note_name(&job.path, &name, &target);
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
                Some(Part::Hole(len)) => self.advance(len),
                Some(Part::Bytes) => {
                    device::write_all_at(&part.file, position, &bytes).map_err(write)?;
                    end = position + bytes.len() as u64;
                    self.advance(bytes.len() as u64);
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

    /// Writes the named streams as extended attributes, by the names that ntfs-3g gives them.
    fn write_streams(&self, job: &Job, details: &Details, part: &PartFile) {
        for stream in &details.streams {
            let name = stream.name.to_string();
            if name == WOF_STREAM {
                continue;
            }
            let path = format!("{}:{name}", job.path);
            if stream.size > MAX_ATTRIBUTE {
                self.fail(
                    &path,
                    "a stream of more than 64 KiB is no extended attribute; use cat",
                );
                continue;
            }
            let read = self
                .open(job, &name)
                .and_then(|content| self.read_all(&content));
            let written = read.and_then(|value| {
                device::set_attribute(&part.file, &format!("user.{name}"), &value)
                    .map_err(|error| format!("cannot write it as an extended attribute: {error}"))
            });
            if let Err(why) = written {
                self.fail(&path, why);
            }
        }
    }

    fn read_all(&self, content: &Content) -> Result<Vec<u8>, String> {
        let mut reader = ContentReader::new(&self.volume, content);
        let (mut all, mut bytes) = (Vec::new(), Vec::new());
        loop {
            let next = reader.next(READ_BYTES, &mut bytes);
            match next.map_err(|error| report::with_causes(&error).to_string())? {
                None => return Ok(all),
                Some(Part::Bytes) => all.extend_from_slice(&bytes),
                Some(Part::Hole(len)) => all.resize(all.len() + len as usize, 0),
            }
        }
    }

    fn open(&self, job: &Job, stream: &str) -> Result<Content, String> {
        let record = job.entry.reference.record;
        let content = open_content(&self.volume, self.device.index(), record, stream);
        content.map_err(|error: ContentError| report::with_causes(&error).to_string())
    }

    /// Reports a name that the target could not hold, or holds once.
    pub fn note_name(&self, path: &str, name: &str, target: &str) {
        if name != target {
            report::warning(format_args!(
                "{path}: the target cannot hold this name, it is {target} there"
            ));
        }
    }

    /// The name of a file that is not complete.
    pub fn part_name(&self) -> String {
        let number = self.parts.fetch_add(1, Ordering::Relaxed);
        format!("{}-{number}.part", self.prefix)
    }

    fn advance(&self, bytes: u64) {
        let mut progress = lock(&self.progress);
        let done = progress.done() + bytes;
        progress.advance_to(done);
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
        let progress = self.progress.into_inner();
        let progress = progress.unwrap_or_else(PoisonError::into_inner);
        let bytes = progress.done();
        let took = progress.finish();
        let files = report::count(self.files.into_inner(), "file", "files");
        report::Reports::TO_STDOUT.line(report::done(&format!("Extracted {files},"), bytes, took));
        match self.failures.into_inner() {
            0 => Ok(()),
            failures => Err(Error::Incomplete {
                path: self.device.path().to_owned(),
                found: report::count(
                    failures,
                    "file or directory could not be extracted",
                    "files or directories could not be extracted",
                ),
            }),
        }
    }
}

/// The times of the last access and of the last change.
pub fn times_of(times: &Times) -> [FileTime; 2] {
    [times.accessed, times.modified].map(|time| FileTime {
        seconds: (time / UNITS).cast_signed() - SECONDS_TO_1970,
        nanoseconds: (time % UNITS) as u32 * 100,
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
