//! Whether an output is right. Holes cost nothing, so that a file of 16 TiB is compared in a moment.

use anyhow::{Context, Result, ensure};
use rustix::fs::SeekFrom;
use std::{fs::File, os::unix::fs::FileExt, path::Path};

const CHUNK: usize = 256 << 10;

/// Of the length and of all data: the same for a hole and for zeros.
pub(super) fn digest(path: &Path) -> Result<blake3::Hash> {
    let file = open(path)?;
    let length = file.metadata()?.len();
    let mut hasher = blake3::Hasher::new();
    hasher.update(&length.to_le_bytes());
    let zeros = vec![0; CHUNK];
    let mut chunk = vec![0; CHUNK];
    let mut position = 0;
    while let Some(data) = next_data(&file, position)? {
        // The same chunks wherever the holes are.
        let start = data - data % CHUNK as u64;
        read_padded(&file, &mut chunk, start)?;
        if chunk != zeros {
            hasher.update(&start.to_le_bytes());
            hasher.update(&chunk);
        }
        position = start + CHUNK as u64;
    }
    Ok(hasher.finalize())
}

/// Whether `copy` has all data of `original` up to `end`, and may have other data in its holes. Behind the end of a
/// file there are zeros.
pub(super) fn ensure_holds(copy: &Path, original: &Path, end: u64) -> Result<()> {
    let [from, to] = [open(original)?, open(copy)?];
    let mut buffers = [vec![0; CHUNK], vec![0; CHUNK]];
    let mut position = 0;
    while let Some(data) = next_data(&from, position)?.filter(|data| *data < end) {
        let hole = rustix::fs::seek(&from, SeekFrom::Hole(data))?;
        let length = usize::try_from(end.min(hole) - data).map_or(CHUNK, |left| left.min(CHUNK));
        let [expected, found] = buffers.each_mut().map(|buffer| &mut buffer[..length]);
        read_padded(&from, expected, data)?;
        read_padded(&to, found, data)?;
        ensure!(
            expected == found,
            "{} and {} differ in the {length} bytes from {data:#x} on",
            copy.display(),
            original.display()
        );
        position = data + length as u64;
    }
    Ok(())
}

fn open(path: &Path) -> Result<File> {
    File::open(path).with_context(|| format!("cannot open {}", path.display()))
}

/// The first byte from `position` on that is not in a hole.
fn next_data(file: &File, position: u64) -> Result<Option<u64>> {
    match rustix::fs::seek(file, SeekFrom::Data(position)) {
        Ok(data) => Ok(Some(data)),
        Err(rustix::io::Errno::NXIO) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn read_padded(file: &File, buffer: &mut [u8], position: u64) -> Result<()> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], position + filled as u64)? {
            0 => break,
            count => filled += count,
        }
    }
    buffer[filled..].fill(0);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn file(folder: &Path, name: &str, length: u64, pieces: &[(&[u8], u64)]) -> PathBuf {
        let path = folder.join(name);
        let file = File::create_new(&path).expect("a new file");
        file.set_len(length).expect("a length");
        for (bytes, position) in pieces {
            file.write_all_at(bytes, *position).expect("a write");
        }
        path
    }

    #[test]
    fn a_hole_is_as_good_as_zeros_and_nothing_else_is() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let of = |name, length, pieces: &[(&[u8], u64)]| {
            digest(&file(folder.path(), name, length, pieces)).expect("a digest")
        };
        let end = (1 << 40) + 5;
        let sparse = of("sparse", end, &[(b"data", 1 << 30), (b"x", end - 1)]);
        let zeros = vec![0; 3 * CHUNK];
        let filled = [(&zeros[..], 77), (b"data", 1 << 30), (b"x", end - 1)];
        assert_eq!(of("zeros", end, &filled), sparse);
        let moved = [(&b"data"[..], (1 << 30) + 1), (b"x", end - 1)];
        assert_ne!(of("moved", end, &moved), sparse);
        let longer = [(&b"data"[..], 1 << 30), (b"x", end - 1)];
        assert_ne!(of("longer", end + 1, &longer), sparse);
    }

    #[test]
    fn a_copy_may_have_more_and_not_less() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let original = file(folder.path(), "original", 1 << 20, &[(b"data", 9000)]);
        let more = file(
            folder.path(),
            "more",
            1 << 19,
            &[(b"data", 9000), (b"x", 1 << 18)],
        );
        let less = file(folder.path(), "less", 1 << 20, &[(b"dat", 9000)]);
        assert!(ensure_holds(&more, &original, 1 << 20).is_ok());
        assert!(ensure_holds(&less, &original, 1 << 20).is_err());
        assert!(ensure_holds(&less, &original, 9000).is_ok());
    }
}
