//! Writes files of an image or volume to a folder.

use std::io;
use std::mem;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use ntfsclone_core::tree::{Details, Entry};

use super::extract_archive;
use super::file_tree::FileTree;
use crate::device;
use crate::error::{Error, Result};
use crate::extract::{
    Folder, Job, Level, Picked, Picker, Selection, Tally, Writer, WriterOptions, link_target,
    target_name, times_of,
};
use crate::host::progress::{Phase, Progress};
use crate::host::signals::{self, Unfinished};
use crate::options::{self, ExtractTarget, ExtractTask};
use crate::report;

/// Threads that write, at most: disks answer no more of them faster.
const MAX_THREADS: usize = 4;

/// Files that go to a thread together, at most; and bytes of them, after which no more are added. Of small files,
/// waking a thread for each takes longer than writing it.
const BATCH: usize = 32;
const BATCH_BYTES: u64 = 256 << 10;

/// Batches that wait for a thread. Each file keeps its folder open.
const QUEUED: usize = 4;

/// Folders that are open: as deep as a walk goes.
const OPEN_FOLDERS: usize = 1024 + 2 * BATCH * (QUEUED + MAX_THREADS);

pub fn run(task: &ExtractTask, progress: options::Progress) -> Result<()> {
    match &task.target {
        ExtractTarget::Folder { path, replaces } => to_folder(task, (path, *replaces), progress),
        ExtractTarget::Archive(order) => extract_archive::run(task, order, progress),
    }
}

fn to_folder(
    task: &ExtractTask,
    (folder, replaces): (&Path, bool),
    progress: options::Progress,
) -> Result<()> {
    let mut files = FileTree::open(&task.source, task.by)?;
    let selection = Selection::new(&mut files, &task.paths)?;
    let tally = Tally::new(start_progress(progress, || {
        selected_bytes(&mut files, &selection)
    }));
    device::allow_open_files(OPEN_FOLDERS);
    let root = signals::begin(|| {
        let root = Folder::open(folder);
        let root = root.map_err(|error| Error::io("write to", folder, error))?;
        Ok((Arc::new(root), Unfinished::Files))
    })?;
    let options = WriterOptions {
        replaces,
        xattrs: task.xattrs,
        encrypted: task.encrypted,
    };
    let writer = Writer::new(files.reopen_volume()?, &root, options, tally)?;
    let begun = writer.begin_folder(&root);
    begun.map_err(|error| Error::io("write to", folder, error))?;
    let (jobs, queue) = sync_channel(QUEUED);
    let queue = Mutex::new(queue);
    thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let mut started = 0;
        for _ in 0..threads.min(MAX_THREADS) {
            let thread = thread::Builder::new().name("extracts".to_owned());
            let work = || write_all(&queue, &writer);
            started += usize::from(thread.spawn_scoped(scope, work).is_ok());
        }
        let mut walk = ExtractionWalk {
            task,
            files: &mut files,
            writer: &writer,
            jobs: (started > 0).then_some(jobs),
            batch: Vec::new(),
            batch_bytes: 0,
        };
        for root_of_walk in &selection.roots {
            let mut picker = Picker::new(&selection, root_of_walk, Some(Arc::clone(&root)));
            walk.run(&mut picker)?;
        }
        walk.send_batch();
        Ok::<_, Error>(())
    })?;
    writer.finish()
}

/// Writes files as they come.
fn write_all(queue: &Mutex<Receiver<Vec<Job>>>, writer: &Writer) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(batch) = next else { return };
        for job in batch {
            writer.write(job);
        }
    }
}

/// Begins to show progress; `total` counts all bytes, if that is shown.
pub(super) fn start_progress(progress: options::Progress, total: impl FnOnce() -> u64) -> Progress {
    let total = match progress {
        options::Progress::None => 0,
        _ => total(),
    };
    Progress::start(progress, Phase::Extract, total)
}

/// The bytes of all files that are selected, as their directories know them.
pub(super) fn selected_bytes(files: &mut FileTree, selection: &Selection) -> u64 {
    let mut bytes: u64 = 0;
    for root in &selection.roots {
        let mut picker: Picker<'_, Folder> = Picker::new(selection, root, None);
        while let Some(picked) = picker.next(files) {
            if let Picked::Entry { entry, .. } = picked
                && !entry.kind.is_directory()
            {
                bytes = bytes.saturating_add(entry.size);
            }
        }
    }
    bytes
}

/// The walk over what is selected: makes folders and links, and hands files to the threads.
struct ExtractionWalk<'a> {
    task: &'a ExtractTask,
    files: &'a mut FileTree,
    writer: &'a Writer,
    /// `None` if no thread could be started: files are written in between.
    jobs: Option<SyncSender<Vec<Job>>>,
    /// Files for the next thread, and the bytes of them, as their directories know them.
    batch: Vec<Job>,
    batch_bytes: u64,
}

impl ExtractionWalk<'_> {
    fn run(&mut self, picker: &mut Picker<'_, Folder>) -> Result<()> {
        while let Some(picked) = picker.next(self.files) {
            if self.writer.is_stopped() {
                break;
            }
            match picked {
                Picked::IndexDamaged { path, damage } => report::warning(format_args!(
                    "{path}: its index is damaged, the MFT is used instead: {}",
                    report::with_causes(&damage)
                )),
                Picked::Failed { path, error } => {
                    self.writer.tally.fail(&path, report::with_causes(&error));
                }
                Picked::Entry { path, entry } => {
                    let Some(folder) = self.folder(picker) else {
                        picker.skip_directory();
                        continue;
                    };
                    if entry.kind.is_link() {
                        self.link(&path, &entry, &folder, picker)?;
                    } else if !entry.kind.is_directory() {
                        self.write(Job {
                            path,
                            entry,
                            folder,
                        });
                    }
                }
            }
        }
        Ok(())
    }

    fn write(&mut self, job: Job) {
        self.batch_bytes = self.batch_bytes.saturating_add(job.entry.size);
        self.batch.push(job);
        if self.batch.len() >= BATCH || self.batch_bytes >= BATCH_BYTES {
            self.send_batch();
        }
    }

    fn send_batch(&mut self) {
        let batch = mem::take(&mut self.batch);
        self.batch_bytes = 0;
        match &self.jobs {
            // They end only after this.
            Some(jobs) => {
                let _ = jobs.send(batch);
            }
            None => {
                for job in batch {
                    self.writer.write(job);
                }
            }
        }
    }

    /// The folder of the directory that the walk is in, and those on the way to it.
    fn folder(&self, picker: &mut Picker<'_, Folder>) -> Option<Arc<Folder>> {
        let mut parent: Option<Arc<Folder>> = None;
        for level in &mut picker.levels {
            let folder = match (&level.made, &parent) {
                (Some(made), _) => Arc::clone(made),
                (None, Some(parent)) => self.make(level, parent)?,
                (None, None) => return None,
            };
            level.made = Some(Arc::clone(&folder));
            parent = Some(folder);
        }
        parent
    }

    fn make(&self, level: &Level<Folder>, parent: &Folder) -> Option<Arc<Folder>> {
        let reference = level.entry.reference;
        // The directory above has copies of them, which Windows updates late.
        let details = Details::read(self.files.tree.volume(), reference);
        let times = details
            .as_ref()
            .map_or(level.entry.times, |details| details.times);
        let name = match level.entry.name.is_empty() {
            true => level.path.trim_start_matches('/').to_owned(),
            false => level.entry.name.to_string(),
        };
        match parent.make(&name, reference.record.0, times_of(&times)) {
            Ok((folder, target)) => {
                self.writer.tally.note_name(&level.path, &name, &target);
                if let Err(error) = self.writer.begin_folder(&folder) {
                    self.writer.fail_to_write(&level.path, "open", error);
                    return None;
                }
                if let Ok(details) = &details
                    && folder.is_new()
                {
                    let file = (level.path.as_str(), reference.record);
                    self.writer.set_attributes(&folder.directory, file, details);
                }
                Some(Arc::new(folder))
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let why = "a file or link has its name on the target; what is in it is left out";
                self.writer.tally.fail(&level.path, why);
                None
            }
            Err(error) => {
                self.writer.fail_to_write(&level.path, "create", error);
                None
            }
        }
    }

    /// Makes a symbolic link of a link or junction.
    fn link(
        &mut self,
        path: &str,
        entry: &Entry,
        folder: &Folder,
        picker: &Picker<'_, Folder>,
    ) -> Result<()> {
        if !self.task.keeps_links {
            return Ok(());
        }
        let details = match Details::read(self.files.tree.volume(), entry.reference) {
            Ok(details) => details,
            Err(error) => {
                self.writer.tally.fail(path, report::with_causes(&error));
                return Ok(());
            }
        };
        let Some(target) = &details.target else {
            self.writer
                .tally
                .fail(path, "where the link leads is damaged");
            return Ok(());
        };
        let parent = picker.levels.last().map_or("/", |level| &level.path);
        let name_of = |name: &str| target_name(name).into_owned();
        let Some(leads_to) = link_target(self.files, target, parent, name_of)? else {
            let why = format!("the link leads out of the volume, to {}", target.path);
            self.writer.tally.fail(path, why);
            return Ok(());
        };
        let name = entry.name.to_string();
        let times = times_of(&details.times);
        let record = entry.reference.record.0;
        let linked = self
            .writer
            .make_link(folder, &name, record, |directory, part| {
                directory.symlink(&leads_to, part)?;
                // Not all file systems have them.
                let _ = directory.set_link_times(part, times);
                Ok(())
            });
        match linked {
            Ok(target) => self.writer.tally.note_name(path, &name, &target),
            Err(error) => self.writer.fail_to_write(path, "create", error),
        }
        Ok(())
    }
}
