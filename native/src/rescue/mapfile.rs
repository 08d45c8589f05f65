//! The map file of GNU ddrescue, as its manual describes it ("Mapfile
//! structure"): what it writes we go on with, and the other way round.

use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;

use super::area_map::{Area, AreaMap, Status};
use crate::error::{Error, Result};
use crate::source::small_file;

/// A map, and where the run that wrote it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapfile {
    pub map: AreaMap,
    /// Where the last read was, in bytes.
    pub position: u64,
    /// What the run was doing.
    pub state: RunStatus,
}

/// What a run was doing when it wrote its map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStatus {
    Copying,
    Trimming,
    Scraping,
    Retrying,
    Finished,
}

const STATUSES: [(char, Status); 5] = [
    ('?', Status::NonTried),
    ('*', Status::NonTrimmed),
    ('/', Status::NonScraped),
    ('-', Status::Bad),
    ('+', Status::Finished),
];

const RUN_STATUSES: [(char, RunStatus); 7] = [
    ('?', RunStatus::Copying),
    ('*', RunStatus::Trimming),
    ('/', RunStatus::Scraping),
    ('-', RunStatus::Retrying),
    // What other tools do with a map (fill, generate) is no rescue.
    ('F', RunStatus::Copying),
    ('G', RunStatus::Copying),
    ('+', RunStatus::Finished),
];

/// Writes what a map file begins with; `comment` is of one line.
pub fn write_head(
    out: &mut impl Write,
    comment: &str,
    position: u64,
    state: RunStatus,
) -> io::Result<()> {
    let state = RUN_STATUSES.iter().find(|(_, known)| *known == state);
    let state = state.map_or('?', |(letter, _)| *letter);
    let version = env!("CARGO_PKG_VERSION");
    writeln!(out, "# Mapfile. Created by ntfsclone version {version}")?;
    writeln!(out, "# {comment}")?;
    writeln!(out, "# current_pos  current_status  current_pass")?;
    writeln!(out, "0x{position:08X}     {state}               1")?;
    writeln!(out, "#      pos        size  status")
}

/// Writes an area; each begins where the one before ends, the first at 0.
pub fn write_area(out: &mut impl Write, range: Range<u64>, status: Status) -> io::Result<()> {
    let letter = STATUSES.iter().find(|(_, known)| *known == status);
    let letter = letter.map_or('?', |(letter, _)| *letter);
    let (start, len) = (range.start, range.end - range.start);
    writeln!(out, "0x{start:08X}  0x{len:08X}  {letter}")
}

impl Mapfile {
    /// Writes the text of a map file.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        write_head(out, "A rescue by its --mapfile", self.position, self.state)?;
        let mut areas = self.map.areas();
        areas.try_for_each(|area| write_area(out, area.range, area.status))
    }

    /// Reads the text of a map file of a device of `size` bytes; `path` is for
    /// errors. What the map does not speak of is not tried.
    pub fn parse(text: &str, size: u64, path: &Path) -> Result<Self> {
        let listed = Listed::parse(text, path)?;
        let mut map = AreaMap::new(size);
        for area in listed.areas {
            if area.status == Status::Finished && area.range.end > size {
                return Err(Error::refused(
                    path,
                    "an area of the map file ends past the end of the device",
                    REMEDY,
                ));
            }
            map.set(area.range, area.status);
        }
        Ok(Self {
            map,
            position: listed.position,
            state: listed.state,
        })
    }
}

/// What a map file lists, whatever the size of its device is.
#[derive(Debug)]
pub struct Listed {
    /// In order; they do not overlap.
    pub areas: Vec<Area>,
    position: u64,
    state: RunStatus,
}

const REMEDY: &str = "name the map file that belongs to this rescue";

/// No map has more bytes: it would be that of a disk with ten million bad sectors.
const LARGEST: u64 = 1 << 30;

impl Listed {
    /// Reads the text of a map file; `path` is for errors.
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        let lines = text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line.trim()))
            .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let mut areas = Vec::new();
        let mut head = None;
        let mut end = 0;
        for (number, line) in lines {
            let wrong = |what: &str| {
                let found = format!("line {number} of the map file: {what}");
                Error::refused(path, found, REMEDY)
            };
            let mut fields = line.split_whitespace();
            let position = fields.next().and_then(parse_number);
            let position = position.ok_or_else(|| wrong("no position"))?;
            if head.is_none() {
                let state = fields.next().unwrap_or("?");
                let state = RUN_STATUSES
                    .iter()
                    .find(|(letter, _)| state.starts_with(*letter));
                let (_, state) = state.ok_or_else(|| wrong("no status of a run"))?;
                head = Some((position, *state));
                continue;
            }
            let len = fields.next().and_then(parse_number);
            let len = len.ok_or_else(|| wrong("no size"))?;
            let letter = fields.next().unwrap_or_default();
            let status = STATUSES
                .iter()
                .find(|(known, _)| letter.starts_with(*known));
            let (_, status) = status.ok_or_else(|| wrong("no status of an area"))?;
            if position < end {
                return Err(wrong("its areas overlap"));
            }
            end = position
                .checked_add(len)
                .ok_or_else(|| wrong("an area ends past all devices"))?;
            areas.push(Area {
                range: position..end,
                status: *status,
            });
        }
        let Some((position, state)) = head else {
            return Err(Error::refused(
                path,
                "is no map file: it has no line that is not a comment",
                "name another file, or remove it to begin anew",
            ));
        };
        Ok(Self {
            areas,
            position,
            state,
        })
    }

    /// Bytes of the device that the map is of.
    pub fn size(&self) -> u64 {
        self.areas.last().map_or(0, |area| area.range.end)
    }
}

/// Reads a map file, as text.
pub fn read(path: &Path) -> Result<String> {
    match small_file::read(path, LARGEST) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::FileTooLarge
            ) =>
        {
            let remedy = "name the map file of this rescue, or one that does not exist yet";
            Err(Error::refused(path, "is no map file", remedy))
        }
        Err(error) => Err(Error::io("read", path, error)),
    }
}

/// A number as C writes it: `0x1F`, `017`, `15`.
fn parse_number(text: &str) -> Option<u64> {
    if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return u64::from_str_radix(hex, 16).ok();
    }
    match text.strip_prefix('0') {
        Some(octal) if !octal.is_empty() => u64::from_str_radix(octal, 8).ok(),
        _ => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<Mapfile> {
        Mapfile::parse(text, 0x1000, Path::new("map"))
    }

    #[test]
    fn reads_what_it_writes() {
        let mut map = AreaMap::new(0x1000);
        map.set(0..0x200, Status::Finished);
        map.set(0x200..0x400, Status::Bad);
        map.set(0x600..0x800, Status::NonTrimmed);
        let written = Mapfile {
            map,
            position: 0x600,
            state: RunStatus::Trimming,
        };
        let mut text = Vec::new();
        written.write(&mut text).expect("to memory");
        let text = String::from_utf8(text).expect("all of it is ASCII");
        assert_eq!(parse(&text).expect("own text"), written);
    }

    #[test]
    fn reads_what_ddrescue_writes() {
        let text = "# Mapfile. Created by GNU ddrescue version 1.27\n\
                    # Command line: ddrescue a b c\n\
                    # current_pos  current_status  current_pass\n\
                    0x00000600     -               1\n\
                    #      pos        size  status\n\
                    0x00000000  0x00000600  +\n\
                    1536  0x0200  -\n\
                    0x800  04000  ?\n";
        let mapfile = parse(text).expect("its text");
        assert_eq!(mapfile.state, RunStatus::Retrying);
        let areas: Vec<_> = mapfile.map.areas().map(|area| area.status).collect();
        assert_eq!(areas, [Status::Finished, Status::Bad, Status::NonTried]);
    }

    #[test]
    fn refuses() {
        let table = [
            "",
            "# only\n",
            "x ? 1\n",
            "0 q 1\n",
            "0 ? 1\n0 0x10\n",
            "0 ? 1\n0 0x10 x\n",
            "0 ? 1\n0 0x10 +\n0x8 0x10 +\n",
            "0 ? 1\n0 0x2000 +\n",
            "0 ? 1\n1 0xffffffffffffffff ?\n",
        ];
        for text in table {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_the_text(lines in prop::collection::vec("[0-9a-fxX+*/?# -]{0,24}", 0..12)) {
            let text = lines.join("\n");
            if let Ok(found) = parse(&text) {
                let covered: u64 = found.map.areas().map(|area| area.range.end - area.range.start).sum();
                prop_assert_eq!(covered, 0x1000);
            }
        }
    }
}
