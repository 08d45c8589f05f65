//! A block map of version 2.0, as bmap-tools read it: XML with the ranges of
//! blocks that are to be copied, numbered from 0, the last one included.
//!
//! Ranges may carry checksums of their content. These do not: that would take
//! as long as a copy, and `bmaptool` copies without.

use std::io::{self, Write};
use std::iter;
use std::ops::RangeInclusive;

use sha2::{Digest, Sha256};

use super::domain::Domain;

/// What bmap-tools use themselves. They cannot do with blocks of more than
/// 1 MiB; clusters can have 2.
const LARGEST_BLOCK: u64 = 4096;

/// Stands for the checksum of the file while that is computed.
const NO_CHECKSUM: &str = "0000000000000000000000000000000000000000000000000000000000000000";

pub fn write(domain: &Domain<'_>, out: &mut impl Write) -> io::Result<()> {
    // The checksum of all stands at the beginning: written twice, it need not
    // be kept in memory.
    let mut hasher = Hasher(Sha256::new());
    write_with(domain, NO_CHECKSUM, &mut hasher)?;
    let checksum: Vec<String> = hasher
        .0
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let checksum = checksum.concat();
    write_with(domain, &checksum, out)
}

fn write_with(domain: &Domain<'_>, checksum: &str, out: &mut impl Write) -> io::Result<()> {
    let size = domain.size;
    let block_size = block_size(domain);
    let count = size.div_ceil(block_size);
    let mapped: u64 = ranges(domain)
        .map(|range| range.end() - range.start() + 1)
        .sum();
    writeln!(out, r#"<?xml version="1.0" ?>"#)?;
    writeln!(out, r#"<bmap version="2.0">"#)?;
    writeln!(out, "    <ImageSize> {size} </ImageSize>")?;
    writeln!(out, "    <BlockSize> {block_size} </BlockSize>")?;
    writeln!(out, "    <BlocksCount> {count} </BlocksCount>")?;
    writeln!(out, "    <MappedBlocksCount> {mapped} </MappedBlocksCount>")?;
    writeln!(out, "    <ChecksumType> sha256 </ChecksumType>")?;
    writeln!(out, "    <BmapFileChecksum> {checksum} </BmapFileChecksum>")?;
    writeln!(out, "    <BlockMap>")?;
    for range in ranges(domain) {
        let (first, last) = (range.start(), range.end());
        match first == last {
            true => writeln!(out, "        <Range> {first} </Range>")?,
            false => writeln!(out, "        <Range> {first}-{last} </Range>")?,
        }
    }
    writeln!(out, "    </BlockMap>")?;
    writeln!(out, "</bmap>")
}

/// Bytes of a block: those of a cluster, or of the largest block. So the areas of a
/// volume begin and end with a block, but for the end of the tail. Those of a
/// disk may begin within one: more is mapped then.
fn block_size(domain: &Domain<'_>) -> u64 {
    let clusters = domain.volumes().map(|volume| volume.cluster_size().into());
    clusters.min().unwrap_or(LARGEST_BLOCK).min(LARGEST_BLOCK)
}

/// The blocks with something of an area in them. Ranges neither overlap nor touch.
fn ranges(domain: &Domain<'_>) -> impl Iterator<Item = RangeInclusive<u64>> {
    let block_size = block_size(domain);
    let mut areas = domain
        .areas()
        .map(move |area| (area.offset / block_size, (area.end() - 1) / block_size))
        .peekable();
    iter::from_fn(move || {
        let (first, mut last) = areas.next()?;
        while let Some((_, end)) = areas.next_if(|(start, _)| *start <= last + 1) {
            last = end;
        }
        Some(first..=last)
    })
}

struct Hasher(Sha256);

impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
