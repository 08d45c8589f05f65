//! Byte-for-byte comparisons of files and of streams that say where two things differ.

use super::pipeline;
use rustix::fs::SeekFrom;
use std::{
    fs::File,
    io::Read,
    os::unix::fs::FileExt,
    path::Path,
    process::{Command, Stdio},
};

const CHUNK: usize = 1 << 20;

/// Fails unless both files have the same length and bytes. Holes common to both cost nothing.
pub(crate) fn assert_same_file(what: &str, ours: &Path, reference: &Path) {
    let [ours_length, reference_length] = [ours, reference].map(length);
    assert_eq!(
        ours_length, reference_length,
        "{what}: lengths differ (ours, reference)"
    );
    assert_same_start(what, ours, reference, ours_length);
}

/// As [`assert_same_file`], but where the reference's file ends before `minimum`, ours goes on with zeros up to there:
/// the deliberate difference on devices without room for a backup boot sector.
pub(crate) fn assert_same_volume(what: &str, ours: &Path, reference: &Path, minimum: u64) {
    let reference_length = length(reference);
    assert_eq!(
        length(ours),
        reference_length.max(minimum),
        "{what}: ours has the wrong length; the reference's is {reference_length}, the clusters end at {minimum}"
    );
    assert_same_start(what, ours, reference, reference_length.max(minimum));
}

/// Compares up to `end`, with zeros behind the end of a shorter file.
pub(crate) fn assert_same_start(what: &str, ours: &Path, reference: &Path, end: u64) {
    let files = [ours, reference].map(|path| {
        File::open(path).unwrap_or_else(|error| panic!("cannot open {}: {error}", path.display()))
    });
    let mut buffers = [vec![0; CHUNK], vec![0; CHUNK]];
    let mut position = 0;
    while let Some(data) = files
        .iter()
        .filter_map(|file| next_data(file, position))
        .min()
        .filter(|data| *data < end)
    {
        let wanted = usize::try_from(end - data).map_or(CHUNK, |left| left.min(CHUNK));
        for (file, buffer) in files.iter().zip(&mut buffers) {
            let read = read_up_to(file, &mut buffer[..wanted], data);
            buffer[read..wanted].fill(0);
        }
        assert_same_chunk(what, data, &buffers[0][..wanted], &buffers[1][..wanted]);
        position = data + wanted as u64;
    }
}

/// Fails unless both programs write the same to their standard outputs and succeed. Returns the length.
pub(crate) fn assert_same_output(what: &str, ours: Command, reference: Command) -> u64 {
    let mut stages = pipeline::start(vec![ours], Stdio::piped());
    stages.extend(pipeline::start(vec![reference], Stdio::piped()));
    let mut streams = stages
        .iter_mut()
        .map(|stage| stage.process.stdout.take().expect("piped above"))
        .collect::<Vec<_>>();
    let mut buffers = [vec![0; CHUNK], vec![0; CHUNK]];
    let mut position = 0;
    loop {
        let mut lengths = [0; 2];
        for ((stream, buffer), length) in streams.iter_mut().zip(&mut buffers).zip(&mut lengths) {
            *length = fill(stream, buffer);
        }
        let common = lengths[0].min(lengths[1]);
        assert_same_chunk(what, position, &buffers[0][..common], &buffers[1][..common]);
        position += common as u64;
        if lengths != [CHUNK; 2] {
            drop(streams);
            if lengths[0] != lengths[1] {
                // Where the program that wrote less failed, its message says more than a length.
                let shorter = usize::from(lengths[1] < lengths[0]);
                stages.swap_remove(shorter).succeed();
                panic!(
                    "{what}: {} ends at byte {position}, the other goes on",
                    ["ours", "the reference's"][shorter]
                );
            }
            stages.into_iter().for_each(pipeline::Stage::succeed);
            return position;
        }
    }
}

fn assert_same_chunk(what: &str, position: u64, ours: &[u8], reference: &[u8]) {
    if ours == reference {
        return;
    }
    let index = ours
        .iter()
        .zip(reference)
        .position(|(our, their)| our != their)
        .expect("chunks of one length differ somewhere");
    panic!(
        "{what}: first difference at byte {:#x}: ours {:#04x}, reference {:#04x}",
        position + index as u64,
        ours[index],
        reference[index]
    );
}

pub(crate) fn length(path: &Path) -> u64 {
    let metadata = path
        .metadata()
        .unwrap_or_else(|error| panic!("no {}: {error}", path.display()));
    metadata.len()
}

/// The first byte from `position` on that is not in a hole.
fn next_data(file: &File, position: u64) -> Option<u64> {
    rustix::fs::seek(file, SeekFrom::Data(position)).ok()
}

fn read_up_to(file: &File, buffer: &mut [u8], position: u64) -> usize {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], position + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) => panic!("cannot read at byte {position:#x}: {error}"),
        }
    }
    filled
}

fn fill(stream: &mut impl Read, buffer: &mut [u8]) -> usize {
    let mut filled = 0;
    while filled < buffer.len() {
        match stream.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) => panic!("cannot read a program's output: {error}"),
        }
    }
    filled
}
