//! All bytes of an image, in order, as they stand in it.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ntfsclone_core::io::ReadAt;

use super::past_cache::PastCache;
use crate::bulk::direct::{PROBES, is_mostly_cached};
use crate::bulk::pipeline::{Filled, Filler};
use crate::error::Result;
use crate::input::{
    Bytes, Files, FilesReader, FramesReader, SharedLostFrames, read_before_error, read_error,
};
use crate::options::Direct;

/// Reads all of an input, until told that it is enough.
pub struct WholeReader {
    /// What to call it in messages.
    name: PathBuf,
    reader: Box<dyn Read + Send>,
    is_direct: bool,
    enough: Arc<AtomicBool>,
    lost: SharedLostFrames,
    /// What a read failed with after it had read something.
    failed: Option<io::Error>,
}

impl WholeReader {
    pub fn new(name: &Path, bytes: Bytes, when: Direct) -> Result<Self> {
        let lost = SharedLostFrames::default();
        let (reader, is_direct): (Box<dyn Read + Send>, _) = match bytes {
            Bytes::Stream(reader) => (reader, false),
            Bytes::Disk(disk) => (Box::new(disk.reader()), false),
            Bytes::Seekable(seekable) => {
                let reader = FramesReader::start(&seekable);
                (Box::new(reader.noting(Arc::clone(&lost))), false)
            }
            Bytes::Random(files) => match past_cache(&files, when) {
                Some(reader) => (Box::new(reader), true),
                None => (Box::new(FilesReader::new(files)), false),
            },
        };
        Ok(Self {
            name: name.to_owned(),
            reader,
            is_direct,
            enough: Arc::default(),
            lost,
            failed: None,
        })
    }

    /// Frames that cannot be decompressed: noted before their place is read, as
    /// zeros.
    pub fn lost_frames(&self) -> SharedLostFrames {
        Arc::clone(&self.lost)
    }

    /// Whether the kernel's cache is passed by.
    pub fn is_direct(&self) -> bool {
        self.is_direct
    }

    /// To be set when nothing more is wanted.
    pub fn enough(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.enough)
    }

    pub fn fill(mut self) -> impl FnOnce(&mut Filler<'_>) -> Filled {
        move |filler| {
            let mut offset = 0;
            while !self.enough.load(Ordering::Relaxed) {
                if let Some(error) = self.failed.take() {
                    return Ok(Err(read_error(&self.name, error)));
                }
                let batch = filler.batch_with_room(1)?;
                let (reader, failed) = (&mut self.reader, &mut self.failed);
                let read =
                    batch.push_read(offset, |space| match read_before_error(reader, space) {
                        (0, Some(error)) => Err(error),
                        (len, error) => {
                            *failed = error;
                            Ok(len)
                        }
                    });
                match read {
                    Ok(0) => break,
                    Ok(read) => offset += read as u64,
                    Err(error) => return Ok(Err(read_error(&self.name, error))),
                }
            }
            Ok(Ok(()))
        }
    }
}

fn past_cache(files: &Files, when: Direct) -> Option<PastCache> {
    let (file, part) = files.as_file()?;
    let size = files.size();
    let mut places = (0..PROBES).map(|probe| part.start + size / PROBES * probe);
    let wanted = match when {
        Direct::Always => true,
        Direct::Never => false,
        Direct::Auto => !is_mostly_cached(file, &mut places),
    };
    wanted.then(|| PastCache::new(file, part)).flatten()
}
