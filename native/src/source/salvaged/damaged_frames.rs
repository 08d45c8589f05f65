//! What a compressed file holds, some of its frames damaged.

use std::io;
use std::sync::Arc;

use ntfsclone_core::error::Error as CoreError;
use ntfsclone_core::image::seekable::Frame;
use ntfsclone_core::io::{ByteExtent, IoError, ReadAt};

use crate::device;
use crate::input::Seekable;

/// The decompressed bytes; frames that cannot be decompressed are absent.
pub(super) struct DamagedFrames(pub(super) Arc<Seekable>);

impl DamagedFrames {
    fn frame_at(&self, offset: u64) -> Result<Frame, IoError> {
        let table = self.0.table();
        let frame = table
            .frame_at(offset)
            .and_then(|number| table.frame(number));
        frame.ok_or_else(IoError::end_of_input)
    }

    /// Reads within one frame; false if it is damaged.
    fn read_in_frame(&self, offset: u64, buf: &mut [u8]) -> Result<bool, IoError> {
        match self.0.read_exact_at(offset, buf) {
            Ok(()) => Ok(true),
            Err(error) if is_damage(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl ReadAt for DamagedFrames {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        let (mut offset, mut left) = (offset, buf);
        while !left.is_empty() {
            let frame = self.frame_at(offset)?;
            let in_frame = (frame.offset + frame.size).saturating_sub(offset);
            let len = usize::try_from(in_frame)
                .unwrap_or(usize::MAX)
                .min(left.len());
            let (piece, rest) = left.split_at_mut(len);
            if !self.read_in_frame(offset, piece)? {
                piece.fill(0);
            }
            offset += len as u64;
            left = rest;
        }
        Ok(())
    }

    /// Decompresses the frame, unless that was done before.
    fn extent_at(&self, offset: u64) -> Result<ByteExtent, IoError> {
        if offset >= self.size() {
            return Ok(ByteExtent::Data { len: 0 });
        }
        let frame = self.frame_at(offset)?;
        let len = (frame.offset + frame.size).saturating_sub(offset);
        Ok(match self.read_in_frame(offset, &mut [0])? {
            true => ByteExtent::Data { len },
            false => ByteExtent::Absent { len },
        })
    }
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
