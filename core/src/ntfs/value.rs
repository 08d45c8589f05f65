//! The value of an attribute, resident or not.

use alloc::vec;
use alloc::vec::Vec;

use super::attribute::{Attribute, AttributeBody};
use super::runlist::Run;
use crate::error::{Error, Result, Structure};
use crate::io::ReadAt;
use crate::units::{Extent, Geometry, Vcn, len_u64, len_usize};

/// The whole value of an attribute. Compression is not undone.
#[derive(Debug, Clone)]
pub enum Value {
    /// The bytes, from the record.
    Resident(Vec<u8>),
    /// Where the bytes are.
    NonResident(Stream),
}

/// A non-resident value.
#[derive(Debug, Clone)]
pub struct Stream {
    /// Its runs, in VCN order, without gaps.
    runs: Vec<Run>,
    /// Bytes of the value.
    data_size: u64,
    /// Bytes that were written; the rest reads as zeros.
    initialized_size: u64,
    /// Where the attribute lies on the volume, for errors.
    offset: u64,
}

/// Where consecutive bytes of a value are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// In bytes from the start of the volume; nowhere if it is a hole.
    pub offset: Option<u64>,
    /// How many bytes.
    pub len: u64,
}

impl Value {
    /// Bytes of the value.
    pub fn size(&self) -> u64 {
        match self {
            Self::Resident(bytes) => len_u64(bytes.len()),
            Self::NonResident(stream) => stream.data_size,
        }
    }

    /// Bytes of the value that are really there, from its start on.
    pub fn reach(&self, geometry: &Geometry) -> u64 {
        match self {
            Self::Resident(bytes) => len_u64(bytes.len()),
            Self::NonResident(stream) => stream.reach(geometry),
        }
    }

    /// Fills `buf` from `position` on.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::Corrupt`] where the value has no such bytes.
    pub fn read_exact_at(
        &self,
        source: &(impl ReadAt + ?Sized),
        geometry: &Geometry,
        position: u64,
        buf: &mut [u8],
    ) -> Result<()> {
        match self {
            Self::Resident(bytes) => {
                bytes
                    .as_slice()
                    .read_exact_at(position, buf)
                    .map_err(|error| Error::Io {
                        structure: Structure::Value,
                        offset: position,
                        len: len_u64(buf.len()),
                        source: error,
                    })
            }
            Self::NonResident(stream) => stream.read_exact_at(source, geometry, position, buf),
        }
    }

    /// The whole value, if it has at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// As [`Value::read_exact_at`]; [`Error::Limit`].
    pub fn read_all(
        &self,
        source: &(impl ReadAt + ?Sized),
        geometry: &Geometry,
        limit: u64,
    ) -> Result<Vec<u8>> {
        let size = self.size();
        if let Self::NonResident(stream) = self {
            // What is not in clusters of the device need not be believed.
            let limit = limit.min(source.size());
            if size > limit {
                return Err(Error::Limit {
                    structure: Structure::Value,
                    offset: stream.offset,
                    found: size,
                    limit,
                });
            }
        }
        let mut bytes = vec![0; len_usize(size)];
        self.read_exact_at(source, geometry, 0, &mut bytes)?;
        Ok(bytes)
    }
}

impl Stream {
    /// A stream of no clusters, to be grown with [`Stream::push`]. Its sizes
    /// are those of `first`, the piece that begins at VCN 0.
    pub fn new(data_size: u64, initialized_size: u64, offset: u64) -> Self {
        Self {
            runs: Vec::new(),
            data_size,
            initialized_size,
            offset,
        }
    }

    /// Appends the runs of the next piece.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`]: the piece does not follow the one before, or its
    /// runlist is damaged.
    pub fn push(&mut self, piece: &super::attribute::NonResident<'_>) -> Result<()> {
        if piece.lowest_vcn != self.end() {
            return Err(Error::Corrupt {
                structure: Structure::Runlist,
                offset: self.offset,
                field: "the lowest VCN of a piece",
                found: piece.lowest_vcn.0,
                expected: "the one after the piece before",
            });
        }
        for run in piece.runs() {
            self.runs.push(run?);
        }
        Ok(())
    }

    /// The cluster of the value after the last one known.
    pub fn end(&self) -> Vcn {
        self.runs.last().map_or(Vcn(0), Run::end)
    }

    /// Where the attribute lies on the volume, for errors.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Bytes of the value.
    pub fn data_size(&self) -> u64 {
        self.data_size
    }

    /// Bytes of the value that were written; the rest reads as zeros.
    pub fn initialized_size(&self) -> u64 {
        self.initialized_size.min(self.data_size)
    }

    /// Bytes of the value that are really there, from its start on: up to the
    /// first hole, the first cluster past the end of the volume, or the end of
    /// the runs.
    pub fn reach(&self, geometry: &Geometry) -> u64 {
        let mut clusters = 0_u64;
        for run in &self.runs {
            let inside = run.lcn.map_or(0, |lcn| {
                geometry.nr_clusters().saturating_sub(lcn.0).min(run.len)
            });
            clusters = clusters.saturating_add(inside);
            if inside < run.len {
                break;
            }
        }
        geometry.bytes(clusters).min(self.data_size)
    }

    /// The runs, in VCN order, without gaps.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Where the byte at `position` lies on the volume; `None` in a hole and
    /// past the end.
    pub fn position_on_volume(&self, geometry: &Geometry, position: u64) -> Option<u64> {
        let (vcn, within) = geometry.vcn_at(position);
        let run = self.run_at(vcn)?;
        let skipped = vcn.0.saturating_sub(run.vcn.0);
        Some(
            geometry
                .offset(run.lcn?.plus(skipped))
                .saturating_add(within),
        )
    }

    /// Fills `buf` from `position` on. Holes and what lies past the
    /// initialized size read as zeros.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::Corrupt`] where the runs end before, or lead
    /// past the end of the volume.
    pub fn read_exact_at(
        &self,
        source: &(impl ReadAt + ?Sized),
        geometry: &Geometry,
        position: u64,
        buf: &mut [u8],
    ) -> Result<()> {
        let written = self.initialized_size().saturating_sub(position);
        let (mut left, zeros) = buf.split_at_mut(buf.len().min(len_usize(written)));
        zeros.fill(0);

        let mut position = position;
        while !left.is_empty() {
            let place = self.place_at(geometry, position)?;
            let (piece, rest) = left.split_at_mut(left.len().min(len_usize(place.len)));
            match place.offset {
                None => piece.fill(0),
                Some(offset) => {
                    source
                        .read_exact_at(offset, piece)
                        .map_err(|error| Error::Io {
                            structure: Structure::Value,
                            offset,
                            len: len_u64(piece.len()),
                            source: error,
                        })?;
                }
            }
            position = position.saturating_add(len_u64(piece.len()));
            left = rest;
        }
        Ok(())
    }

    /// Where the bytes from `position` on are, as far as they lie one after the
    /// other; at least one.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] where the runs end before, or lead past the end of the
    /// volume.
    pub fn place_at(&self, geometry: &Geometry, position: u64) -> Result<Place> {
        let corrupt = |field, found, expected| Error::Corrupt {
            structure: Structure::Runlist,
            offset: self.offset,
            field,
            found,
            expected,
        };
        let (vcn, within) = geometry.vcn_at(position);
        let Some(run) = self.run_at(vcn) else {
            let expected = "a runlist as long as the attribute's data";
            return Err(corrupt("the last VCN", self.end().0, expected));
        };
        let skipped = vcn.0.saturating_sub(run.vcn.0);
        let start = run.lcn.map(|lcn| lcn.plus(skipped));
        let inside = start.map_or(u64::MAX, |lcn| geometry.nr_clusters().saturating_sub(lcn.0));
        if inside == 0 {
            let found = start.map_or(0, |lcn| lcn.0);
            return Err(corrupt("a cluster", found, "one of the volume"));
        }
        let clusters = run.len.saturating_sub(skipped).min(inside);
        Ok(Place {
            offset: start.map(|lcn| geometry.offset(lcn).saturating_add(within)),
            len: geometry.bytes(clusters).saturating_sub(within),
        })
    }

    /// Takes the value as no longer than `size` bytes.
    pub(super) fn cut(&mut self, size: u64) {
        self.data_size = self.data_size.min(size);
    }

    /// Makes holes of the clusters that lie past the end of the volume.
    pub fn clip(&mut self, nr_clusters: u64) {
        let mut clipped = Vec::with_capacity(self.runs.len());
        for run in &self.runs {
            let start = run.lcn.map_or(0, |lcn| lcn.0);
            let inside = nr_clusters.saturating_sub(start).min(run.len);
            match run.lcn {
                Some(_) if inside < run.len => {
                    let first = Run {
                        len: inside,
                        ..*run
                    };
                    clipped.extend(Some(first).filter(|first| first.len > 0));
                    clipped.push(Run {
                        vcn: first.end(),
                        lcn: None,
                        len: run.len.saturating_sub(inside),
                    });
                }
                _ => clipped.push(*run),
            }
        }
        self.runs = clipped;
    }

    /// The extents of clusters `vcn` to `end` of the value, in order; holes are
    /// left out.
    pub fn extents(&self, vcn: Vcn, end: Vcn) -> impl Iterator<Item = (Vcn, Extent)> {
        let first = self.runs.partition_point(|run| run.end() <= vcn);
        let runs = self.runs.get(first..).unwrap_or_default();
        runs.iter()
            .take_while(move |run| run.vcn < end)
            .filter_map(move |run| {
                let start = run.vcn.max(vcn);
                let skipped = start.0.saturating_sub(run.vcn.0);
                let len = run.end().min(end).0.saturating_sub(start.0);
                Some((start, Extent::new(run.lcn?.plus(skipped), len)))
            })
    }

    fn run_at(&self, vcn: Vcn) -> Option<&Run> {
        let after = self.runs.partition_point(|run| run.vcn <= vcn);
        let run = self.runs.get(after.checked_sub(1)?)?;
        (vcn < run.end()).then_some(run)
    }
}

/// Joins the pieces of one attribute, in the order of their VCNs, to its
/// value; `None` if there are none.
///
/// # Errors
///
/// [`Error::Corrupt`]: the pieces do not make one value.
pub fn join<'a>(pieces: impl IntoIterator<Item = Attribute<'a>>) -> Result<Option<Value>> {
    let mut stream: Option<Stream> = None;
    for attribute in pieces {
        match attribute.body {
            AttributeBody::Resident(bytes) => return Ok(Some(Value::Resident(bytes.to_vec()))),
            AttributeBody::NonResident(piece) => stream
                .get_or_insert_with(|| {
                    Stream::new(piece.data_size, piece.initialized_size, attribute.offset)
                })
                .push(&piece)?,
        }
    }
    Ok(stream.map(Value::NonResident))
}
