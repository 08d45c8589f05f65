//! A zstd file with a seek table, whose frames can be read at any place.

use std::path::Path;
use std::sync::Arc;

use ntfsclone_core::image::seekable::{Kind, SeekableReader};
use ntfsclone_core::open::{Content, Probe};

use super::Files;
use super::shared_decoder::SharedDecoder;
use crate::report;

/// A zstd file that can be read at any place.
pub type Seekable = SharedDecoder<SeekableReader<Arc<Files>>>;

/// A zstd file with a seek table, and what is in it; none if it must be read
/// from start to end.
pub(super) fn open_seekable(name: &Path, files: &Arc<Files>) -> Option<(Content, Arc<Seekable>)> {
    let seekable = match SeekableReader::open(Arc::clone(files)) {
        Ok(seekable) => Seekable::new(seekable?),
        Err(error) => {
            report::warning(format!(
                "{}: {}; it is read from start to end, without it",
                name.display(),
                report::with_causes(&error)
            ));
            return None;
        }
    };
    // What is wrong with the first frame is told when all are read.
    let content = Probe::new(&seekable).map_or(Content::Unknown, |probe| probe.content());
    let content = match (content, seekable.summary()) {
        (content @ (Content::Image | Content::Volume | Content::Container(_)), _) => content,
        (content, Ok(Some(summary))) if content.may_be_in_frames() => match summary.head().kind {
            Kind::NtfscloneImage => Content::Image,
            Kind::RawVolume => Content::Volume,
        },
        _ => return None,
    };
    Some((content, Arc::new(seekable)))
}
