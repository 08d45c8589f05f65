//! Paths that name a stream which this process has open already, such as
//! `/dev/stdout`.

use std::fs;
use std::path::{Path, PathBuf};

/// How many links are followed.
const MOST_LINKS: usize = 8;

/// The number of the file descriptor that `path` names, if it is one of this
/// process.
pub(super) fn descriptor_of(path: &Path) -> Option<u32> {
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
    let found = known.iter().find(|(name, _)| PathBuf::from(name) == path);
    found.map(|(_, number)| *number)
}

#[cfg(test)]
mod tests {
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
