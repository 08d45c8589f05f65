//! Finds the commands again after a damaged one.

use alloc::vec::Vec;
use core::cmp::Ordering;

use super::chain::{Chain, Place, Seen};
use super::{Floating, GAP_BYTES, Walk};
use crate::error::Result;
use crate::image::index::stride;
use crate::image::salvage::Ending;

/// As few are enough where the stream goes on as it must.
const LEAST_CHAIN: u32 = 3;

/// As few are enough at any other place.
const LEAST_CHAIN_ANYWHERE: u32 = 8;

/// How many clusters back a damaged command is looked for that looked sound.
const LOOK_BACK: u64 = 64;

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

impl Walk<'_> {
    /// Whether a cluster follows all of the volume, and is not the tail.
    pub(super) fn is_past_end(&self, seen: Seen) -> bool {
        self.ending == Ending::WithSource
            && self.floating.is_none()
            && seen == Seen::Next
            && self.position == self.header.nr_clusters
            && self.tail_end(self.offset) < self.window.size()
    }

    /// A command that leads out of the volume, after which the commands go on: one
    /// of the counts before may be wrong, which the end tells.
    pub(super) fn float_past_end(&mut self, seen: Seen) -> Result<bool> {
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
    pub(super) fn resume(&mut self, seen: Seen, by_expected: Option<Place>) -> Result<bool> {
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

    /// The last place that is known, and the position there.
    fn since(&self) -> (u64, u64) {
        match (&self.floating, self.expected) {
            (Some(floating), _) => (floating.since, floating.since_offset),
            (None, Some(_)) => self.certain,
            (None, None) => (self.position, self.offset),
        }
    }

    /// The position is not known from here on, with commands at `offset`.
    pub(super) fn float(&mut self, offset: u64) {
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
}
