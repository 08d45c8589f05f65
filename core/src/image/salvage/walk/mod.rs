//! Follows the commands of a damaged image.

mod chain;
mod resume;

use alloc::vec::Vec;

use self::chain::{Place, Seen};
use super::expected::Expected;
use super::window::{Byte, Window};
use super::{Ending, Salvaged};
use crate::error::{Error, Result};
use crate::image::index::{Index, Run, stride};
use crate::image::ntfsclone::{Header, corrupt, cut_short};
use crate::io::Source;
use crate::units::{Extent, Lcn};

/// Bytes of a gap: its command and its count.
const GAP_BYTES: u64 = 9;

/// Damages that are kept, to be reported.
const MAX_DAMAGES: usize = 8;

pub(super) struct Walk<'a> {
    window: Window<'a>,
    header: Header,
    ending: Ending,
    expected: Option<&'a Expected>,
    /// Where the next command is.
    offset: u64,
    /// The cluster that it is for; if `floating`, counted from where that began.
    position: u64,
    /// The last command that agrees with what is expected.
    certain: (u64, u64),
    runs: Vec<Run>,
    /// How many clusters were passed over is not known since here.
    floating: Option<Floating>,
    /// The last command, if it was a gap, and the cluster it was for.
    last_gap: Option<(u64, u64)>,
    tail: Option<u64>,
    shift: Option<Shift>,
    unknown: Vec<Extent>,
    doubtful: Vec<Extent>,
    damages: Vec<Error>,
    is_ordinary: bool,
}

/// Clusters whose places on the volume are known only relative to each other.
struct Floating {
    runs: Vec<Run>,
    /// The last position that is known, and where its command was.
    since: u64,
    since_offset: u64,
    /// Where they begin by the counts before, which may be wrong.
    counted: Option<u64>,
}

/// How far from the place that the counts lead to some clusters belong, as the
/// end of the image tells: one of the counts is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shift {
    pub(super) clusters: i64,
    /// Of how many runs one of the first ones is the first to be shifted.
    pub(super) runs: usize,
}

fn distance(from: u64, to: u64) -> i64 {
    // Numbers of clusters are less than 2^63.
    to.wrapping_sub(from).cast_signed()
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        source: &'a Source,
        header: Header,
        ending: Ending,
        expected: Option<&'a Expected>,
        progress: &'a mut dyn FnMut(u64),
    ) -> Self {
        Self {
            window: Window::new(source, progress),
            header,
            ending,
            expected,
            offset: header.data_offset.into(),
            position: 0,
            certain: (0, header.data_offset.into()),
            runs: Vec::new(),
            floating: None,
            last_gap: None,
            tail: None,
            shift: None,
            unknown: Vec::new(),
            doubtful: Vec::new(),
            damages: Vec::new(),
            // Gaps that lead back are no damage until it is known to be one.
            is_ordinary: false,
        }
    }

    pub(super) fn run(mut self) -> Result<Salvaged> {
        self.is_ordinary = self.begins_with_cluster()?;
        while self.step()? {}
        self.window.cover(self.window.size())?;
        self.finish()
    }

    /// Images of metadata begin with a gap.
    fn begins_with_cluster(&mut self) -> Result<bool> {
        let place = Place {
            offset: self.offset,
            position: Some(0),
        };
        Ok(match self.look(self.offset)? {
            Seen::Next => true,
            Seen::Gap(count) => match self.after_gap(place, count) {
                Some(after) => !self.chain(after)?.is_sound,
                None => true,
            },
            Seen::Other(_) | Seen::Absent | Seen::End => true,
        })
    }

    /// Takes the next command; false at the end.
    fn step(&mut self) -> Result<bool> {
        self.window.cover(self.offset)?;
        if self.floating.is_none() && self.position >= self.header.end_position() {
            return self.end_at_tail();
        }
        let seen = self.look(self.offset)?;
        if seen == Seen::End {
            if self.floating.is_some() && !self.header.has_tail() && self.is_at_end() {
                self.anchor();
                return Ok(false);
            }
            self.damage(cut_short(self.window.size()));
            self.end_unknown();
            return Ok(false);
        }
        if self.floating.is_some() && seen == Seen::Next && self.is_tail(self.offset) {
            self.anchor();
            self.take_tail();
            return Ok(false);
        }
        if self.is_ordinary && seen == Seen::Next && self.is_early_tail() {
            // One of the counts before is wrong, if the image is not cut here.
            self.shift = Some(Shift {
                clusters: distance(self.position, self.header.nr_clusters),
                runs: self.runs.len(),
            });
            self.position = self.header.nr_clusters;
            self.take_tail();
            return Ok(false);
        }
        if self.is_past_end(seen) && self.float_past_end(seen)? {
            return Ok(true);
        }
        let here = self.here();
        let by_stream = self.successor(here, seen);
        let by_expected = self.expected_successor(here);
        match (by_stream, by_expected) {
            (Some(after), None) => {
                self.note_certain();
                self.take(after, true);
            }
            (Some(after), Some(expected)) if after == expected => {
                self.note_certain();
                self.take(after, true);
            }
            (Some(after), Some(expected)) => {
                let (by_expected, by_stream) = (self.matches(expected)?, self.matches(after)?);
                if by_expected > by_stream {
                    self.damage_of(seen);
                    self.take(expected, false);
                } else {
                    // Nothing may speak for either.
                    self.take(after, by_stream > by_expected);
                }
            }
            (None, _) => {
                if by_expected.is_none() && self.float_past_end(seen)? {
                    return Ok(true);
                }
                self.damage_of(seen);
                return self.resume(seen, by_expected);
            }
        }
        Ok(true)
    }

    fn note_certain(&mut self) {
        if self.floating.is_none() {
            self.certain = (self.position, self.offset);
        }
    }

    fn here(&self) -> Place {
        Place {
            offset: self.offset,
            position: self.floating.is_none().then_some(self.position),
        }
    }

    /// Takes the command that leads to `after`.
    fn take(&mut self, after: Place, is_sound: bool) {
        // A tail may be as long as the count of a gap.
        let is_tail = after.position == Some(self.header.nr_clusters.saturating_add(1));
        let is_gap = after.offset == self.offset.saturating_add(GAP_BYTES) && !is_tail;
        if !is_gap {
            self.take_cluster(is_sound);
            return;
        }
        self.last_gap = Some((self.offset, self.position));
        self.offset = after.offset;
        match after.position {
            Some(position) => self.position = position,
            // Counted from where it began: its count stands in the image.
            None => {
                let count = self.count_at(self.offset.saturating_sub(GAP_BYTES));
                let count = count.ok().flatten().unwrap_or(0);
                self.position = self.position.saturating_add_signed(count);
            }
        }
    }

    fn take_cluster(&mut self, is_sound: bool) {
        if self.floating.is_none() && self.position == self.header.nr_clusters {
            self.take_tail();
            return;
        }
        let (offset, lcn) = (self.offset, Lcn(self.position));
        let one = Run {
            extent: Extent::new(lcn, 1),
            offset,
        };
        if !is_sound && self.floating.is_none() {
            self.doubtful.push(one.extent);
        }
        let stride = stride(&self.header);
        match self.current_runs().last_mut() {
            Some(last)
                if last.extent.end() == lcn
                    && last
                        .offset
                        .saturating_add(last.extent.len.saturating_mul(stride))
                        == offset =>
            {
                last.extent.len = last.extent.len.saturating_add(1);
            }
            _ => self.current_runs().push(one),
        }
        self.offset = offset.saturating_add(stride);
        self.position = self.position.saturating_add(1);
    }

    fn take_tail(&mut self) {
        self.tail = Some(self.offset);
        let len = self.header.tail_size().saturating_add(1);
        self.offset = self.offset.saturating_add(len);
        self.position = self.header.end_position();
    }

    /// The clusters end here. What follows should not be there, unless one of
    /// the counts before is wrong.
    fn end_at_tail(&mut self) -> Result<bool> {
        if self.offset > self.window.size() {
            self.damage(cut_short(self.window.size()));
        }
        if self.ending == Ending::WithSource && self.offset < self.window.size() {
            let found = match self.window.byte(self.offset)? {
                Byte::Value(value) => value.into(),
                Byte::Absent | Byte::End => 0,
            };
            let field = "the byte after its end";
            self.damage(corrupt(self.offset, field, found, "nothing"));
        }
        Ok(false)
    }

    /// The end of the volume is reached: so the places of the clusters before
    /// are known, too.
    fn anchor(&mut self) {
        let Some(floating) = self.floating.take() else {
            return;
        };
        let first = self.header.nr_clusters.checked_sub(self.position);
        // By counts that are wrong, they may begin before.
        let is_after = |&first: &u64| first >= floating.since || floating.counted.is_some();
        let Some(first) = first.filter(is_after) else {
            self.pass_over_unknown(floating.since, self.header.nr_clusters);
            self.position = self.header.nr_clusters;
            return;
        };
        self.pass_over_unknown(floating.since, first);
        self.shift = floating.counted.map(|counted| Shift {
            clusters: distance(counted, first),
            runs: self.runs.len(),
        });
        self.runs.extend(floating.runs.into_iter().map(|run| Run {
            extent: Extent::new(run.extent.start.plus(first), run.extent.len),
            offset: run.offset,
        }));
        self.position = self.header.nr_clusters;
    }

    /// Nothing more is known.
    fn end_unknown(&mut self) {
        let since = match self.floating.take() {
            Some(floating) => floating.since,
            None => self.position,
        };
        self.pass_over_unknown(since, self.header.nr_clusters);
    }

    fn pass_over_unknown(&mut self, from: u64, to: u64) {
        if self.is_ordinary && from < to {
            self.unknown
                .push(Extent::new(Lcn(from), to.saturating_sub(from)));
        }
    }

    fn current_runs(&mut self) -> &mut Vec<Run> {
        match &mut self.floating {
            Some(floating) => &mut floating.runs,
            None => &mut self.runs,
        }
    }

    /// Whether the image ends with this cluster, which is not that of the tail.
    fn is_early_tail(&self) -> bool {
        let is_known = self.floating.is_none();
        is_known && self.position < self.header.nr_clusters && self.is_tail(self.offset)
    }

    fn is_at_end(&self) -> bool {
        self.offset == self.window.size()
    }

    fn damage_of(&mut self, seen: Seen) {
        let offset = self.offset;
        let error = match seen {
            Seen::Next => corrupt(offset, "a command", 1, "a gap, by $Bitmap"),
            Seen::Gap(count) => {
                let expected = "one that fits the volume";
                corrupt(offset, "a gap's count", count.cast_unsigned(), expected)
            }
            Seen::Other(found) => corrupt(offset, "a command", found.into(), "0 or 1"),
            // The unreadable parts are reported themselves.
            Seen::Absent | Seen::End => return,
        };
        self.damage(error);
    }

    fn damage(&mut self, error: Error) {
        if self.damages.len() < MAX_DAMAGES {
            self.damages.push(error);
        }
    }

    fn finish(mut self) -> Result<Salvaged> {
        self.runs.retain(|run| run.extent.len > 0);
        let size = self.window.size();
        let end = self.tail.unwrap_or(size);
        let last = self.offset;
        let mut absent = self.window.absent();
        // A last cluster, or the tail, that is cut in two.
        if last > size {
            absent.push(size..last);
        }
        Ok(Salvaged {
            index: Index::of_runs(self.header, self.runs, end)?,
            has_tail: self.tail.is_some(),
            unknown: self.unknown,
            doubtful: self.doubtful,
            shift: self.shift,
            absent,
            damages: self.damages,
            is_ordinary: self.is_ordinary,
        })
    }
}
