//! A directory that is open. What is in it is reached by one name at a time, never through a link, so that nothing
//! outside of it is touched, whatever links are planted meanwhile.

use std::fs::File;
use std::io;
/// A file or directory that is open.
pub use std::os::fd::AsFd as Handle;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, RenameFlags, Timespec, Timestamps, XattrFlags,
};
use rustix::io::Errno;

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

/// An open directory. Names that are passed to it are single ones: no `/` in them, and neither `.` nor `..`.
#[derive(Debug)]
pub struct Directory(OwnedFd);

/// A time: seconds from 1970, and the nanoseconds after that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileTime {
    pub seconds: i64,
    pub nanoseconds: u32,
}

/// What a name in a directory stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    pub inode: u64,
    pub is_directory: bool,
}

impl Directory {
    /// Opens the directory `path`, which may lead through links.
    pub fn open(path: &Path) -> io::Result<Self> {
        let opened = rustix::fs::openat(CWD, path, DIRECTORY, Mode::empty());
        Ok(Self(opened?))
    }

    /// Makes a directory in it.
    pub fn make(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::mkdirat(&self.0, name, Mode::from(0o777))?)
    }

    /// Opens a directory in it.
    ///
    /// # Errors
    ///
    /// Also if the name is that of a link.
    pub fn enter(&self, name: &str) -> io::Result<Self> {
        let flags = DIRECTORY.union(OFlags::NOFOLLOW);
        Ok(Self(rustix::fs::openat(
            &self.0,
            name,
            flags,
            Mode::empty(),
        )?))
    }

    /// Opens the directory at the path of these names.
    pub fn below(&self, names: &[String]) -> io::Result<Self> {
        let mut directory = Self(self.0.try_clone()?);
        for name in names {
            directory = directory.enter(name)?;
        }
        Ok(directory)
    }

    /// Creates a file for writing.
    ///
    /// # Errors
    ///
    /// Of kind [`io::ErrorKind::AlreadyExists`]: something has that name.
    pub fn create_new(&self, name: &str) -> io::Result<File> {
        let mode = Mode::from(0o666);
        let flags = OFlags::WRONLY
            | OFlags::CREATE
            | OFlags::EXCL
            | OFlags::NOFOLLOW
            | OFlags::CLOEXEC
            | OFlags::NOCTTY;
        Ok(rustix::fs::openat(&self.0, name, flags, mode)?.into())
    }

    /// Gives what is called `from` the name `to`. What has that name is replaced if `replaces`, else it is an error of
    /// kind [`io::ErrorKind::AlreadyExists`].
    pub fn rename(&self, from: &str, to: &str, replaces: bool) -> io::Result<()> {
        if replaces {
            return Ok(rustix::fs::renameat(&self.0, from, &self.0, to)?);
        }
        let flags = RenameFlags::NOREPLACE;
        match rustix::fs::renameat_with(&self.0, from, &self.0, to, flags) {
            // File systems that cannot do it in one step, as many of FUSE.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                if self.find(to)?.is_some() {
                    return Err(io::ErrorKind::AlreadyExists.into());
                }
                Ok(rustix::fs::renameat(&self.0, from, &self.0, to)?)
            }
            renamed => Ok(renamed?),
        }
    }

    /// Gives the file that `other` calls `name` a further name here.
    pub fn link(&self, other: &Self, name: &str, further: &str) -> io::Result<()> {
        let flags = AtFlags::empty();
        Ok(rustix::fs::linkat(&other.0, name, &self.0, further, flags)?)
    }

    /// Makes a symbolic link.
    pub fn symlink(&self, target: &str, name: &str) -> io::Result<()> {
        Ok(rustix::fs::symlinkat(target, &self.0, name)?)
    }

    pub fn remove(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, name, AtFlags::empty())?)
    }

    /// What is called `name`, if anything; links are not followed.
    pub fn find(&self, name: &str) -> io::Result<Option<Named>> {
        match rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(Named {
                inode: stat.st_ino,
                is_directory: FileType::from_raw_mode(stat.st_mode) == FileType::Directory,
            })),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Sets the times of the last access and of the last change of a link in it.
    pub fn set_link_times(&self, name: &str, times: [FileTime; 2]) -> io::Result<()> {
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        let times = timestamps(times);
        Ok(rustix::fs::utimensat(&self.0, name, &times, flags)?)
    }
}

impl Handle for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Sets the times of the last access and of the last change of a file or directory.
pub fn set_times(file: &impl Handle, times: [FileTime; 2]) -> io::Result<()> {
    Ok(rustix::fs::futimens(file, &timestamps(times))?)
}

/// Sets an extended attribute of a file or directory.
///
/// # Errors
///
/// Of kind [`io::ErrorKind::Unsupported`]: the file system has no place for one of this name.
pub fn set_attribute(file: &impl Handle, name: &str, value: &[u8]) -> io::Result<()> {
    Ok(rustix::fs::fsetxattr(
        file,
        name,
        value,
        XattrFlags::empty(),
    )?)
}

/// From now on nobody may write to a file, but those who have it open.
pub fn make_read_only(file: &impl Handle) -> io::Result<()> {
    let mode = rustix::fs::fstat(file)?.st_mode;
    let readers = Mode::from_raw_mode(mode).difference(Mode::WUSR | Mode::WGRP | Mode::WOTH);
    Ok(rustix::fs::fchmod(file, readers)?)
}

/// The number of a file, which is that of all its names.
pub fn inode(file: &impl Handle) -> io::Result<u64> {
    Ok(rustix::fs::fstat(file)?.st_ino)
}

/// The number of the file system that a file is on.
pub fn file_system(file: &impl Handle) -> io::Result<u64> {
    Ok(rustix::fs::fstat(file)?.st_dev)
}

/// Makes permanent all that was written to the file system of a directory.
///
/// # Errors
///
/// The disk failed, since the directory was opened.
pub fn sync_file_system(directory: &Directory) -> io::Result<()> {
    Ok(rustix::fs::syncfs(directory)?)
}

fn timestamps([accessed, modified]: [FileTime; 2]) -> Timestamps {
    let timespec = |time: FileTime| Timespec {
        tv_sec: time.seconds,
        tv_nsec: time.nanoseconds.into(),
    };
    Timestamps {
        last_access: timespec(accessed),
        last_modification: timespec(modified),
    }
}
