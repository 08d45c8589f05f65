//! Numbers as values of options; what is expected of them is part of the error.

use std::num::NonZeroUsize;

/// What an option takes, in the words of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Expected(&'static str);

/// A level of zstd.
pub fn level(text: &str) -> Result<i32, Expected> {
    let level = text.parse().ok().filter(|level| (1..=22).contains(level));
    level.ok_or(Expected("a LEVEL from 1 to 22"))
}

/// The number of a partition.
pub fn partition(text: &str) -> Result<u32, Expected> {
    let number = text.parse().ok().filter(|&number| number > 0);
    number.ok_or(Expected("the number N of a partition, from 1 on"))
}

/// How often something is done; 0 is never.
pub fn times(text: &str) -> Result<u32, Expected> {
    text.parse().map_err(|_| Expected("a number N, from 0 on"))
}

/// How many there are of something.
pub fn count(text: &str) -> Result<NonZeroUsize, Expected> {
    text.parse().map_err(|_| Expected("a number N, from 1 on"))
}

/// What precedes a volume on its disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HiddenSectors {
    /// What precedes the partition that is written to.
    Auto,
    Count(u32),
}

/// Bytes of a sector of the disk that is written to.
pub fn sector_size(text: &str) -> Result<u32, Expected> {
    match text {
        "512" => Ok(512),
        "4096" => Ok(4096),
        _ => Err(Expected("512 or 4096 bytes")),
    }
}

/// How many sectors of the disk precede a volume.
pub fn hidden_sectors(text: &str) -> Result<HiddenSectors, Expected> {
    match text {
        "auto" => Ok(HiddenSectors::Auto),
        _ => text
            .parse()
            .map(HiddenSectors::Count)
            .map_err(|_| Expected("auto, or a number N of sectors, from 0 on")),
    }
}

/// A size in bytes: a number, and a unit as of split and dd. `K` is 1024, `KB`
/// is 1000, `KiB` is 1024, and so on with M, G, T.
pub fn size(text: &str) -> Result<u64, Expected> {
    parse_size(text).ok_or(Expected("a SIZE such as 4G, 700M or 650MB, from 64K on"))
}

/// The size of a volume that is written: bytes, `min` or `fill`.
pub fn volume_size(text: &str) -> Result<NewSize, Expected> {
    match text {
        "min" => Ok(NewSize::Least),
        "fill" => Ok(NewSize::Fill),
        _ => parse_size(text).map(NewSize::Bytes).ok_or(Expected(
            "a SIZE such as 200G, min (the least), or fill (as large as the target)",
        )),
    }
}

/// The size of a volume that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewSize {
    /// So many bytes, the backup boot sector among them.
    Bytes(u64),
    /// The least that its files need.
    Least,
    /// That of the device that it is written to.
    Fill,
}

/// Pieces of less than this would be thousands of files. Ours.
const LEAST_PIECE: u64 = 64 << 10;

fn parse_size(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let exponent = match unit.chars().next().map(|unit| unit.to_ascii_uppercase()) {
        None | Some('B') => 0,
        Some('K') => 1,
        Some('M') => 2,
        Some('G') => 3,
        Some('T') => 4,
        Some(_) => return None,
    };
    let base: u64 = match unit.get(1..) {
        None | Some("" | "iB") => 1024,
        Some("B" | "b") if exponent > 0 => 1000,
        Some(_) => return None,
    };
    let number: u64 = number.parse().ok()?;
    let size = number.checked_mul(base.checked_pow(exponent)?)?;
    (size >= LEAST_PIECE).then_some(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let table = [
            ("65536", Some(65536)),
            ("100000B", Some(100_000)),
            ("64K", Some(65536)),
            ("64k", Some(65536)),
            ("100KB", Some(100_000)),
            ("2MiB", Some(2 << 20)),
            ("4G", Some(4 << 30)),
            ("4GB", Some(4_000_000_000)),
            ("1T", Some(1 << 40)),
            ("", None),
            ("G", None),
            ("4X", None),
            ("4GG", None),
            ("1.5G", None),
            ("-1", None),
            ("65535", None),
            ("99999999T", None),
            ("4\u{fc}", None),
        ];
        for (text, expected) in table {
            assert_eq!(size(text).ok(), expected, "{text}");
        }
    }
}
