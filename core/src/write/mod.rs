//! Writing a copy of a volume: the forms it can have, and what encodes them.
//!
//! [`WRITERS`] is the table of forms. A host moves the data: it reads what a
//! plan lists, in order, and gives it to the form's [`Encode`], which puts the
//! output into the host's [`Out`]. Any output can be compressed on its way
//! ([`Framing`]) and metadata is wiped before it is encoded ([`RecordChunk`]).

#[cfg(feature = "serde")]
mod facts;
mod frame_compressor;
mod metadata;
mod ntfsclone;
mod raw;
mod seekable;

use alloc::boxed::Box;
use alloc::vec::Vec;

#[cfg(feature = "serde")]
pub use self::facts::Facts;
pub use self::frame_compressor::FrameCompressor;
#[cfg(feature = "zstd-compressor")]
pub use self::frame_compressor::ZstdCompressor;
pub use self::metadata::{RecordChunk, WipeReport};
pub use self::ntfsclone::NtfscloneEncoder;
pub use self::raw::RAW;
pub use self::seekable::{Compress, Content, FrameLog, Framing};
use crate::image::ntfsclone::Header;
use crate::image::seekable::Kind;
use crate::plan::Plan;

/// All forms.
pub static WRITERS: [&Writer; 3] = [&RAW, &NTFSCLONE, &METADATA];

/// An ntfsclone image of the clusters in use.
pub static NTFSCLONE: Writer = ntfsclone::writer("ntfsclone");

/// An ntfsclone image of the metadata, wiped.
pub static METADATA: Writer = ntfsclone::writer("metadata");

/// A form in which a copy of a volume is written.
#[derive(Debug)]
pub struct Writer {
    /// Its name for programs.
    pub id: &'static str,
    /// What the summary of a compressed file calls it.
    pub kind: Kind,
    /// Bytes of the output of a plan.
    pub size: fn(&Plan) -> u64,
    /// `None` if the output is the volume itself: the host moves the data to the
    /// same offsets, without another copy in memory.
    pub encoder: Option<NewEncoder>,
}

/// Makes the encoder of an output with this header.
pub type NewEncoder = fn(&Header) -> Box<dyn Encode + Send>;

/// The output of an encoder, appended to in order.
pub trait Out {
    /// Appends bytes.
    ///
    /// # Errors
    ///
    /// [`Stopped`].
    fn put(&mut self, bytes: &[u8]) -> Result<(), Stopped>;
}

/// The output takes no more bytes. Whoever stopped it reports the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped;

/// Encodes a copy of a volume in one pass.
pub trait Encode {
    /// Encodes the bytes at `offset` of the volume, which are whole clusters or
    /// the tail after the last cluster.
    ///
    /// # Errors
    ///
    /// [`Stopped`].
    fn data(&mut self, offset: u64, bytes: &[u8], out: &mut dyn Out) -> Result<(), Stopped>;

    /// Ends the output, after all data.
    ///
    /// # Errors
    ///
    /// [`Stopped`].
    fn finish(&mut self, out: &mut dyn Out) -> Result<(), Stopped>;
}

impl Out for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), Stopped> {
        self.extend_from_slice(bytes);
        Ok(())
    }
}
