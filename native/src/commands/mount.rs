//! `mount`: the files of a volume, or the volume as a file, in the file system of this machine.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};

use ntfsclone_core::tree::By;

use super::file_tree::FileTree;
use super::open_volume::{Accepted, judge_use};
use super::served_volume::ServedVolume;
use crate::error::{Error, Result};
use crate::host::background;
use crate::host::signals::{self, Unfinished};
use crate::mount::{FileSystem, MountOptions, Mounted, VolumeFile, VolumeTree};
use crate::options::{MountTask, MountedAs, Progress};
use crate::report::{self, Reports};
use crate::source::Device;

type Save = Box<dyn Fn() -> Result<String> + Send>;

pub fn run(task: &MountTask, progress: Progress) -> Result<()> {
    let directory = directory_of(&task.directory)?;
    match &task.mounted_as {
        MountedAs::Files => {
            let files = FileTree::open_with(&task.source, By::Index, progress)?;
            let device = Arc::clone(&files.device);
            judge_use(
                device.path(),
                device.metadata(),
                Accepted::to_serve(task.force),
            )?;
            let (ended, end) = mpsc::channel();
            let tree = VolumeTree::new(files.reopen_volume()?, files.tree, ended);
            let save: Save = Box::new(|| Ok("nothing was being written".to_owned()));
            let mounted = mount(task, &directory, tree, &device, save)?;
            announce(&device, &directory, "read-only");
            wait(&mounted, &end)?;
            device.check_unchanged()
        }
        MountedAs::Volume { overlay } => {
            let served =
                ServedVolume::open(&task.source, overlay.as_deref(), task.force, progress)?;
            let (ended, end) = mpsc::channel();
            let file = VolumeFile::new(served.content(), served.overlay().cloned(), ended);
            let file = file.map_err(|error| Error::io("map", served.device().path(), error))?;
            let mounted = mount(task, &directory, file, served.device(), served.saver())?;
            announce(served.device(), &directory, &served.access());
            wait(&mounted, &end)?;
            served.finish()
        }
    }
}

/// The directory to mount on, by a path that is right from anywhere.
fn directory_of(path: &Path) -> Result<PathBuf> {
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotConnected => {
            return Err(Error::refused(
                path,
                "something is mounted there whose program has ended",
                format!("unmount it first: fusermount3 -u {}", path.display()),
            ));
        }
        metadata => metadata.map_err(|error| Error::io("mount on", path, error))?,
    };
    if !metadata.is_dir() {
        return Err(Error::refused(
            path,
            "is not a directory",
            "name an empty directory to mount on",
        ));
    }
    fs::canonicalize(path).map_err(|error| Error::io("mount on", path, error))
}

/// Mounts, and has a signal unmount.
fn mount(
    task: &MountTask,
    directory: &Path,
    file_system: impl FileSystem,
    device: &Device,
    save: Save,
) -> Result<Mounted> {
    let options = MountOptions {
        source: device.path(),
        is_writable: matches!(&task.mounted_as, MountedAs::Volume { overlay: Some(_) }),
        is_compressed: device.input().is_compressed(),
        allow_other: task.allow_other,
    };
    signals::begin(|| {
        let mounted = Mounted::new(file_system, directory, &options)?;
        let directory = directory.to_owned();
        let unmount = move || {
            Mounted::unmount(&directory);
            save()
        };
        Ok((mounted, Unfinished::Continued(Box::new(unmount))))
    })
}

fn announce(device: &Device, directory: &Path, access: &str) {
    Reports::TO_STDERR.line(format_args!(
        "Mounted {}{} on {}: {access}",
        device.path().display(),
        device.input().remark(),
        directory.display()
    ));
}

/// Waits until it is unmounted.
fn wait(mounted: &Mounted, end: &mpsc::Receiver<()>) -> Result<()> {
    let ready = background::ready();
    ready.map_err(|error| Error::io("continue in the", "background".as_ref(), error))?;
    mounted.wait(end);
    report::check_written()
}
