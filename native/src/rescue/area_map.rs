//! Which areas of a device were read, are bad, or are still to be read.

use std::ops::Range;

use rangemap::RangeMap;

/// What is known of an area. The order is that in which a rescue goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Not read yet.
    NonTried,
    /// A large read failed somewhere in it; its edges may be good.
    NonTrimmed,
    /// Its edges are bad; between them there may be good sectors.
    NonScraped,
    /// Sectors that failed, one by one.
    Bad,
    /// Read, and written.
    Finished,
}

/// A device, from its first byte to its last, as areas of one status each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AreaMap {
    /// Without gaps up to `size`; neighbours differ.
    areas: RangeMap<u64, Status>,
    size: u64,
}

/// Consecutive bytes of one status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Area {
    pub range: Range<u64>,
    pub status: Status,
}

impl AreaMap {
    /// A device of `size` bytes of which nothing was tried.
    pub fn new(size: u64) -> Self {
        let mut map = Self {
            areas: RangeMap::new(),
            size: 0,
        };
        map.extend(size);
        map
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// Makes the device longer; of what is new nothing was tried.
    pub fn extend(&mut self, size: u64) {
        let end = self.size;
        self.size = self.size.max(size);
        self.set(end..self.size, Status::NonTried);
    }

    /// Changes the status of a range, as far as the device goes.
    pub fn set(&mut self, range: Range<u64>, status: Status) {
        let range = range.start..range.end.min(self.size);
        if !range.is_empty() {
            self.areas.insert(range, status);
        }
    }

    /// The status of the byte at a position of the device.
    #[cfg(test)]
    pub fn status_at(&self, position: u64) -> Option<Status> {
        self.areas.get(&position).copied()
    }

    /// The area with the byte at a position of the device, from there on.
    pub fn area_at(&self, position: u64) -> Area {
        let found = self.areas.get_key_value(&position);
        let (end, status) = found.map_or((self.size, Status::NonTried), |(range, &status)| {
            (range.end, status)
        });
        Area {
            range: position..end,
            status,
        }
    }

    /// All areas, in order.
    pub fn areas(&self) -> impl Iterator<Item = Area> {
        self.areas.iter().map(|(range, &status)| Area {
            range: range.clone(),
            status,
        })
    }

    /// The parts of a range that have a status, in order.
    pub fn within(&self, range: Range<u64>, status: Status) -> Vec<Range<u64>> {
        self.parts(range, |found| found == status)
    }

    /// The parts of a range that were not read, in order.
    pub fn unfinished(&self, range: Range<u64>) -> Vec<Range<u64>> {
        self.parts(range, |found| found != Status::Finished)
    }

    fn parts(&self, range: Range<u64>, wanted: impl Fn(Status) -> bool) -> Vec<Range<u64>> {
        let areas = self.areas_in(range).filter(|area| wanted(area.status));
        areas.map(|area| area.range).collect()
    }

    /// The areas of a range, in order, cut to it.
    pub fn areas_in(&self, range: Range<u64>) -> impl Iterator<Item = Area> {
        // Of an empty range, too, the area around it would be found.
        let found = (!range.is_empty()).then(|| self.areas.overlapping(range.clone()));
        found
            .into_iter()
            .flatten()
            .map(move |(area, &status)| Area {
                range: area.start.max(range.start)..area.end.min(range.end),
                status,
            })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STATUSES: [Status; 5] = [
        Status::NonTried,
        Status::NonTrimmed,
        Status::NonScraped,
        Status::Bad,
        Status::Finished,
    ];

    proptest! {
        #[test]
        fn is_what_was_set(
            size in 1_u64..100,
            changes in prop::collection::vec((0_u64..110, 0_u64..50, 0_usize..5), 0..20),
        ) {
            let mut map = AreaMap::new(size);
            let mut bytes = vec![Status::NonTried; size as usize];
            for (start, len, status) in changes {
                let range = start..start + len;
                map.set(range.clone(), STATUSES[status]);
                for position in range.filter(|&position| position < size) {
                    bytes[position as usize] = STATUSES[status];
                }
            }
            let mut position = 0;
            let mut last = None;
            for area in map.areas() {
                prop_assert_eq!(area.range.start, position);
                prop_assert!(area.range.end > area.range.start);
                prop_assert_ne!(last, Some(area.status));
                for position in area.range.clone() {
                    prop_assert_eq!(bytes[position as usize], area.status);
                    prop_assert_eq!(map.status_at(position), Some(area.status));
                    let rest = Area { range: position..area.range.end, status: area.status };
                    prop_assert_eq!(map.area_at(position), rest);
                }
                position = area.range.end;
                last = Some(area.status);
            }
            prop_assert_eq!(position, size);
            for status in STATUSES {
                let range = size / 3..size;
                let found = map.within(range.clone(), status);
                let found: u64 = found.iter().map(|part| part.end - part.start).sum();
                let expected = range.filter(|&position| bytes[position as usize] == status);
                let expected = expected.count();
                prop_assert_eq!(found, expected as u64);
            }
        }
    }
}
