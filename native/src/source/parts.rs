//! Reads what is readable of a damaged input.

use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use ntfsclone_core::error::Error as CoreError;
use ntfsclone_core::io::{IoError, ReadAt, ReadParts};

use super::PartcloneParts;
use super::input::{Files, Seekable};
use super::spool::spool;
use crate::device;
use crate::error::{Error, Result};
use crate::rescue::{DamagedSource, Medium};

/// The bytes of an image or volume, decompressed, at any place.
#[derive(Clone)]
pub enum Parts {
    /// Sectors may be bad.
    Sectors(Arc<DamagedSource>),
    /// Frames may be.
    Frames(Arc<Seekable>),
    /// The volume in an image of partclone, parts of which may be bad.
    Partclone(Arc<PartcloneParts>),
}

impl Parts {
    /// Files in which sectors are not expected to be bad.
    pub fn of_files(files: Arc<Files>) -> Self {
        let medium = Medium::of_files(files);
        Self::Sectors(Arc::new(DamagedSource::new(medium, 0, None)))
    }

    /// What of a stream can be decompressed: it is written to a temporary file,
    /// to be read at any place. Returns why it does not go on, too.
    pub fn of_stream(
        name: &Path,
        reader: &mut (impl Read + ?Sized),
    ) -> Result<(Self, Option<Error>)> {
        let (files, damage) = spool(name, reader)?;
        Ok((Self::of_files(Arc::new(files)), damage))
    }
}

impl ReadParts for Parts {
    fn size(&self) -> u64 {
        match self {
            Self::Sectors(source) => source.size(),
            Self::Frames(seekable) => ReadAt::size(&**seekable),
            Self::Partclone(volume) => volume.size(),
        }
    }

    fn read_parts_at(
        &self,
        offset: u64,
        buf: &mut [u8],
        absent: &mut dyn FnMut(Range<u64>),
    ) -> Result<(), IoError> {
        match self {
            Self::Sectors(source) => {
                source.read(offset, buf).map_err(IoError::new)?;
                let range = offset..offset + buf.len() as u64;
                source.lost_in(range).into_iter().for_each(absent);
                Ok(())
            }
            Self::Frames(seekable) => read_frames(seekable, offset, buf, absent),
            Self::Partclone(volume) => volume.read_parts_at(offset, buf, absent),
        }
    }
}

fn read_frames(
    seekable: &Seekable,
    offset: u64,
    buf: &mut [u8],
    absent: &mut dyn FnMut(Range<u64>),
) -> Result<(), IoError> {
    let table = seekable.table();
    let (mut offset, mut left) = (offset, buf);
    while !left.is_empty() {
        let frame = table
            .frame_at(offset)
            .and_then(|number| table.frame(number))
            .ok_or_else(IoError::end_of_input)?;
        let in_frame = (frame.offset + frame.size).saturating_sub(offset);
        let len = usize::try_from(in_frame)
            .unwrap_or(usize::MAX)
            .min(left.len());
        let (piece, rest) = left.split_at_mut(len);
        match seekable.read_exact_at(offset, piece) {
            Ok(()) => {}
            Err(error) if is_damage(&error) => absent(offset..offset + len as u64),
            Err(error) => return Err(error),
        }
        offset += len as u64;
        left = rest;
    }
    Ok(())
}

/// Whether a frame is damaged, or lies in bad sectors.
fn is_damage(error: &IoError) -> bool {
    match error.downcast_ref::<CoreError>() {
        Some(CoreError::Io { source, .. }) => source
            .downcast_ref::<io::Error>()
            .is_some_and(device::is_bad_sector),
        Some(CoreError::Memory { .. }) | None => false,
        Some(_) => true,
    }
}
