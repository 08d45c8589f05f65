//! What is at a place of an image, and whether commands follow from there.

use super::{GAP_BYTES, Walk};
use crate::error::Result;
use crate::image::index::stride;
use crate::image::ntfsclone::{COMMAND_GAP, COMMAND_NEXT};
use crate::image::salvage::expected::Next;
use crate::image::salvage::window::Byte;

/// How many commands are followed from a place to find out whether it is one
/// of a command. Of random bytes, one in 128 looks like a command.
const CHAIN: u32 = 24;

/// How many gaps are compared with those that are expected.
const GAPS_COMPARED: u32 = 6;

/// What is at the place of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    Next,
    Gap(i64),
    /// Neither.
    Other(u8),
    Absent,
    End,
}

/// A place of a command, and the cluster it is for, if that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) offset: u64,
    pub(super) position: Option<u64>,
}

/// How far the commands from a place on are some.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Chain {
    /// Nothing but commands was found.
    pub(super) is_sound: bool,
    /// As many as are looked at, or it leads to the end of the image, to the
    /// byte.
    pub(super) is_long: bool,
    pub(super) commands: u32,
    pub(super) ends: bool,
}

impl Walk<'_> {
    pub(super) fn look(&mut self, offset: u64) -> Result<Seen> {
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
    pub(super) fn count_at(&mut self, offset: u64) -> Result<Option<i64>> {
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
    pub(super) fn successor(&self, place: Place, seen: Seen) -> Option<Place> {
        match seen {
            Seen::Next => self.after_cluster(place),
            Seen::Gap(count) => self.after_gap(place, count),
            Seen::Other(_) | Seen::Absent | Seen::End => None,
        }
    }

    pub(super) fn expected_successor(&self, place: Place) -> Option<Place> {
        match self.expected?.at(place.position?)? {
            Next::Clusters(_) => self.after_cluster(place),
            Next::Gap(to) => Some(Place {
                offset: place.offset.saturating_add(GAP_BYTES),
                position: Some(to),
            }),
        }
    }

    pub(super) fn after_cluster(&self, place: Place) -> Option<Place> {
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

    pub(super) fn after_gap(&self, place: Place, count: i64) -> Option<Place> {
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
    pub(super) fn chain(&mut self, mut place: Place) -> Result<Chain> {
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
    pub(super) fn matches(&mut self, place: Place) -> Result<u32> {
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

    /// Whether a cluster at `offset` would be the tail.
    pub(super) fn is_tail(&self, offset: u64) -> bool {
        self.header.has_tail() && self.tail_end(offset) == self.window.size()
    }

    pub(super) fn tail_end(&self, offset: u64) -> u64 {
        let tail = self.header.tail_size();
        offset.saturating_add(1).saturating_add(tail)
    }
}
