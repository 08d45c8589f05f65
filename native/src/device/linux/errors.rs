//! What the kernel's error numbers mean.

use std::io;

use rustix::io::Errno;

/// True for the errors by which the kernel says that a place of a device
/// cannot be read: `blk_status_to_errno` in its block layer. Reads through its
/// cache give EIO for all of them.
pub fn is_bad_sector(error: &io::Error) -> bool {
    let bad = [
        Errno::IO,
        // A medium error, a target error, a failed integrity check, a timeout.
        Errno::NODATA,
        Errno::REMOTEIO,
        Errno::ILSEQ,
        Errno::TIMEDOUT,
    ];
    is_one_of(error, &bad)
}

/// True if a sync failed only because there is nothing to sync: of pipes,
/// terminals and the like.
pub fn cannot_sync(error: &io::Error) -> bool {
    is_one_of(error, &[Errno::INVAL, Errno::NOTSUP, Errno::ROFS])
}

/// True if an error says that a file's length cannot be changed at all: those
/// that other programs show through FUSE may be as long as they are.
pub fn cannot_change_length(error: &io::Error) -> bool {
    let refused = [
        Errno::INVAL,
        Errno::NOTSUP,
        Errno::NOSYS,
        Errno::PERM,
        Errno::ACCESS,
    ];
    is_one_of(error, &refused)
}

/// True if a file cannot be opened for writing by anybody: it is immutable, or
/// for appending only.
pub fn is_immutable(error: &io::Error) -> bool {
    is_one_of(error, &[Errno::PERM])
}

/// True if a file system promised direct access and does not do it.
pub fn refuses_direct(error: &io::Error) -> bool {
    is_one_of(error, &[Errno::INVAL])
}

/// The error of a sector that cannot be read.
pub fn bad_sector() -> io::Error {
    Errno::NODATA.into()
}

/// The error of a device that fails without saying why.
#[cfg(test)]
pub fn gone_silent() -> io::Error {
    Errno::IO.into()
}

pub(super) fn is_one_of(error: &io::Error, errors: &[Errno]) -> bool {
    let found = error.raw_os_error();
    errors
        .iter()
        .any(|errno| found == Some(errno.raw_os_error()))
}
