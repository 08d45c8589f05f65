//! Positioned reads: the one way in which this crate gets at bytes.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::sync::Arc;
use core::fmt;
use core::ops::Range;

use crate::error::Error;
use crate::units::{len_u64, len_usize};

/// Something whose bytes can be read at any position: a device, a file, a
/// browser's `Blob` behind a cache, a slice.
///
/// Reading takes `&self`, so that several readers can share one source.
pub trait ReadAt {
    /// How many bytes there are.
    fn size(&self) -> u64;

    /// Fills `buf` with the bytes from `offset` on.
    ///
    /// # Errors
    ///
    /// [`IoError`] as the source gave it, and [`IoError::end_of_input`] where
    /// the range is not wholly there. What `buf` then holds is unspecified.
    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError>;
}

/// A source of which parts may be unreadable: a file on a bad disk, a
/// compressed one with damaged frames.
pub trait ReadParts {
    /// How many bytes there are, the unreadable ones included.
    fn size(&self) -> u64;

    /// Fills `buf` with the bytes from `offset` on, as far as they can be read.
    /// Calls `absent` with the other parts of the range, in order, in bytes from
    /// the start of the source; what `buf` holds of them is unspecified.
    ///
    /// # Errors
    ///
    /// [`IoError`], if nothing can be said of the range, or it is not within
    /// the source.
    fn read_parts_at(
        &self,
        offset: u64,
        buf: &mut [u8],
        absent: &mut dyn FnMut(Range<u64>),
    ) -> Result<(), IoError>;
}

impl<T: ReadParts + ?Sized> ReadParts for &T {
    fn size(&self) -> u64 {
        (**self).size()
    }

    fn read_parts_at(
        &self,
        offset: u64,
        buf: &mut [u8],
        absent: &mut dyn FnMut(Range<u64>),
    ) -> Result<(), IoError> {
        (**self).read_parts_at(offset, buf, absent)
    }
}

impl<T: ReadParts + ?Sized> ReadParts for Arc<T> {
    fn size(&self) -> u64 {
        (**self).size()
    }

    fn read_parts_at(
        &self,
        offset: u64,
        buf: &mut [u8],
        absent: &mut dyn FnMut(Range<u64>),
    ) -> Result<(), IoError> {
        (**self).read_parts_at(offset, buf, absent)
    }
}

impl<T: ReadAt + ?Sized> ReadAt for &T {
    fn size(&self) -> u64 {
        (**self).size()
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        (**self).read_exact_at(offset, buf)
    }
}

impl<T: ReadAt + ?Sized> ReadAt for Arc<T> {
    fn size(&self) -> u64 {
        (**self).size()
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        (**self).read_exact_at(offset, buf)
    }
}

impl<T: ReadAt + ?Sized> ReadAt for Rc<T> {
    fn size(&self) -> u64 {
        (**self).size()
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        (**self).read_exact_at(offset, buf)
    }
}

impl ReadAt for [u8] {
    fn size(&self) -> u64 {
        len_u64(self.len())
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        let start = len_usize(offset);
        let found = self
            .get(start..start.saturating_add(buf.len()))
            .ok_or_else(IoError::end_of_input)?;
        buf.copy_from_slice(found);
        Ok(())
    }
}

/// What a source says when it cannot read: its own error, boxed. A native
/// caller gets its `std::io::Error` back with [`IoError::downcast_ref`].
#[derive(Debug)]
pub struct IoError(Box<dyn core::error::Error + Send + Sync>);

impl IoError {
    /// Wraps a source's own error.
    pub fn new(error: impl core::error::Error + Send + Sync + 'static) -> Self {
        Self(Box::new(error))
    }

    /// The range read is not wholly within the source.
    pub fn end_of_input() -> Self {
        Self::new(EndOfInput)
    }

    /// The range read is not there yet: once the source has it, the same read
    /// succeeds.
    pub fn missing() -> Self {
        Self::new(Missing)
    }

    /// Whether what was read is [not there yet](IoError::missing), told by the
    /// source or by what it is read through.
    pub fn is_missing(&self) -> bool {
        let is_missing = self.downcast_ref::<Missing>().is_some();
        is_missing || self.downcast_ref().is_some_and(Error::is_missing)
    }

    /// The source's own error, if it is of type `E`.
    pub fn downcast_ref<E: core::error::Error + 'static>(&self) -> Option<&E> {
        self.0.downcast_ref()
    }

    /// The source's own error, if it is of type `E`.
    ///
    /// # Errors
    ///
    /// `self`, if it is not.
    pub fn downcast<E: core::error::Error + 'static>(self) -> Result<E, Self> {
        self.0.downcast().map(|error| *error).map_err(Self)
    }
}

impl fmt::Display for IoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl core::error::Error for IoError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.0.source()
    }
}

/// See [`IoError::end_of_input`].
#[derive(Debug, thiserror::Error)]
#[error("the input ends before")]
struct EndOfInput;

/// See [`IoError::missing`].
#[derive(Debug, thiserror::Error)]
#[error("it is not there yet")]
struct Missing;
