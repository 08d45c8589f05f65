//! How files and devices are opened that will be written to, if there is room.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::{Kind, Needs, Target, directory_of};
use crate::device;
use crate::error::{Error, Result};
use crate::options::Existing;
use crate::report;
use crate::signals::{self, Unfinished};

/// Characters of a file's name that the name of the file beside it begins
/// with: of at most 4 bytes each, and all names are of at most 255.
const NAME_CHARS: usize = 60;

/// Creates the file beside its final name `path`.
pub(super) fn create(
    name: &Path,
    path: PathBuf,
    existing: Existing,
    needs: Needs,
) -> Result<Target> {
    let directory = directory_of(&path);
    let old = fs::metadata(&path).ok();
    if let Ok(free) = device::free_space(directory)
        && free < needs.bytes
    {
        let found = format!(
            "{} is needed, {} is free there",
            report::size(needs.bytes),
            report::size(free)
        );
        if old.is_some() {
            return Err(Error::refused(
                name,
                found,
                "the existing file stays until the new one is complete, so there must be room \
                 for both; make room, or give up the existing file at once with --in-place",
            ));
        }
        // Not refused: a file system that compresses may well hold it.
        report::warning(format!("{}: {found}", name.display()));
    }

    let file_name = path.file_name().unwrap_or_default().to_string_lossy();
    // A name may be as long as names can be; there must be room for more.
    let file_name: String = file_name.chars().take(NAME_CHARS).collect();
    let mode = match &old {
        Some(old) => old.permissions().mode(),
        // As any new file: less what the umask takes.
        None => 0o666,
    };
    let file = signals::begin(|| {
        // Of an error only the cause: it comes with the made-up name.
        let mut cause = None;
        let file = tempfile::Builder::new()
            .prefix(&format!(".{file_name}."))
            .suffix(".part")
            .make_in(directory, |path| {
                let mut options = OpenOptions::new();
                options.read(true).write(true).create_new(true).mode(mode);
                options
                    .open(path)
                    .inspect_err(|error| cause = error.raw_os_error())
            })
            .map_err(|error| {
                let error = cause.map_or(error, io::Error::from_raw_os_error);
                Error::io("create a file beside", name, error)
            })?;
        let unfinished = Unfinished::Remove(file.path().to_owned());
        Ok((file, unfinished))
    })?;
    if let Some(old) = old {
        // Only root can give files away; for others the file is theirs anyway.
        let _ = rustix::fs::fchown(
            file.as_file(),
            Some(rustix::fs::Uid::from_raw(old.uid())),
            Some(rustix::fs::Gid::from_raw(old.gid())),
        );
        let _ = file.as_file().set_permissions(old.permissions());
    }
    let kind = Kind::Beside {
        file,
        path,
        existing,
    };
    Target::new(kind, name.to_owned())
}

pub(super) fn overwrite(path: &Path, needs: Needs) -> Result<Target> {
    let failed = |error| Error::io("open", path, error);
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).open(path).map_err(failed)?;
    let freed = file.metadata().map_err(failed)?.blocks() * 512;
    if let Ok(free) = device::free_space(directory_of(path))
        && free.saturating_add(freed) < needs.bytes
    {
        let found = format!(
            "{} is needed, {} is there without the existing file",
            report::size(needs.bytes),
            report::size(free + freed)
        );
        return Err(Error::refused(path, found, "make room, or write elsewhere"));
    }
    signals::begin(|| {
        // What was there must not show through the holes.
        file.set_len(0).map_err(failed)?;
        Ok(((), Unfinished::HalfWritten(path.to_owned())))
    })?;
    let kind = Kind::InPlace { file, size: None };
    Target::new(kind, path.to_owned())
}

pub(super) fn open_device(path: &Path, needs: Needs) -> Result<Target> {
    let (file, size) = open_block_device(path, needs.device_size)?;
    signals::begin(|| Ok(((), Unfinished::HalfWritten(path.to_owned()))))?;
    let kind = Kind::InPlace {
        file,
        size: Some(size),
    };
    Target::new(kind, path.to_owned())
}

/// Opens a device that has at least `needed` bytes, and tells its size.
pub(super) fn open_block_device(path: &Path, needed: u64) -> Result<(File, u64)> {
    let mut file = device::open_exclusively(path).map_err(|error| match error.kind() {
        io::ErrorKind::ResourceBusy => Error::refused(
            path,
            "is in use (mounted, swap, or part of another device)",
            "unmount it first",
        ),
        _ => Error::io("open", path, error),
    })?;
    if device::is_read_only(&file) {
        return Err(Error::refused(
            path,
            "is read-only",
            "is it write-protected? blockdev --setrw may help",
        ));
    }
    let size = io::Seek::seek(&mut file, io::SeekFrom::End(0));
    let size = size.map_err(|error| Error::io("tell the size of", path, error))?;
    if size < needed {
        return Err(Error::refused(
            path,
            format!("has {size} bytes, {needed} are needed"),
            "use a larger device, or shrink the source's file system first (ntfsresize)",
        ));
    }
    Ok((file, size))
}
