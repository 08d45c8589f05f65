//! Follows the commands of a damaged image.

use alloc::vec::Vec;

use super::{Ending, Salvaged};
use super::expected::{Expected, Next};
use super::window::{Byte, Window};
use crate::error::{Error, Result};
use crate::image::index::{Index, Run, stride};
use crate::image::ntfsclone::{COMMAND_GAP, COMMAND_NEXT, Header, corrupt, cut_short};
use crate::io::ReadParts;
use crate::units::{Extent, Lcn};

/// Bytes of a gap: its command and its count.
const GAP_BYTES: u64 = 9;

/// How many commands are followed from a place to find out whether it is one
/// of a command. Of random bytes, one in 128 looks like a command.
const CHAIN: u32 = 24;

/// As few are enough where the stream goes on as it must.
const LEAST_CHAIN: u32 = 3;

/// As few are enough at any other place.
const LEAST_CHAIN_ANYWHERE: u32 = 8;

/// How many gaps are compared with those that are expected.
const GAPS_COMPARED: u32 = 6;

/// How many clusters back a damaged command is looked for that looked sound.
const LOOK_BACK: u64 = 64;

/// Damages that are kept, to be reported.
const MAX_DAMAGES: usize = 8;

pub(super) struct Walk<'a, S: ?Sized> {
    window: Window<'a, S>,
    header: Header,
    ending: Ending,
    expected: Option<&'a Expected>,
    /// Where the next command is.
    offset: u64,
    /// The cluster that it is for; if `floating`, counted from where that began.
    position: u64,
    runs: Vec<Run>,
    /// How many clusters were passed over is not known since here.
    floating: Option<Floating>,
    /// The last command, if it was a gap, and the cluster it was for.
    last_gap: Option<(u64, u64)>,
    tail: Option<u64>,
    unknown: Vec<Extent>,
    doubtful: Vec<Extent>,
    damages: Vec<Error>,
    is_ordinary: bool,
}

/// Clusters whose places on the volume are known only relative to each other.
struct Floating {
    runs: Vec<Run>,
    /// The last position that is known.
    since: u64,
}

/// What is at the place of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Next,
    Gap(i64),
    /// Neither.
    Other(u8),
    Absent,
    End,
}

/// A place of a command, and the cluster it is for, if that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    offset: u64,
    position: Option<u64>,
}

/// How far the commands from a place on are some.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Chain {
    /// Nothing but commands was found.
    is_sound: bool,
    commands: u32,
    /// It leads to the end of the image, to the byte.
    ends: bool,
}

impl<'a, S: ReadParts + ?Sized> Walk<'a, S> {
    pub(super) fn new(
        source: &'a S,
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
            runs: Vec::new(),
            floating: None,
            last_gap: None,
            tail: None,
            unknown: Vec::new(),
            doubtful: Vec::new(),
            damages: Vec::new(),
            is_ordinary: true,
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
        let here = self.here();
        let by_stream = self.successor(here, seen);
        let by_expected = self.expected_successor(here);
        match (by_stream, by_expected) {
            (Some(after), None) => self.take(after, true),
            (Some(after), Some(expected)) if after == expected => self.take(after, true),
            (Some(after), Some(expected)) => {
                let is_expected = self.matches(expected)? > self.matches(after)?;
                if is_expected {
                    self.damage_of(seen);
                }
                let after = if is_expected { expected } else { after };
                self.take(after, !is_expected);
            }
            (None, _) => {
                self.damage_of(seen);
                return self.resume(seen, by_expected);
            }
        }
        Ok(true)
    }

    /// Goes on after a damaged command; false where nothing more is found.
    fn resume(&mut self, seen: Seen, by_expected: Option<Place>) -> Result<bool> {
        let here = self.here();
        if let Some(expected) = by_expected
            && (self.matches(expected)? > 0 || self.chain(expected)?.is_sound)
        {
            self.take(expected, false);
            return Ok(true);
        }
        let cluster = self.after_cluster(here);
        let gap = match self.count_at(here.offset)? {
            Some(count) => self.after_gap(here, count),
            None => None,
        };
        let floating = Place {
            offset: here.offset.saturating_add(GAP_BYTES),
            position: None,
        };
        let mut best: Option<(Chain, Place)> = None;
        for place in [cluster, gap].into_iter().flatten() {
            let chain = self.chain(place)?;
            let is_enough = chain.is_sound && (chain.commands >= LEAST_CHAIN || chain.ends);
            if is_enough && best.is_none_or(|(other, _)| chain > other) {
                best = Some((chain, place));
            }
        }
        if let Some((_, place)) = best {
            self.take(place, false);
            return Ok(true);
        }
        if self.look_back()? {
            return Ok(true);
        }
        // Where nothing more can be read, nothing speaks against a cluster.
        if seen == Seen::Absent
            && let Some(place) = cluster
            && self.chain(place)?.is_sound
        {
            self.take(place, false);
            return Ok(true);
        }
        let chain = self.chain(floating)?;
        if chain.is_sound && chain.commands >= LEAST_CHAIN_ANYWHERE {
            self.float(floating.offset);
            return Ok(true);
        }
        self.find_commands()
    }

    /// Looks for a command before this one that looked sound and was not: the
    /// one of a gap that was taken for a cluster's, or the other way round.
    fn look_back(&mut self) -> Result<bool> {
        let stride = stride(&self.header);
        if let Some((offset, position)) = self.last_gap
            && offset.saturating_add(GAP_BYTES) == self.offset
            && self.floating.is_none()
        {
            let place = Place {
                offset: offset.saturating_add(stride),
                position: Some(position.saturating_add(1)),
            };
            let chain = self.chain(place)?;
            if chain.is_sound && (chain.commands >= LEAST_CHAIN || chain.ends) {
                self.offset = offset;
                self.position = position;
                self.take(place, false);
                return Ok(true);
            }
        }
        let len = self.current_runs().last().map_or(0, |run| run.extent.len);
        for back in 1..=len.min(LOOK_BACK) {
            let offset = self.offset.saturating_sub(back.saturating_mul(stride));
            let position = self.position.saturating_sub(back);
            let here = Place {
                offset,
                position: self.floating.is_none().then_some(position),
            };
            let Some(count) = self.count_at(offset)? else {
                continue;
            };
            let Some(after) = self.after_gap(here, count) else {
                continue;
            };
            let chain = self.chain(after)?;
            if chain.is_sound && (chain.commands >= LEAST_CHAIN_ANYWHERE || chain.ends) {
                if let Some(last) = self.current_runs().last_mut() {
                    last.extent.len = last.extent.len.saturating_sub(back);
                }
                self.offset = after.offset;
                self.position = match after.position {
                    Some(position) => position,
                    None => position.saturating_add_signed(count),
                };
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Looks for commands anywhere after this place; false if there are none.
    fn find_commands(&mut self) -> Result<bool> {
        let mut offset = self.offset.saturating_add(1);
        while offset < self.window.size() {
            self.window.cover(offset)?;
            let place = Place {
                offset,
                position: None,
            };
            let looks_like_one = match self.look(offset)? {
                Seen::Next => true,
                Seen::Gap(count) => self.after_gap(place, count).is_some(),
                Seen::Other(_) | Seen::Absent | Seen::End => false,
            };
            if looks_like_one {
                let chain = self.chain(place)?;
                if chain.is_sound
                    && (chain.commands >= LEAST_CHAIN_ANYWHERE
                        || chain.ends && chain.commands >= LEAST_CHAIN)
                {
                    self.go_on_at(offset)?;
                    return Ok(true);
                }
            }
            offset = offset.saturating_add(1);
        }
        self.end_unknown();
        Ok(false)
    }

    /// Goes on at commands that were found again at `offset`.
    fn go_on_at(&mut self, offset: u64) -> Result<()> {
        let stride = stride(&self.header);
        let between = offset.saturating_sub(self.offset);
        // As many clusters as fit, with no gap between them.
        let clusters = between.checked_div(stride).unwrap_or(0);
        let is_whole = between.checked_rem(stride) == Some(0);
        let position = self.position.saturating_add(clusters);
        if self.floating.is_none() && is_whole && position <= self.header.nr_clusters {
            for _ in 0..clusters {
                self.take_cluster(false);
            }
            return Ok(());
        }
        match self.expected_position(offset)? {
            Some(position) => {
                let since = match self.floating.take() {
                    Some(floating) => floating.since,
                    None => self.position,
                };
                self.pass_over_unknown(since, position);
                self.offset = offset;
                self.position = position;
                self.last_gap = None;
            }
            None => self.float(offset),
        }
        Ok(())
    }

    /// The cluster that the command at `offset` is for: where the gaps after it
    /// are as expected.
    fn expected_position(&mut self, offset: u64) -> Result<Option<u64>> {
        let Some(expected) = self.expected else {
            return Ok(None);
        };
        let mut clusters = 0_u64;
        let count = loop {
            let next = offset.saturating_add(clusters.saturating_mul(stride(&self.header)));
            self.window.cover(next)?;
            match self.look(next)? {
                Seen::Next => clusters = clusters.saturating_add(1),
                Seen::Gap(count) => break count,
                Seen::Other(_) | Seen::Absent | Seen::End => return Ok(None),
            }
        };
        let since = match &self.floating {
            Some(floating) => floating.since,
            None => self.position,
        };
        for (extent, gap) in expected.gaps_after(since) {
            let position = extent.end().0.checked_sub(clusters);
            let fits = extent.len >= clusters && u64::try_from(count) == Ok(gap);
            if let Some(position) = position.filter(|&position| fits && position >= since) {
                let place = Place {
                    offset,
                    position: Some(position),
                };
                if self.matches(place)? >= 2 {
                    return Ok(Some(position));
                }
            }
        }
        Ok(None)
    }

    fn here(&self) -> Place {
        Place {
            offset: self.offset,
            position: self.floating.is_none().then_some(self.position),
        }
    }

    fn look(&mut self, offset: u64) -> Result<Seen> {
        Ok(match self.window.byte(offset)? {
            Byte::End => Seen::End,
            Byte::Absent => Seen::Absent,
            Byte::Value(COMMAND_NEXT) => Seen::Next,
            Byte::Value(COMMAND_GAP) => {
                if offset.saturating_add(GAP_BYTES) > self.window.size() {
                    return Ok(Seen::End);
                }
                self.count_at(offset)?.map_or(Seen::Absent, Seen::Gap)
            }
            Byte::Value(other) => Seen::Other(other),
        })
    }

    /// The count of a gap whose command is at `offset`, if it can be read.
    fn count_at(&mut self, offset: u64) -> Result<Option<i64>> {
        let mut count = [0; 8];
        for (place, byte) in (offset.saturating_add(1)..).zip(&mut count) {
            match self.window.byte(place)? {
                Byte::Value(value) => *byte = value,
                Byte::Absent | Byte::End => return Ok(None),
            }
        }
        Ok(Some(self.header.gap_count(count)))
    }

    /// The place after the command, if it can be one.
    fn successor(&self, place: Place, seen: Seen) -> Option<Place> {
        match seen {
            Seen::Next => self.after_cluster(place),
            Seen::Gap(count) => self.after_gap(place, count),
            Seen::Other(_) | Seen::Absent | Seen::End => None,
        }
    }

    fn expected_successor(&self, place: Place) -> Option<Place> {
        match self.expected?.at(place.position?)? {
            Next::Clusters(_) => self.after_cluster(place),
            Next::Gap(to) => Some(Place {
                offset: place.offset.saturating_add(GAP_BYTES),
                position: Some(to),
            }),
        }
    }

    fn after_cluster(&self, place: Place) -> Option<Place> {
        let len = match place.position {
            Some(position) if position >= self.header.end_position() => return None,
            Some(position) => self.header.bytes_at(position)?,
            None => self.header.cluster_size.into(),
        };
        Some(Place {
            offset: place.offset.saturating_add(1).saturating_add(len),
            position: place.position.map(|position| position.saturating_add(1)),
        })
    }

    fn after_gap(&self, place: Place, count: i64) -> Option<Place> {
        if count == 0 || (self.is_ordinary && count < 0) {
            return None;
        }
        let position = match place.position {
            Some(position) => {
                let after = position.checked_add_signed(count)?;
                Some(after).filter(|&after| after <= self.header.nr_clusters)?;
                Some(after)
            }
            None if count.unsigned_abs() > self.header.nr_clusters => return None,
            None => None,
        };
        Some(Place {
            offset: place.offset.saturating_add(GAP_BYTES),
            position,
        })
    }

    /// Follows some commands from a place on.
    fn chain(&mut self, mut place: Place) -> Result<Chain> {
        let mut chain = Chain {
            is_sound: true,
            commands: 0,
            ends: false,
        };
        for _ in 0..CHAIN {
            if place.position == Some(self.header.end_position()) {
                chain.ends = place.offset == self.window.size();
                return Ok(chain);
            }
            let seen = self.look(place.offset)?;
            if seen == Seen::Next && self.is_tail(place.offset) && place.position.is_none() {
                chain.ends = true;
                return Ok(chain);
            }
            let after = match seen {
                Seen::End => return Ok(chain),
                Seen::Absent => self.after_cluster(place),
                seen => {
                    chain.commands = chain.commands.saturating_add(1);
                    self.successor(place, seen)
                }
            };
            match after {
                Some(after) => place = after,
                None => {
                    chain.is_sound = false;
                    return Ok(chain);
                }
            }
        }
        Ok(chain)
    }

    /// How many of the next gaps are where they are expected.
    fn matches(&mut self, place: Place) -> Result<u32> {
        let (Some(expected), Some(mut position)) = (self.expected, place.position) else {
            return Ok(0);
        };
        let mut offset = place.offset;
        let mut matches = 0_u32;
        for _ in 0..GAPS_COMPARED.saturating_mul(2) {
            let seen = self.look(offset)?;
            if position == self.header.nr_clusters && seen == Seen::Next && self.is_tail(offset) {
                return Ok(matches.saturating_add(2));
            }
            match (expected.at(position), seen) {
                (Some(Next::Clusters(end)), Seen::Next | Seen::Absent) => {
                    let clusters = end.saturating_sub(position);
                    let bytes = clusters.saturating_mul(stride(&self.header));
                    offset = offset.saturating_add(bytes);
                    position = end;
                }
                (Some(Next::Gap(to)), Seen::Absent) => {
                    offset = offset.saturating_add(GAP_BYTES);
                    position = to;
                }
                (Some(Next::Gap(to)), Seen::Gap(count))
                    if position.checked_add_signed(count) == Some(to) =>
                {
                    matches = matches.saturating_add(1);
                    offset = offset.saturating_add(GAP_BYTES);
                    position = to;
                }
                _ => break,
            }
        }
        Ok(matches)
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

    /// The position is not known from here on, with commands at `offset`.
    fn float(&mut self, offset: u64) {
        let since = match self.floating.take() {
            Some(floating) => floating.since,
            None => self.position,
        };
        self.floating = Some(Floating {
            runs: Vec::new(),
            since,
        });
        self.offset = offset;
        self.position = 0;
        self.last_gap = None;
    }

    /// The end of the volume is reached: so the places of the clusters before
    /// are known, too.
    fn anchor(&mut self) {
        let Some(floating) = self.floating.take() else {
            return;
        };
        let first = self.header.nr_clusters.checked_sub(self.position);
        let Some(first) = first.filter(|&first| first >= floating.since) else {
            self.pass_over_unknown(floating.since, self.header.nr_clusters);
            self.position = self.header.nr_clusters;
            return;
        };
        self.pass_over_unknown(floating.since, first);
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

    /// Whether a cluster at `offset` would be the tail.
    fn is_tail(&self, offset: u64) -> bool {
        let end = offset
            .saturating_add(1)
            .saturating_add(self.header.tail_size());
        self.header.has_tail() && end == self.window.size()
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
            absent,
            damages: self.damages,
            is_ordinary: self.is_ordinary,
        })
    }
}
