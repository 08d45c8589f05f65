//! File systems that are mounted by FUSE: the files of a volume ([`VolumeTree`]), and the volume as one file
//! ([`VolumeFile`]). Volumes do not change while they are mounted, so the kernel caches all that it is given.

mod attributes;
mod decompressed;
mod handles;
mod link;
mod names;
mod volume_file;
mod volume_tree;

use std::mem::ManuallyDrop;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::Duration;

use fuser::{BackgroundSession, Config, MountOption, Session, SessionACL};

pub use fuser::Filesystem as FileSystem;
pub use volume_file::VolumeFile;
pub use volume_tree::VolumeTree;

use crate::device;
use crate::error::{Error, Result};

/// How long the kernel may keep what it knows: it stays true.
const CACHED: Duration = Duration::from_secs(24 * 60 * 60);

/// Threads that answer requests, at most.
const MOST_THREADS: usize = 8;

/// Bytes that the kernel reads ahead: all threads have something to do then, and are woken less often.
const READ_AHEAD: u64 = 1 << 20;

/// How a file system is mounted.
pub struct MountOptions<'a> {
    /// What is mounted, as the list of mounts shows it.
    pub source: &'a Path,
    pub is_writable: bool,
    /// What is read must be decompressed first.
    pub is_compressed: bool,
    /// For all users, not only the one who mounts.
    pub allow_other: bool,
}

/// A file system that is mounted.
pub struct Mounted {
    /// Never dropped: that would unmount whatever is on the directory by then.
    _session: ManuallyDrop<BackgroundSession>,
}

impl Mounted {
    /// Mounts `file_system` on `directory`, and answers requests on threads of its own.
    ///
    /// # Errors
    ///
    /// There is no FUSE; the user may not mount there.
    pub fn new(
        file_system: impl FileSystem,
        directory: &Path,
        options: &MountOptions<'_>,
    ) -> Result<Self> {
        if !device::has_fuse() {
            return Err(Error::refused(
                directory,
                "there is no FUSE on this machine to mount with",
                "load it with modprobe fuse, as root; in a container, give it /dev/fuse",
            ));
        }
        let mut config = Config::default();
        // A comma separates options.
        let source = options.source.display().to_string().replace(',', "_");
        config.mount_options = vec![
            MountOption::FSName(source),
            MountOption::Subtype("ntfsclone".to_owned()),
            MountOption::DefaultPermissions,
            MountOption::NoAtime,
            match options.is_writable {
                true => MountOption::RW,
                false => MountOption::RO,
            },
        ];
        if options.allow_other {
            config.acl = SessionACL::All;
        }
        config.n_threads = Some(threads(options.is_compressed));
        config.clone_fd = true;
        let session = Session::new(file_system, directory, &config);
        let session = session.and_then(Session::spawn);
        let session = session.map_err(|error| Error::io("mount on", directory, error))?;
        device::set_read_ahead(directory, READ_AHEAD);
        Ok(Self {
            _session: ManuallyDrop::new(session),
        })
    }

    /// Waits until it is unmounted: the file system is dropped then, and with it the other end of `end`.
    pub fn wait(&self, end: &Receiver<()>) {
        let _ = end.recv();
    }

    /// Unmounts it, also while it is in use.
    pub fn unmount(directory: &Path) {
        device::detach(directory);
    }
}

/// How many threads answer requests. Where answers are only copied, one core is left to the program that reads: two that
/// take turns on it are woken for each request (two cores, 3 GiB in the page cache: 1.15 of ntfs-3g's time instead of 0.87).
fn threads(is_compressed: bool) -> usize {
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let copying = cores.saturating_sub(1);
    let threads = if is_compressed { cores } else { copying };
    threads.clamp(1, MOST_THREADS)
}
