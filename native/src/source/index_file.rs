//! Where the clusters of an image are, kept beside it as `IMAGE.index`: for
//! images of which that is not told by what is in them, as those of metadata.
//!
//! The file is the summary of a compressed image (`docs/image-format.md`), alone.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use ntfsclone_core::error::Error as CoreError;
use ntfsclone_core::image::Index;
use ntfsclone_core::image::ntfsclone::Header;
use ntfsclone_core::image::seekable::{
    FRAME_SIZE, Head, Kind, MapBuilder, Summary, SummaryBuilder,
};
use ntfsclone_core::io::{ReadAt, Source};
use ntfsclone_core::stream::seek::SeekIndex;
use ntfsclone_core::units::Lcn;

use super::small_file;
use crate::device::{self, Mode};
use crate::error::{Error, Result};
use crate::input;
use crate::report;
use crate::sink::{AtomicFile, Replacing};

/// Bytes of a map beyond which there is none.
const MAX_MAP_SIZE: usize = 256 << 20;

/// Bytes of a file that is read: a map, and some more.
const MAX_SIZE: u64 = (MAX_MAP_SIZE as u64) + (1 << 20);

/// The name of the file beside `image`.
pub fn path_beside(image: &Path) -> PathBuf {
    let mut name = image.as_os_str().to_owned();
    name.push(".index");
    PathBuf::from(name)
}

/// The file beside `image` that begins as an index does, also that of a compressed file; it may be that of
/// another image.
pub fn beside(image: &Path) -> Option<PathBuf> {
    let path = path_beside(image);
    let mut start = [0; 16];
    let mut file = device::open_regular(&path).ok()?;
    file.read_exact(&mut start).ok()?;
    (Summary::begins(&start) || SeekIndex::begins(&start)).then_some(path)
}

/// The index beside `path`, if there is one and it is that of `image`; what is
/// wrong with it is a warning.
pub fn read(path: &Path, image: &Source) -> Option<Index> {
    let path = path_beside(path);
    if input::begins_as_index(&path) {
        // That of the compressed file.
        return None;
    }
    let bytes = match small_file::read(&path, MAX_SIZE) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            report::warning(format!("cannot read {}: {error}", path.display()));
            return None;
        }
    };
    match index_in(bytes, image) {
        Ok(Some(index)) => Some(index),
        Ok(None) => {
            let path = path.display();
            report::warning(format!("{path} is not of this image; it is not used"));
            None
        }
        Err(error) => {
            let causes = report::with_causes(&error);
            report::warning(format!("{}: {causes}; it is not used", path.display()));
            None
        }
    }
}

/// The index that `bytes` tell of; none if `image` is another one.
fn index_in(bytes: Vec<u8>, image: &Source) -> Result<Option<Index>, CoreError> {
    let Some(index) = Summary::alone(bytes)?.index()? else {
        return Ok(None);
    };
    let is_of_image =
        index.stream_size() == image.size() && *index.header() == Header::read(image)?;
    if is_of_image {
        index.spot_check(image)?;
    }
    Ok(is_of_image.then_some(index))
}

/// Writes the index of the image `path`, in the place of an older one.
pub fn write(path: &Path, index: &Index) -> Result<PathBuf> {
    let target = path_beside(path);
    let failed = |error| Error::io("write", &target, error);
    let header = index.header();
    let as_written_today = Header::new(
        header.cluster_size,
        header.device_size,
        header.nr_clusters,
        header.inuse,
    );
    if *header != as_written_today {
        return Err(Error::refused(
            path,
            format!(
                "is of version {}, of which no index is kept",
                header.version
            ),
            "restore it, and save the volume again",
        ));
    }
    let Some(bytes) = bytes_of(index) else {
        return Err(Error::refused(
            &target,
            format!("would have more than {}", report::size(MAX_MAP_SIZE as u64)),
            "save the volume with --compress, which needs none",
        ));
    };
    let file = create(path, &target)?;
    file.file().write_all(&bytes).map_err(failed)?;
    file.finish().map_err(failed)?;
    Ok(target)
}

/// Checks that the index of the image `path` could be written, without writing
/// it: to be called before the image is read.
pub fn check_place(path: &Path) -> Result<()> {
    create(path, &path_beside(path)).map(drop)
}

/// Creates the file `target`; who may read the image may read it, too.
fn create(image: &Path, target: &Path) -> Result<AtomicFile> {
    let found = fs::symlink_metadata(target);
    if found.is_ok_and(|found| !found.is_file()) {
        return Err(Error::refused(
            target,
            "is not a regular file, and the index would take its place",
            "remove it, or leave out --index",
        ));
    }
    let mode = fs::metadata(image).map(|metadata| Mode::of(&metadata));
    let mode = mode.map_err(|error| Error::io("look at", image, error))?;
    AtomicFile::create(target, Replacing::Existing, mode)
        .map_err(|error| Error::io("create a file beside", target, error))
}

fn bytes_of(index: &Index) -> Option<Vec<u8>> {
    let mut map = MapBuilder::new(MAX_MAP_SIZE);
    let mut position = 0_u64;
    for (gap, count) in index.commands() {
        position = position.wrapping_add(gap.cast_unsigned());
        map.add(Lcn(position), count);
        position += count;
    }
    map.add(Lcn(index.header().nr_clusters), 1);
    let head = Head {
        kind: Kind::NtfscloneImage,
        frame_size: FRAME_SIZE,
        stream_size: index.stream_size(),
        header: *index.header(),
    };
    let map = map.finish()?;
    let mut bytes = Vec::new();
    let written: Result<u32, std::convert::Infallible> =
        SummaryBuilder::new().finish(&head, "{}", Some(&map), |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        });
    written.is_ok().then_some(bytes)
}
