//! Whether the bytes of a product are right.

use super::{
    inputs::{Inputs, SECTOR},
    job::{Content, Job, Product},
};
use std::ops::Range;

/// What a rescue puts in place of a sector that could not be read.
const MARK: &[u8] = b"BadSectoR\0";

/// Where a boot sector has the serial number.
const SERIAL: Range<usize> = 0x48..0x50;

/// What is wrong with the complete product of `job`; `clean` is that of a run without faults.
pub(super) fn error(inputs: &Inputs, job: &Job, bytes: &[u8], clean: &[u8]) -> Option<String> {
    if job.product == Product::Device {
        return used_error(inputs, bytes, |found, expected| found == expected);
    }
    let mut found = bytes.to_vec();
    let mut expected = job.content.expected(inputs).unwrap_or(clean).to_vec();
    if job.content.is_compressed() {
        match zstd::decode_all(bytes) {
            Ok(raw) => found = raw,
            Err(error) => return Some(format!("zstd cannot decompress it: {error}")),
        }
        if job.content == Content::CompressedAsClean {
            expected = zstd::decode_all(clean).unwrap_or_default();
        }
    }
    if job.content == Content::NewSerial {
        mask_serials(&mut found);
        mask_serials(&mut expected);
    }
    difference(&found, &expected)
}

/// The lines of a report that do not depend on the time it took. Percent are one.
pub(super) fn report_lines(stdout: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(stdout);
    let is_timed = |line: &&str| line.contains("/s)") || line.contains(" percent completed");
    let lines = text.lines().filter(|line| !is_timed(line));
    lines.map(str::to_owned).collect()
}

/// What is wrong with a raw rescue. It may hold more than is in use, where metadata was hard to read; if it lost
/// something, each sector in use is right or marked.
pub(super) fn rescued_error(inputs: &Inputs, bytes: &[u8], is_lossy: bool) -> Option<String> {
    used_error(inputs, bytes, |found, expected| {
        let mut sectors = found.chunks(SECTOR).zip(expected.chunks(SECTOR));
        sectors.all(|(found, expected)| found == expected || is_lossy && found.starts_with(MARK))
    })
}

/// Sectors that a rescue marked.
pub(super) fn marked(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let sectors = bytes.chunks(SECTOR).enumerate();
    sectors.filter_map(|(index, sector)| sector.starts_with(MARK).then_some(index * SECTOR))
}

/// The volume in an image of version 10.1, with zeros in its gaps; or what is wrong with the image.
pub(super) fn restore(image: &[u8], len: usize) -> Result<Vec<u8>, String> {
    let cluster_size = image.get(18..22).and_then(|bytes| bytes.try_into().ok());
    let cluster_size = u32::from_le_bytes(cluster_size.ok_or("no header")?) as usize;
    let mut raw = vec![0; len];
    let (mut at, mut position) = (56, 0);
    while at < image.len() {
        let command = image[at];
        at += 1;
        match command {
            0 => {
                let gap = image.get(at..at + 8).ok_or("cut in a gap")?;
                let gap = u64::from_le_bytes(gap.try_into().map_err(|_| "cut in a gap")?);
                position += gap as usize * cluster_size;
                at += 8;
            }
            1 => {
                let size = cluster_size.min(len.saturating_sub(position));
                let cluster = image.get(at..at + size).ok_or("cut in a cluster")?;
                raw.get_mut(position..position + size)
                    .ok_or("too long")?
                    .copy_from_slice(cluster);
                position += size;
                at += size;
            }
            _ => return Err(format!("no command at byte {:#x}", at - 1)),
        }
    }
    match position >= len {
        true => Ok(raw),
        false => Err(format!("it ends at byte {position:#x} of the volume")),
    }
}

fn used_error(
    inputs: &Inputs,
    bytes: &[u8],
    is_right: impl Fn(&[u8], &[u8]) -> bool,
) -> Option<String> {
    if bytes.len() != inputs.volume.len() {
        return Some(format!(
            "{} bytes, expected {}",
            bytes.len(),
            inputs.volume.len()
        ));
    }
    let mut used = inputs.used.iter();
    let wrong = used.find(|range| {
        let (found, expected) = (&bytes[(*range).clone()], &inputs.volume[(*range).clone()]);
        !is_right(found, expected)
    })?;
    let text = difference(&bytes[wrong.clone()], &inputs.volume[wrong.clone()]);
    Some(format!(
        "in the clusters from byte {:#x}: {}",
        wrong.start,
        text.unwrap_or_default()
    ))
}

fn difference(found: &[u8], expected: &[u8]) -> Option<String> {
    if found == expected {
        return None;
    }
    let bytes = found.iter().zip(expected);
    let same = bytes
        .take_while(|(found, expected)| found == expected)
        .count();
    Some(format!(
        "{} bytes, expected {}; the first that differs is byte {same:#x}",
        found.len(),
        expected.len()
    ))
}

/// Zeros the serial numbers of both boot sectors.
fn mask_serials(bytes: &mut [u8]) {
    let backup = bytes.len().saturating_sub(SECTOR);
    for at in [0, backup] {
        if let Some(serial) = bytes.get_mut(at + SERIAL.start..at + SERIAL.end) {
            serial.fill(0);
        }
    }
}
