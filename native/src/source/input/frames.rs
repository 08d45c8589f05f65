//! A zstd file with a seek table, read from start to end: frames are
//! decompressed on all cores, and taken in their order.

use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use ntfsclone_core::error::Error as CoreError;
use ntfsclone_core::image::seekable::{Frame, SeekableReader};
use ntfsclone_core::validate::LostFrames;

use super::Files;

/// A zstd file that can be read at any place.
pub type Seekable = SeekableReader<Arc<Files>>;

/// More threads than that wait for the disk.
const MAX_THREADS: u64 = 8;

/// Bytes of all frames that are decompressed at once, unless one has more.
const MAX_BYTES: u64 = 64 << 20;

/// The content of one frame, as soon as a thread has it.
type Pending = Receiver<Decompressed>;

/// A frame, and its content if it has any.
struct Decompressed {
    number: usize,
    frame: Frame,
    content: Result<Vec<u8>, CoreError>,
}

/// The frames that nobody is at yet, and where to leave the place of what each
/// will be: under one lock, so that the places come in the order of the frames.
struct Ahead {
    next: usize,
    places: SyncSender<Pending>,
}

/// Frames that could not be decompressed, as far as they were read.
pub type SharedLostFrames = Arc<Mutex<LostFrames>>;

pub struct FramesReader {
    places: Receiver<Pending>,
    /// Where to note a frame that cannot be decompressed, which then reads as
    /// zeros; without, it is an error.
    lost: Option<SharedLostFrames>,
    frame: Vec<u8>,
    /// What of the frame was taken.
    taken: usize,
    /// Bytes that are still to come.
    left: u64,
}

impl FramesReader {
    /// Starts the threads. They are not waited for: they end when nobody takes
    /// what they have.
    pub fn start(source: &Arc<Seekable>) -> io::Result<Self> {
        let frames = source.table().frames();
        let largest = frames.map(|frame| frame.size).max().unwrap_or(0).max(1);
        let processors = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let threads = (processors.get() as u64).min(MAX_THREADS);
        let threads = threads.min(MAX_BYTES / largest).max(1);
        // Beyond the frame that is taken, each thread may be two ahead.
        let (sender, places) = sync_channel(threads as usize);
        let ahead = Arc::new(Mutex::new(Ahead {
            next: 0,
            places: sender,
        }));
        for _ in 0..threads {
            let (source, ahead) = (Arc::clone(source), Arc::clone(&ahead));
            thread::Builder::new()
                .name("decompresses".to_owned())
                .spawn(move || decompress_frames(&source, &ahead))?;
        }
        Ok(Self {
            places,
            lost: None,
            frame: Vec::new(),
            taken: 0,
            left: source.table().stream_size(),
        })
    }
}

impl FramesReader {
    /// Reads frames that cannot be decompressed as zeros, and notes them in
    /// `lost` before.
    pub fn noting(self, lost: SharedLostFrames) -> Self {
        Self {
            lost: Some(lost),
            ..self
        }
    }
}

fn decompress_frames(source: &Seekable, ahead: &Mutex<Ahead>) {
    loop {
        let (sender, place) = sync_channel(1);
        let (number, frame) = {
            let Ok(mut ahead) = ahead.lock() else { return };
            // Frames that are skipped have no content, and there may be millions.
            let found = loop {
                let number = ahead.next;
                let Some(frame) = source.table().frame(number) else {
                    return;
                };
                ahead.next += 1;
                if frame.size > 0 {
                    break (number, frame);
                }
            };
            if ahead.places.send(place).is_err() {
                return;
            }
            found
        };
        let mut content = Vec::new();
        let content = source.read_frame(number, &mut content).map(|()| content);
        let decompressed = Decompressed {
            number,
            frame,
            content,
        };
        // Nobody may be there to take it any more.
        if sender.send(decompressed).is_err() {
            return;
        }
    }
}

impl FramesReader {
    fn content_of(&self, decompressed: Decompressed) -> io::Result<Vec<u8>> {
        let Decompressed {
            number,
            frame,
            content,
        } = decompressed;
        match (content, &self.lost) {
            (Ok(content), _) => Ok(content),
            (Err(error @ CoreError::Memory { .. }), _) | (Err(error), None) => {
                Err(io::Error::other(error))
            }
            (Err(error), Some(lost)) => {
                let mut lost = lost.lock().unwrap_or_else(PoisonError::into_inner);
                lost.push(number, &frame, &error);
                let zeros = usize::try_from(frame.size).map_err(io::Error::other)?;
                Ok(vec![0; zeros])
            }
        }
    }
}

impl Read for FramesReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.frame.len() {
            if self.left == 0 {
                return Ok(0);
            }
            let ended = || io::Error::other("the threads that decompress ended unexpectedly");
            let place = self.places.recv().map_err(|_| ended())?;
            let decompressed = place.recv().map_err(|_| ended())?;
            self.frame = self.content_of(decompressed)?;
            self.taken = 0;
            self.left = self.left.saturating_sub(self.frame.len() as u64);
        }
        let len = (&self.frame[self.taken..]).read(buf)?;
        self.taken += len;
        Ok(len)
    }
}
