//! What the maps of `ntfsclone map` say, each read as its format defines it.

use serde::Deserialize;
use std::{io::BufRead, ops::Range};

/// A map as JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JsonMap {
    pub(crate) source: String,
    pub(crate) within: Option<String>,
    pub(crate) size: u64,
    pub(crate) cluster_size: Option<u64>,
    areas: Vec<JsonArea>,
    #[serde(default)]
    pub(crate) partitions: Vec<JsonPartition>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JsonPartition {
    pub(crate) number: u32,
    pub(crate) offset: u64,
    pub(crate) size: u64,
    pub(crate) cluster_size: Option<u64>,
    areas: Vec<JsonArea>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonArea {
    offset: u64,
    length: u64,
}

/// A block map.
pub(crate) struct Bmap {
    pub(crate) image_size: u64,
    pub(crate) block_size: u64,
    pub(crate) blocks_count: u64,
    pub(crate) mapped_blocks_count: u64,
    /// Numbers of blocks.
    pub(crate) ranges: Vec<Range<u64>>,
}

impl JsonMap {
    pub(crate) fn parse(text: &[u8]) -> Self {
        serde_json::from_slice(text).expect("it is JSON")
    }

    pub(crate) fn areas(&self) -> Vec<Range<u64>> {
        ranges(&self.areas)
    }
}

impl JsonPartition {
    /// By positions in the partition.
    pub(crate) fn areas(&self) -> Vec<Range<u64>> {
        ranges(&self.areas)
    }
}

fn ranges(areas: &[JsonArea]) -> Vec<Range<u64>> {
    areas
        .iter()
        .map(|area| area.offset..area.offset + area.length)
        .collect()
}

/// Reports what a mapfile of ddrescue says is finished, and returns where it ends. It must be contiguous.
pub(crate) fn read_mapfile(text: impl BufRead, mut finished: impl FnMut(Range<u64>)) -> u64 {
    let lines = text.lines().map(|line| line.expect("it is text"));
    let mut lines = lines.filter(|line| !line.starts_with('#'));
    let status = lines.next().expect("a status line");
    let words: Vec<&str> = status.split_whitespace().collect();
    assert_eq!(words, ["0x00000000", "+", "1"], "the status line");
    let mut position = 0;
    for line in lines {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [start, length, status] = words[..] else {
            panic!("not the line of a block: {line}");
        };
        let [start, length] = [start, length].map(|word| {
            let digits = word.strip_prefix("0x").expect("hexadecimal");
            u64::from_str_radix(digits, 16).expect("hexadecimal")
        });
        assert_eq!(start, position, "it is contiguous: {line}");
        assert!(length > 0, "{line}");
        position += length;
        match status {
            "+" => finished(start..position),
            "?" => {}
            other => panic!("unexpected status {other}"),
        }
    }
    position
}

impl Bmap {
    /// Enough of XML for this.
    pub(crate) fn parse(text: &[u8]) -> Self {
        let text = std::str::from_utf8(text).expect("it is text");
        assert!(text.contains("<bmap version=\"2.0\">"), "{text}");
        let elements = |name: &str| {
            let (open, close) = (format!("<{name}>"), format!("</{name}>"));
            let mut found = Vec::new();
            for rest in text.split(&open).skip(1) {
                let (value, _) = rest.split_once(&close).expect("it ends");
                found.push(value.trim().to_owned());
            }
            found
        };
        let number = |text: &str| text.trim().parse::<u64>().expect("a number");
        let one = |name: &str| {
            let found = elements(name);
            assert_eq!(found.len(), 1, "{name}");
            number(&found[0])
        };
        let ranges = elements("Range");
        let ranges = ranges.iter().map(|range| match range.split_once('-') {
            Some((first, last)) => number(first)..number(last) + 1,
            None => number(range)..number(range) + 1,
        });
        Self {
            image_size: one("ImageSize"),
            block_size: one("BlockSize"),
            blocks_count: one("BlocksCount"),
            mapped_blocks_count: one("MappedBlocksCount"),
            ranges: ranges.collect(),
        }
    }
}
