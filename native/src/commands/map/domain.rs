//! The bytes of a source that are in use.

use std::iter::{self, Peekable};
use std::ops::Range;
use std::path::Path;

use ntfsclone_core::open::Partition;
use ntfsclone_core::plan::Plan;
use serde::Serialize;

use crate::report::{self, Reports};

/// What is in use of a source: what a copy of it has to read.
pub struct Domain<'a> {
    /// As it was named.
    pub source: &'a Path,
    pub positions: Positions,
    /// Bytes of what positions count in.
    pub size: u64,
    /// In any order; damaged partition tables have partitions that overlap.
    pub parts: Vec<Part>,
}

/// What positions count in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Positions {
    /// The source that is named.
    Source,
    /// The volume in it, which is within these layers: in the bytes of the source
    /// it is encoded, and has other positions or none.
    Within(String),
}

/// A part of a source.
pub enum Part {
    Volume(VolumePart),
    /// A partition that is no NTFS volume, or one that cannot be read: all of it
    /// counts as used.
    Partition(Partition),
    /// Partition tables and boot loaders.
    Outside(Range<u64>),
}

/// An NTFS volume: the bytes that a full copy reads, used clusters and the tail.
pub struct VolumePart {
    pub plan: Plan,
    /// The partition that the volume is in, if a whole disk is the source.
    pub partition: Option<Partition>,
    /// Bytes of it that are there.
    pub size: u64,
}

/// Consecutive bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Area {
    pub offset: u64,
    pub length: u64,
}

impl Area {
    pub fn end(self) -> u64 {
        self.offset + self.length
    }
}

impl Domain<'_> {
    /// The longest areas in use, in order. There can be millions: they are
    /// found one by one.
    pub fn areas(&self) -> impl Iterator<Item = Area> {
        let parts = self.parts.iter().map(|part| {
            let offset = part.offset();
            let areas = part.areas().map(move |area| Area {
                offset: area.offset + offset,
                ..area
            });
            areas.peekable()
        });
        joined(parts.collect(), self.size)
    }

    /// The volumes in it.
    pub fn volumes(&self) -> impl Iterator<Item = &VolumePart> {
        self.parts.iter().filter_map(|part| match part {
            Part::Volume(volume) => Some(volume),
            Part::Partition(_) | Part::Outside(_) => None,
        })
    }

    /// True if it is about a partition, or all partitions, of a disk.
    pub fn has_partitions(&self) -> bool {
        self.parts.iter().any(|part| part.partition().is_some())
    }

    pub fn describe(&self, reports: Reports) {
        if let Positions::Within(layers) = &self.positions {
            reports.line(format_args!(
                "Positions: those in the volume that is in {} ({layers})",
                self.source.display()
            ));
        }
        if self.has_partitions() {
            reports.line(format_args!(
                "Positions: those on the disk {}",
                self.source.display()
            ));
        }
        for part in &self.parts {
            part.describe(reports);
        }
        if let [Part::Volume(_)] = self.parts[..] {
            return;
        }
        let (mut bytes, mut count) = (0, 0);
        for area in self.areas() {
            bytes += area.length;
            count += 1;
        }
        reports.line(format_args!(
            "In use: {} of {} in {count} areas",
            report::size(bytes),
            report::size(self.size)
        ));
    }
}

impl Part {
    /// Where it begins in the source.
    fn offset(&self) -> u64 {
        self.partition().map_or(0, |partition| partition.offset)
    }

    pub fn partition(&self) -> Option<&Partition> {
        match self {
            Self::Volume(volume) => volume.partition.as_ref(),
            Self::Partition(partition) => Some(partition),
            Self::Outside(_) => None,
        }
    }

    /// What is in use of it, by positions in it.
    pub fn areas(&self) -> Box<dyn Iterator<Item = Area> + '_> {
        let one = |offset, length| Box::new(iter::once(Area { offset, length }));
        match self {
            Self::Volume(volume) => Box::new(volume.areas()),
            Self::Partition(partition) => one(0, partition.size),
            Self::Outside(range) => one(range.start, range.end - range.start),
        }
    }

    fn describe(&self, reports: Reports) {
        let whose = match self.partition() {
            Some(partition) => format!(" in partition {}", partition.number),
            None => String::new(),
        };
        match self {
            Self::Volume(volume) => reports.line(format_args!(
                "In use{whose}: {} of {} clusters, {} in {}",
                volume.plan.header().inuse,
                volume.plan.geometry().nr_clusters(),
                report::size(volume.plan.bytes()),
                report::count(volume.areas().count() as u64, "area", "areas")
            )),
            Self::Partition(partition) => reports.line(format_args!(
                "In use{whose}: all of it, {}",
                report::size(partition.size)
            )),
            Self::Outside(_) => {}
        }
    }
}

impl VolumePart {
    pub fn cluster_size(&self) -> u32 {
        self.plan.geometry().cluster_size
    }

    /// What is in use, by positions in the volume.
    fn areas(&self) -> impl Iterator<Item = Area> {
        let areas = self
            .plan
            .ranges()
            .map(|(offset, length)| Area { offset, length });
        // The tail may join the last clusters. Of a volume that was cut short, what
        // is there.
        joined(vec![areas.peekable()], self.size)
    }
}

/// The areas of several lists, each in order, as one in order, up to `size`;
/// without empty ones, and with those that touch or overlap as one.
fn joined<I: Iterator<Item = Area>>(
    mut lists: Vec<Peekable<I>>,
    size: u64,
) -> impl Iterator<Item = Area> {
    let mut sorted = iter::from_fn(move || {
        let offset = |list: &mut Peekable<I>| list.peek().map(|area| area.offset);
        let firsts = lists
            .iter_mut()
            .filter_map(|list| Some((offset(list)?, list)));
        let (_, list) = firsts.min_by_key(|(offset, _)| *offset)?;
        let area = list.next()?;
        let there = size.saturating_sub(area.offset);
        Some(Area {
            length: area.length.min(there),
            ..area
        })
    })
    .filter(|area| area.length > 0)
    .peekable();
    iter::from_fn(move || {
        let mut area = sorted.next()?;
        while let Some(more) = sorted.next_if(|next| next.offset <= area.end()) {
            area.length = area.end().max(more.end()) - area.offset;
        }
        Some(area)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn joined_areas_cover_what_any_list_covers(
            lists in prop::collection::vec(prop::collection::vec((0_u64..90, 0_u64..20), 0..8), 0..4),
            size in 0_u64..100,
        ) {
            let mut expected = vec![false; 200];
            let mut sorted = Vec::new();
            for mut list in lists {
                list.sort_unstable();
                let areas: Vec<Area> = list
                    .into_iter()
                    .map(|(offset, length)| Area { offset, length })
                    .collect();
                for area in &areas {
                    (area.offset..area.end().min(size)).for_each(|byte| expected[byte as usize] = true);
                }
                sorted.push(areas.into_iter().peekable());
            }
            let mut found = vec![false; 200];
            let mut end = None;
            for area in joined(sorted, size) {
                prop_assert!(area.length > 0);
                prop_assert!(end.is_none_or(|end| area.offset > end));
                (area.offset..area.end()).for_each(|byte| found[byte as usize] = true);
                end = Some(area.end());
            }
            prop_assert_eq!(found, expected);
        }
    }
}
