//! Small files that are read whole: checksums, indexes and maps beside an image.
//! Anything may stand under their names.

use std::io::{self, Read};
use std::path::Path;

use crate::device;

/// Reads a regular file of at most `limit` bytes.
///
/// # Errors
///
/// It cannot be opened, is not a regular file, or is larger.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = device::open_regular(path)?;
    if file.metadata()?.len() > limit {
        return Err(too_large(limit));
    }
    let mut bytes = Vec::new();
    // It may grow meanwhile.
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(too_large(limit));
    }
    Ok(bytes)
}

fn too_large(limit: u64) -> io::Error {
    let message = format!("it has more than {limit} bytes");
    io::Error::new(io::ErrorKind::FileTooLarge, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_small_regular_files_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("small"), "12345").unwrap();
        let fifo = std::process::Command::new("mkfifo")
            .arg(path("fifo"))
            .status();
        assert!(fifo.unwrap().success());
        symlink("/dev/zero", path("zeros")).unwrap();
        symlink("small", path("link")).unwrap();
        let huge = fs::File::create(path("huge")).unwrap();
        huge.set_len(1 << 40).unwrap();
        for (name, expected) in [
            ("small", None),
            ("link", None),
            ("fifo", Some(io::ErrorKind::InvalidInput)),
            ("zeros", Some(io::ErrorKind::InvalidInput)),
            (".", Some(io::ErrorKind::InvalidInput)),
            ("huge", Some(io::ErrorKind::FileTooLarge)),
            ("missing", Some(io::ErrorKind::NotFound)),
        ] {
            let read = read(&path(name), 5);
            assert_eq!(read.as_ref().err().map(io::Error::kind), expected, "{name}");
            if let Ok(bytes) = read {
                assert_eq!(bytes, b"12345", "{name}");
            }
        }
        assert!(read(&path("small"), 4).is_err());
    }
}
