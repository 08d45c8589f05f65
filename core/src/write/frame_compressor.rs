//! Compression of single frames.

use alloc::vec::Vec;

#[cfg(feature = "zstd-compressor")]
use zstd_safe::{CCtx, CParameter};

/// Compresses frames with zstd, one after the other.
pub trait FrameCompressor {
    /// The frame that holds `content`; `None` without memory for it.
    fn compress(&mut self, content: &[u8]) -> Option<Vec<u8>>;
}

/// The compressor of libzstd, which is most of that library.
#[cfg(feature = "zstd-compressor")]
pub struct ZstdCompressor(CCtx<'static>);

#[cfg(feature = "zstd-compressor")]
impl ZstdCompressor {
    /// A compressor at that level, from 1 to 22; `None` without memory for it.
    pub fn new(level: i32) -> Option<Self> {
        let mut context = CCtx::try_create()?;
        let parameter = CParameter::CompressionLevel(level);
        for parameter in [parameter, CParameter::ChecksumFlag(true)] {
            context.set_parameter(parameter).ok()?;
        }
        Some(Self(context))
    }
}

#[cfg(feature = "zstd-compressor")]
impl FrameCompressor for ZstdCompressor {
    fn compress(&mut self, content: &[u8]) -> Option<Vec<u8>> {
        let mut frame = Vec::new();
        let bound = zstd_safe::compress_bound(content.len());
        frame.try_reserve_exact(bound).ok()?;
        frame.resize(bound, 0);
        let len = self.0.compress2(frame.as_mut_slice(), content).ok()?;
        frame.truncate(len);
        Some(frame)
    }
}
