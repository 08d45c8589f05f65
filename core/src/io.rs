//! Positioned reads: the one way in which this crate gets at bytes.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::sync::Arc;
use alloc::vec;
use core::fmt;
use core::ops::Range;

use crate::error::Error;
use crate::piece::Piece;
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

    /// Whether the source has the bytes from `offset` on, and for how many bytes
    /// at least. By default all of it is data. A source that finds out by reading
    /// reports what reads found.
    ///
    /// # Errors
    ///
    /// As [`ReadAt::read_exact_at`].
    fn extent_at(&self, offset: u64) -> Result<ByteExtent, IoError> {
        let len = self.size().saturating_sub(offset);
        Ok(ByteExtent::Data { len })
    }

    /// Whether the bytes from `offset` on take space where they are stored, and for
    /// how many bytes at least. By default it is not known that any do not.
    ///
    /// # Errors
    ///
    /// As [`ReadAt::read_exact_at`].
    fn allocation_at(&self, offset: u64) -> Result<Allocation, IoError> {
        let len = self.size().saturating_sub(offset);
        Ok(Allocation::Stored { len })
    }

    /// Offset of a byte in the image (decompressed) or on the disk whose part or
    /// view this source is. `None` by default, and if the image lacks the byte.
    fn stored_at(&self, _offset: u64) -> Option<u64> {
        None
    }

    /// Reads `len` bytes from `offset` on. A source that has them in memory
    /// shares them; by default they are copied.
    ///
    /// # Errors
    ///
    /// As [`ReadAt::read_exact_at`].
    fn piece_at(&self, offset: u64, len: usize) -> Result<Piece, IoError> {
        let mut bytes = vec![0; len];
        self.read_exact_at(offset, &mut bytes)?;
        Ok(bytes.into())
    }
}

/// A source of any kind, for several readers and threads.
pub type Source = Arc<dyn ReadAt + Send + Sync>;

/// Consecutive bytes of a source of which the same is known; qemu calls it block
/// status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteExtent {
    /// Bytes that the source has.
    Data {
        /// How many.
        len: u64,
    },
    /// Bytes that the source lacks: clusters that an image does not store, what is
    /// past the end of a volume that is cut short, sectors and frames that cannot
    /// be read. A read succeeds and fills them with something else: zeros, or the
    /// marks of lost sectors.
    Absent {
        /// How many.
        len: u64,
    },
}

/// Consecutive bytes of a source that take space, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allocation {
    /// Bytes of any value.
    Stored {
        /// How many.
        len: u64,
    },
    /// Zeros that take no space: a hole of a file, blocks that a virtual disk does
    /// not store.
    Hole {
        /// How many.
        len: u64,
    },
}

impl Allocation {
    /// The first `limit` bytes of it; at least one, so that whoever goes on after it ends.
    pub(crate) fn up_to(self, limit: u64) -> Self {
        match self {
            Self::Hole { len } => Self::Hole {
                len: len.clamp(1, limit.max(1)),
            },
            Self::Stored { len } => Self::Stored {
                len: len.clamp(1, limit.max(1)),
            },
        }
    }
}

/// The parts of `range` that `source` lacks, in order, from the start of the
/// source. Parts may touch.
///
/// # Errors
///
/// As [`ReadAt::extent_at`]; the error is the last item.
pub fn absent_in(
    source: &(impl ReadAt + ?Sized),
    range: Range<u64>,
) -> impl Iterator<Item = Result<Range<u64>, IoError>> {
    let mut rest = range;
    core::iter::from_fn(move || {
        while rest.start < rest.end {
            let start = rest.start;
            let (len, is_absent) = match source.extent_at(start) {
                Ok(ByteExtent::Data { len }) => (len, false),
                Ok(ByteExtent::Absent { len }) => (len, true),
                Err(error) => {
                    rest.start = rest.end;
                    return Some(Err(error));
                }
            };
            rest.start = match len {
                // The end of the source.
                0 => rest.end,
                _ => start.saturating_add(len).min(rest.end),
            };
            if is_absent && len > 0 {
                return Some(Ok(start..rest.start));
            }
        }
        None
    })
}

macro_rules! read_through {
    ($($pointer:ty),*) => {$(
        impl<T: ReadAt + ?Sized> ReadAt for $pointer {
            fn size(&self) -> u64 {
                (**self).size()
            }

            fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
                (**self).read_exact_at(offset, buf)
            }

            fn extent_at(&self, offset: u64) -> Result<ByteExtent, IoError> {
                (**self).extent_at(offset)
            }

            fn allocation_at(&self, offset: u64) -> Result<Allocation, IoError> {
                (**self).allocation_at(offset)
            }

            fn stored_at(&self, offset: u64) -> Option<u64> {
                (**self).stored_at(offset)
            }

            fn piece_at(&self, offset: u64, len: usize) -> Result<Piece, IoError> {
                (**self).piece_at(offset, len)
            }
        }
    )*};
}

read_through!(&T, Arc<T>, Rc<T>);

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
