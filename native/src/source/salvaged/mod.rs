//! The volume in a damaged image, or in a damaged stream: what is there of it,
//! and which parts that are in use are missing.

mod damaged_frames;
mod find;
mod in_use;
mod partclone;

use std::io;
use std::ops::Range;

use ntfsclone_core::error::{Error as CoreError, Structure};
use ntfsclone_core::image::ntfsclone::Header;
use ntfsclone_core::io::{ByteExtent, IoError, ReadAt};
use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::ranges::{merged, overlapping, stretch};
use ntfsclone_core::salvage::DamagedVolume;
use ntfsclone_core::units::Extent;

use crate::bulk::pipeline::{Filled, Filler};
use crate::device;
use crate::error::{Error, Result};
use crate::input::Recognised;
use crate::rescue::{Medium, write_marks};

/// The least size of a sector, taken where the volume's is not known.
const LEAST_SECTOR: u64 = 512;

/// What a damaged input holds.
pub struct SalvagedVolume {
    pub input: Recognised,
    pub header: Header,
    pub volume: Option<Volume<DamagedVolume>>,
    content: DamagedVolume,
    /// What is written, in order, in bytes.
    areas: Vec<Range<u64>>,
    /// What is in use and missing, in order. Of a sector that is there in part,
    /// the rest.
    pub missing: Vec<Range<u64>>,
    /// What may be damaged, and whether it is cannot be known.
    pub doubtful: Vec<Extent>,
    /// How many clusters are not there, of which nothing tells whether they are
    /// in use.
    pub untold: u64,
    /// The count of a gap is wrong and nothing tells which: clusters may be at
    /// wrong places.
    pub is_shifted: bool,
    /// Bytes of a sector, each of which gets a mark.
    sector: u64,
    /// An image of metadata holds no account of what is in use.
    pub is_ordinary: bool,
}

impl SalvagedVolume {
    /// The volume, of which what is missing cannot be read.
    pub fn medium(&self) -> Medium {
        let with_holes = WithHoles {
            content: self.content.clone(),
            missing: self.missing.clone(),
        };
        Medium::of_reader(with_holes, self.content.size())
    }

    /// Bytes that are written.
    pub fn bytes(&self) -> u64 {
        self.areas.iter().map(|area| area.end - area.start).sum()
    }

    /// Whether nothing is missing or in doubt.
    pub fn is_whole(&self) -> bool {
        let is_complete = self.missing.is_empty() && self.untold == 0;
        is_complete && self.doubtful.is_empty() && !self.is_shifted
    }

    /// Bytes in doubt, in order.
    pub fn doubtful_bytes(&self) -> Vec<Range<u64>> {
        let size = u64::from(self.header.cluster_size);
        let all = self.doubtful.iter();
        merged(all.map(|extent| bytes(*extent, size)).collect())
    }

    /// Fills batches with what is written, and marks where it is missing.
    pub fn fill(&self) -> impl FnOnce(&mut Filler<'_>) -> Filled + use<> {
        let (content, name) = (self.content.clone(), self.input.name.clone());
        let (areas, missing) = (self.areas.clone(), self.missing.clone());
        let (cluster_size, sector) = (self.header.cluster_size, self.sector);
        move |filler| {
            for area in areas {
                let len = area.end - area.start;
                let read = filler.fill(area.start, len, cluster_size, |offset, bytes| {
                    let end = offset + bytes.len() as u64;
                    content
                        .read_exact_at(offset, bytes)
                        .map_err(|source| CoreError::Io {
                            structure: Structure::Volume,
                            offset,
                            len: bytes.len() as u64,
                            source,
                        })
                        .map_err(|error| Error::read(&name, error))?;
                    for part in overlapping(&missing, &(offset..end)) {
                        let within = (part.start - offset) as usize..(part.end - offset) as usize;
                        write_marks(sector, part.start, &mut bytes[within]);
                    }
                    Ok(())
                })?;
                if let Err(error) = read {
                    return Ok(Err(error));
                }
            }
            Ok(Ok(()))
        }
    }
}

/// Reads as zeros where nothing is.
impl ReadAt for SalvagedVolume {
    fn size(&self) -> u64 {
        self.content.size()
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        self.content.read_exact_at(offset, buf)
    }

    /// What an image of metadata leaves out is absent. What is missing otherwise
    /// is known, and marked.
    fn extent_at(&self, offset: u64) -> Result<ByteExtent, IoError> {
        let rest = offset..self.size();
        Ok(match stretch(&self.areas, &rest) {
            (false, len) if !self.is_ordinary => ByteExtent::Absent { len },
            (_, len) => ByteExtent::Data { len },
        })
    }
}

/// What is read as a device would be that has bad sectors where it is missing.
struct WithHoles {
    content: DamagedVolume,
    /// In order.
    missing: Vec<Range<u64>>,
}

impl positioned_io::ReadAt for WithHoles {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let left = self.content.size().saturating_sub(offset);
        let asked = offset..offset + left.min(buf.len() as u64);
        let first = overlapping(&self.missing, &asked).next();
        // Whole sectors, of which none is missing in part.
        let end = first.map_or(asked.end, |part| part.start - part.start % LEAST_SECTOR);
        if end <= offset && !asked.is_empty() {
            return Err(device::bad_sector());
        }
        let len = (end - offset) as usize;
        let read = self.content.read_exact_at(offset, &mut buf[..len]);
        read.map_err(io::Error::other)?;
        Ok(len)
    }
}

fn bytes(extent: Extent, cluster_size: u64) -> Range<u64> {
    extent.start.0 * cluster_size..extent.end().0 * cluster_size
}
