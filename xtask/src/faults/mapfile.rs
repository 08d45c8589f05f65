//! The map file of a rescue, in GNU ddrescue's format.

use anyhow::{Context, Result, ensure};
use std::{fmt::Write as _, ops::Range};

/// Status of an area whose bytes are in the output.
pub(super) const FINISHED: char = '+';

pub(super) struct Mapfile {
    /// Status of the run that wrote it: `+` when there is nothing left to do.
    pub(super) state: char,
    /// In order, without gaps.
    pub(super) areas: Vec<(Range<u64>, char)>,
}

impl Mapfile {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut lines = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        let head = lines.next().context("the map is empty")?;
        let state = head.split_whitespace().nth(1);
        let state = state.and_then(|word| word.chars().next());
        let mut map = Self {
            state: state.context("the map has no status")?,
            areas: Vec::new(),
        };
        for line in lines {
            let fields: Vec<&str> = line.split_whitespace().collect();
            ensure!(fields.len() == 3, "in the map: {line:?}");
            let start = number(fields[0])?;
            let len = number(fields[1])?;
            let status = fields[2].chars().next().context("no status")?;
            map.areas.push((start..start + len, status));
        }
        Ok(map)
    }

    /// Byte ranges that the map claims to be in the output.
    pub(super) fn finished(&self) -> impl Iterator<Item = Range<usize>> {
        self.areas
            .iter()
            .filter(|(_, status)| *status == FINISHED)
            .map(|(range, _)| range.start as usize..range.end as usize)
    }

    /// The same map with everything from byte `middle` on not tried.
    pub(super) fn forget_after(mut self, middle: u64) -> Self {
        let end = self.areas.last().map_or(0, |(range, _)| range.end);
        self.areas.retain(|(range, _)| range.start < middle);
        if let Some((range, _)) = self.areas.last_mut() {
            range.end = range.end.min(middle);
        }
        self.areas.push((middle..end, '?'));
        self.state = '?';
        self
    }

    pub(super) fn to_text(&self) -> String {
        let mut text = format!("0x00000000 {} 1\n", self.state);
        for (range, status) in &self.areas {
            let (start, len) = (range.start, range.end - range.start);
            let _ = writeln!(text, "{start:#x} {len:#x} {status}");
        }
        text
    }
}

fn number(text: &str) -> Result<u64> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.with_context(|| format!("in the map: {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_read_and_cut() {
        let text = "# made by hand\n0x0 + 1\n0x0 0x400 +\n0x400 0x200 -\n0x600 0xA00 +\n";
        let map = Mapfile::parse(text).unwrap();
        let finished: Vec<_> = map.finished().collect();
        assert_eq!(finished, [0..0x400, 0x600..0x1000]);
        let cut = map.forget_after(0x800);
        assert_eq!(
            cut.to_text(),
            "0x00000000 ? 1\n0x0 0x400 +\n0x400 0x200 -\n0x600 0x200 +\n0x800 0x800 ?\n"
        );
    }
}
