//! Makes the index of a compressed stream in one pass.

mod bzip2;
mod content;
mod frames;
mod gzip;
mod points;
mod xz;

use std::sync::Arc;

use ntfsclone_core::stream::Compression;

use super::Files;
use crate::host::progress::Progress;

/// Whether streams of this format can have an index.
pub(super) fn can_index(compression: Compression) -> bool {
    use Compression::{Bzip2, Gzip, Lz4, Xz, Zstd};
    matches!(compression, Gzip | Zstd | Xz | Bzip2 | Lz4)
}

/// The file of an index of `files`. `None` if it has too few points to be of use, or cannot be decoded
/// to its end: whoever reads it in order reports why.
pub(super) fn index_of(
    files: &Arc<Files>,
    compression: Compression,
    identity: [u8; 32],
    progress: &mut Progress,
) -> Option<Vec<u8>> {
    match compression {
        Compression::Gzip => gzip::index_of(files, identity, progress),
        Compression::Xz => xz::index_of(files, identity, progress),
        Compression::Bzip2 => bzip2::index_of(files, identity, progress),
        _ => frames::index_of(files, compression, identity, progress),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use ntfsclone_core::io::{ReadAt as _, Source};
    use ntfsclone_core::stream::Limits;
    use ntfsclone_core::stream::resume::Resume;
    use ntfsclone_core::stream::seek::{IndexedReader, Point, SeekIndex};

    use super::*;
    use crate::host::progress::Phase;
    use crate::options;

    /// Numbers, which refer to each other, between zeros.
    fn content() -> Vec<u8> {
        let words = (0..2_500_000_u32).map(|number| number.wrapping_mul(number) >> 9);
        let mut content: Vec<u8> = words.flat_map(u32::to_le_bytes).collect();
        content.splice(3 << 20..3 << 20, vec![0; 2 << 20]);
        content
    }

    fn xz(content: &[u8], block_size: u64) -> Vec<u8> {
        let mut builder = liblzma::stream::MtStreamBuilder::new();
        let stream = builder
            .threads(1)
            .preset(0)
            .block_size(block_size)
            .encoder();
        let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream.unwrap());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn bzip2(content: &[u8]) -> Vec<u8> {
        let mut encoder = ::bzip2::write::BzEncoder::new(Vec::new(), ::bzip2::Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn lz4(content: &[u8], mode: lz4_flex::frame::BlockMode) -> Vec<u8> {
        let info = lz4_flex::frame::FrameInfo::new()
            .block_mode(mode)
            .block_checksums(true)
            .content_checksum(true);
        let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(content: &[u8]) -> Vec<u8> {
        let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
        encoder.include_checksum(true).unwrap();
        encoder.window_log(18).unwrap();
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn files(stream: &[u8]) -> Arc<Files> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(stream).unwrap();
        file.rewind().unwrap();
        Arc::new(Files::from_here(file).unwrap())
    }

    fn file_of(stream: &[u8], compression: Compression) -> Option<Vec<u8>> {
        let mut progress = Progress::start(options::Progress::None, Phase::Index, 0);
        index_of(&files(stream), compression, [7; 32], &mut progress)
    }

    /// Both parts are read from every point to their end, the last point first.
    #[track_caller]
    fn check(compression: Compression, compress: impl Fn(&[u8]) -> Vec<u8>, within: Resume) {
        let content = content();
        let (first, second) = content.split_at(content.len() / 5 * 4 + 77);
        let stream = [compress(first), compress(second)].concat();
        let file = file_of(&stream, compression).unwrap();
        let open = || {
            let index = SeekIndex::open(Arc::new(Arc::<[u8]>::from(file.clone())));
            index.unwrap()
        };
        assert_eq!(open().size(), content.len() as u64);
        let points: Vec<Point> = open().points().collect();
        assert!(points.iter().any(|point| point.resume == within));
        let is_second = |point: &&Point| point.offset == first.len() as u64;
        let second = points.iter().find(is_second);
        let is_needed = within != Resume::Part;
        assert!(second.map_or(!is_needed, |point| point.resume == Resume::Part));
        for point in points.iter().rev() {
            let source: Source = Arc::new(Arc::<[u8]>::from(stream.clone()));
            let limits = Limits {
                memory: 64 << 20,
                threads: 0,
            };
            let reader = IndexedReader::new(source, open(), limits);
            let start = (point.offset + 3).min(content.len() as u64);
            let mut read = vec![0; content.len() - start as usize];
            reader.read_exact_at(start, &mut read).unwrap();
            assert!(read == content[start as usize..], "{point:?}");
        }
        for damage in [stream.len() / 3, stream.len() / 2] {
            let mut damaged = stream.clone();
            damaged[damage] ^= 0x10;
            assert!(file_of(&damaged, compression).is_none());
            assert!(file_of(&stream[..damage], compression).is_none());
        }
    }

    #[test]
    fn xz_is_read_from_its_blocks() {
        check(Compression::Xz, |part| xz(part, 1 << 20), Resume::Xz);
    }

    #[test]
    fn bzip2_is_read_from_its_blocks() {
        check(Compression::Bzip2, bzip2, Resume::Bzip2);
    }

    #[test]
    fn lz4_is_read_from_its_blocks() {
        use lz4_flex::frame::BlockMode;
        for mode in [BlockMode::Independent, BlockMode::Linked] {
            check(Compression::Lz4, |part| lz4(part, mode), Resume::Lz4);
        }
    }

    #[test]
    fn zstd_is_read_from_blocks_of_a_frame() {
        check(Compression::Zstd, zstd, Resume::Zstd);
    }

    #[test]
    fn zstd_is_read_from_its_frames() {
        let frames = |part: &[u8]| part.chunks(700_000).flat_map(zstd).collect();
        check(Compression::Zstd, frames, Resume::Part);
    }
}
