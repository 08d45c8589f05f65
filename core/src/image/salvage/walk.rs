//! Follows the commands of a damaged image.

use alloc::vec::Vec;
use core::cmp::Ordering;

use super::expected::{Expected, Next};
use super::window::{Byte, Window};
use super::{Ending, Salvaged};
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

/// How likely it is that commands are found again; more is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Likely {
    chain: Chain,
    is_in_place: bool,
    few_gaps: u64,
}

impl PartialOrd for Likely {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let key = |likely: &Self| {
            let gaps = likely.is_in_place.then_some(likely.few_gaps);
            (likely.chain.is_long, gaps, likely.chain)
        };
        key(self).partial_cmp(&key(other))
    }
}

/// How far the commands from a place on are some.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Chain {
    /// Nothing but commands was found.
    is_sound: bool,
    /// As many as are looked at, or it leads to the end of the image, to the
    /// byte.
    is_long: bool,
    commands: u32,
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
            certain: (0, header.data_offset.into()),
            runs: Vec::new(),
            floating: None,
            last_gap: None,
            tail: None,
            shift: None,
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

    /// Whether a cluster follows all of the volume, and is not the tail.
    fn is_past_end(&self, seen: Seen) -> bool {
        self.ending == Ending::WithSource
            && self.floating.is_none()
            && seen == Seen::Next
            && self.position == self.header.nr_clusters
            && self.tail_end(self.offset) < self.window.size()
    }

    /// A command that leads out of the volume, after which the commands go on: one
    /// of the counts before may be wrong, which the end tells.
    fn float_past_end(&mut self, seen: Seen) -> Result<bool> {
        let here = Place {
            offset: self.offset,
            position: None,
        };
        let (after, counted) = match seen {
            Seen::Next => (Some(here), self.position),
            Seen::Gap(count) => (
                self.after_gap(here, count),
                self.position.saturating_add_signed(count),
            ),
            Seen::Other(_) | Seen::Absent | Seen::End => return Ok(false),
        };
        let Some(after) = after else {
            return Ok(false);
        };
        if self.floating.is_some() || !self.is_ordinary || !self.chain(after)?.is_sound {
            return Ok(false);
        }
        self.damage_of(seen);
        self.float(after.offset);
        if let Some(floating) = &mut self.floating {
            floating.counted = Some(counted);
        }
        Ok(true)
    }

    /// Goes on after a damaged command; false where nothing more is found.
    fn resume(&mut self, seen: Seen, by_expected: Option<Place>) -> Result<bool> {
        let here = self.here();
        if let Some(expected) = by_expected
            && (self.matches(expected)? > 0 || self.chain(expected)?.is_sound)
        {
            self.take(expected, seen == Seen::Absent);
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
            self.take(place, seen == Seen::Absent);
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
            self.take(place, true);
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
        let mut end = self.window.size();
        let mut best: Option<(Likely, u64)> = None;
        while offset < end {
            self.window.cover(offset)?;
            if let Some(likely) = self.likely_at(offset)? {
                if best.is_none_or(|(other, _)| likely > other) {
                    best = Some((likely, offset));
                }
                // Content may look like commands, but some are within a cluster.
                if likely.chain.is_long {
                    let within = offset.saturating_add(stride(&self.header));
                    end = end.min(within);
                }
            }
            offset = offset.saturating_add(1);
        }
        match best {
            Some((_, offset)) => self.go_on_at(offset)?,
            None => self.end_unknown(),
        }
        Ok(best.is_some())
    }

    /// How likely a command is at `offset`, after commands that are lost.
    fn likely_at(&mut self, offset: u64) -> Result<Option<Likely>> {
        let place = Place {
            offset,
            position: None,
        };
        let looks_like_one = match self.look(offset)? {
            Seen::Next => true,
            Seen::Gap(count) => self.after_gap(place, count).is_some(),
            Seen::Other(_) | Seen::Absent | Seen::End => false,
        };
        if !looks_like_one {
            return Ok(None);
        }
        let chain = self.chain(place)?;
        let is_enough =
            chain.commands >= LEAST_CHAIN_ANYWHERE || chain.ends && chain.commands >= LEAST_CHAIN;
        if !chain.is_sound || !is_enough {
            return Ok(None);
        }
        // Where nothing was added or removed, so many clusters and gaps are lost.
        let lost = offset.saturating_sub(self.offset);
        let clusters = lost.checked_div(stride(&self.header)).unwrap_or(0);
        let rest = lost.checked_rem(stride(&self.header)).unwrap_or(0);
        let gaps = rest / GAP_BYTES;
        let is_in_place = rest.is_multiple_of(GAP_BYTES) && gaps <= clusters.saturating_add(1);
        Ok(Some(Likely {
            chain,
            is_in_place,
            few_gaps: u64::MAX.saturating_sub(gaps),
        }))
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
                let (since, _) = self.since();
                self.floating = None;
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
        let (since, mut predicted) = self.since();
        // Where nothing was added or removed, they are where the clusters before
        // them end.
        let mut best: Option<(u64, u64)> = None;
        // The gap may be right here.
        for (extent, gap) in expected.gaps_after(since.saturating_sub(1)) {
            if extent.start.0 > since {
                predicted = predicted.saturating_add(GAP_BYTES);
            }
            let first = extent.start.0.max(since);
            let len = extent.end().0.saturating_sub(first);
            let bytes = len.saturating_mul(stride(&self.header));
            predicted = predicted.saturating_add(bytes);
            if len < clusters || u64::try_from(count) != Ok(gap) {
                continue;
            }
            let position = extent.end().0.saturating_sub(clusters);
            let back = clusters.saturating_mul(stride(&self.header));
            let distance = predicted.saturating_sub(back).abs_diff(offset);
            if best.is_some_and(|(other, _)| other <= distance) {
                continue;
            }
            let place = Place {
                offset,
                position: Some(position),
            };
            if self.matches(place)? >= 2 || distance == 0 {
                best = Some((distance, position));
            }
        }
        Ok(best.map(|(_, position)| position))
    }

    fn note_certain(&mut self) {
        if self.floating.is_none() {
            self.certain = (self.position, self.offset);
        }
    }

    /// The last place that is known, and the position there.
    fn since(&self) -> (u64, u64) {
        match (&self.floating, self.expected) {
            (Some(floating), _) => (floating.since, floating.since_offset),
            (None, Some(_)) => self.certain,
            (None, None) => (self.position, self.offset),
        }
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
            is_long: false,
            commands: 0,
            ends: false,
        };
        for _ in 0..CHAIN {
            if place.position == Some(self.header.end_position()) {
                chain.ends = place.offset == self.window.size();
                chain.is_long = chain.ends;
                return Ok(chain);
            }
            let seen = self.look(place.offset)?;
            if seen == Seen::Next && self.is_tail(place.offset) && place.position.is_none() {
                chain.ends = true;
                chain.is_long = true;
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
        chain.is_long = true;
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

    /// The position is not known from here on, with commands at `offset`.
    fn float(&mut self, offset: u64) {
        let (since, since_offset) = match self.floating.take() {
            Some(floating) => (floating.since, floating.since_offset),
            None => (self.position, self.offset),
        };
        self.floating = Some(Floating {
            runs: Vec::new(),
            since,
            since_offset,
            counted: None,
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

    /// Whether a cluster at `offset` would be the tail.
    fn is_tail(&self, offset: u64) -> bool {
        self.header.has_tail() && self.tail_end(offset) == self.window.size()
    }

    fn tail_end(&self, offset: u64) -> u64 {
        let tail = self.header.tail_size();
        offset.saturating_add(1).saturating_add(tail)
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
