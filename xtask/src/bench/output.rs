//! Whether an output is right. Holes cost nothing, so that a file of 16 TiB is compared in a moment.

use anyhow::{Context, Result, ensure};
use rustix::fs::SeekFrom;
use std::{fs::File, os::unix::fs::FileExt, path::Path};

const CHUNK: usize = 256 << 10;

pub(super) fn ensure_same(left: &Path, right: &Path) -> Result<()> {
    let [left_length, right_length] = [length(left)?, length(right)?];
    ensure!(
        left_length == right_length,
        "{} has {left_length} bytes, {} has {right_length}",
        left.display(),
        right.display()
    );
    ensure_holds(left, right, left_length)?;
    ensure_holds(right, left, left_length)
}

/// Whether `copy` has all data of `original` up to `end`, and may have other data in its holes. Behind the end of a
/// file there are zeros.
pub(super) fn ensure_holds(copy: &Path, original: &Path, end: u64) -> Result<()> {
    let [from, to] = [open(original)?, open(copy)?];
    let mut buffers = [vec![0; CHUNK], vec![0; CHUNK]];
    let mut position = 0;
    while let Some(data) = next_data(&from, position)?.filter(|data| *data < end) {
        let length = usize::try_from(end - data).map_or(CHUNK, |left| left.min(CHUNK));
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

fn length(path: &Path) -> Result<u64> {
    Ok(open(path)?.metadata()?.len())
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
