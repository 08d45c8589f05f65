//! Standard input and output: what a shell made of them, and the paths that name
//! them, such as `/dev/stdout`.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::OFlags;

use super::block_device::is_same;
use super::files::{FileKind, file_kind};

/// Standard input as a file of its own.
pub fn stdin() -> io::Result<File> {
    Ok(File::from(io::stdin().as_fd().try_clone_to_owned()?))
}

/// Standard output as a file of its own.
pub fn stdout() -> io::Result<File> {
    Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?))
}

/// Columns of the terminal that standard error is; `None` if it is no terminal, or
/// one of unknown width.
pub fn terminal_width() -> Option<u16> {
    let size = rustix::termios::tcgetwinsize(io::stderr()).ok()?;
    (size.ws_col > 0).then_some(size.ws_col)
}

/// True if a shell opened the file `path` for standard output.
pub fn is_stdout(path: &Path) -> bool {
    let stdout = stdout().and_then(|stdout| stdout.metadata());
    let (Ok(output), Ok(stdout)) = (fs::metadata(path), stdout) else {
        return false;
    };
    // Both may be /dev/null, or a terminal.
    file_kind(&stdout) != FileKind::CharacterDevice && is_same(&output, &stdout)
}

/// True if the program was started without a standard output. Rust's runtime
/// then opens /dev/null in its place, for reading and writing, as no shell
/// does: what is written there would be lost without a word.
pub fn is_stdout_closed() -> bool {
    let stdout = io::stdout();
    let Ok(flags) = rustix::fs::fcntl_getfl(&stdout) else {
        return true;
    };
    let Ok(stat) = rustix::fs::fstat(&stdout) else {
        return true;
    };
    let is_null = rustix::fs::FileType::from_raw_mode(stat.st_mode).is_char_device()
        && stat.st_rdev == rustix::fs::makedev(1, 3);
    is_null && flags.contains(OFlags::RDWR)
}

/// How many links are followed.
const MOST_LINKS: usize = 8;

/// The number of the file descriptor that `path` names, if it is one of this
/// process.
pub fn descriptor_of(path: &Path) -> Option<u32> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let name = path.file_name()?;
        let folder = path.parent().filter(|parent| *parent != Path::new(""));
        let folder = folder.unwrap_or(Path::new("."));
        if is_of_descriptors(folder) {
            return name.to_str()?.parse().ok();
        }
        match fs::read_link(&path) {
            Ok(target) => path = folder.join(target),
            Err(_) => return by_name(&path),
        }
    }
    None
}

/// True for `/proc/self/fd`, by any of its names.
fn is_of_descriptors(folder: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).ok();
    let Some(folder) = real(folder) else {
        return false;
    };
    // Of a thread it ends in the same: `/proc/PID/task/TID/fd`.
    let own = real("/proc/self".as_ref());
    let is_descriptors = folder.file_name().is_some_and(|name| name == "fd");
    is_descriptors && own.is_some_and(|own| folder.starts_with(own))
}

/// Where /proc is not mounted.
fn by_name(path: &Path) -> Option<u32> {
    let known = [
        ("/dev/stdout", 1),
        ("/dev/fd/1", 1),
        ("/proc/self/fd/1", 1),
        ("/dev/stderr", 2),
        ("/dev/fd/2", 2),
        ("/proc/self/fd/2", 2),
    ];
    let found = known.iter().find(|(name, _)| path == Path::new(name));
    found.map(|(_, number)| *number)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn names_of_descriptors() {
        let own = std::process::id();
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/dev/stdout", &link).unwrap();
        let file = folder.path().join("1");
        fs::write(&file, "").unwrap();
        let table = [
            ("/dev/stdout".into(), Some(1)),
            ("/dev/stderr".into(), Some(2)),
            ("/dev/fd/1".into(), Some(1)),
            ("/dev/../dev/./fd/7".into(), Some(7)),
            ("/proc/self/fd/1".into(), Some(1)),
            ("/proc/thread-self/fd/1".into(), Some(1)),
            (format!("/proc/{own}/fd/1").into(), Some(1)),
            (link, Some(1)),
            (file, None),
            ("/proc/1/fd/1".into(), None),
            ("/dev/null".into(), None),
            ("1".into(), None),
            ("/".into(), None),
        ];
        for (path, expected) in table {
            let path: PathBuf = path;
            assert_eq!(descriptor_of(&path), expected, "{}", path.display());
        }
    }
}
