//! A zstd file with a seek table, read from start to end: frames are
//! decompressed on all cores, and taken in their order.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;

use ntfsclone_core::check::LostFrames;
use ntfsclone_core::error::Error as CoreError;
use ntfsclone_core::image::seekable::Frame;

use super::Seekable;
use crate::device;
use crate::host::threads;

/// More threads than that wait for the disk.
const MAX_THREADS: u64 = 8;

/// Bytes of all frames that are decompressed at once, unless one has more.
const MAX_BYTES: u64 = 64 << 20;

/// Of the memory that may be used, frames take one part in so many.
const SHARE: u64 = 4;

/// Frames for each thread: the one it is at, compressed and not, and those that
/// wait to be taken.
const FRAMES_OF_A_THREAD: u64 = 3;

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
    frames: Frames,
    /// Where to note a frame that cannot be decompressed, which then reads as
    /// zeros; without, it is an error.
    lost: Option<SharedLostFrames>,
    frame: Vec<u8>,
    /// What of the frame was taken.
    taken: usize,
    /// Bytes that are still to come.
    left: u64,
}

/// Where frames come from.
enum Frames {
    Threads(Receiver<Pending>),
    /// There can be no thread: the next frame is decompressed when it is wanted.
    Here {
        source: Arc<Seekable>,
        next: usize,
    },
}

impl FramesReader {
    /// Starts the threads. They are not waited for: they end when nobody takes
    /// what they have.
    pub fn start(source: &Arc<Seekable>) -> Self {
        let threads = threads_for(source, device::usable_memory());
        // Beyond the frame that is taken, each thread may be two ahead.
        let (sender, places) = sync_channel(threads as usize);
        let ahead = Arc::new(Mutex::new(Ahead {
            next: 0,
            places: sender,
        }));
        let started = (0..threads).take_while(|_| {
            let shared = (Arc::clone(source), Arc::clone(&ahead));
            threads::start("decompresses", shared, |(source, ahead)| {
                decompress_frames(&source, &ahead);
            })
            .is_ok()
        });
        let frames = match started.count() {
            0 => Frames::Here {
                source: Arc::clone(source),
                next: 0,
            },
            _ => Frames::Threads(places),
        };
        Self {
            frames,
            lost: None,
            frame: Vec::new(),
            taken: 0,
            left: source.table().stream_size(),
        }
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

fn threads_for(source: &Seekable, memory: u64) -> u64 {
    let frames = source.table().frames();
    let largest = frames.map(|frame| frame.size).max().unwrap_or(0).max(1);
    let processors = available_parallelism().map_or(1, |count| count.get() as u64);
    let of_memory = memory / SHARE / largest / FRAMES_OF_A_THREAD;
    processors
        .min(MAX_THREADS)
        .min(MAX_BYTES / largest)
        .min(of_memory)
        .max(1)
}

impl Frames {
    fn next(&mut self) -> io::Result<Decompressed> {
        let ended = || io::Error::other("the threads that decompress ended unexpectedly");
        match self {
            Self::Threads(places) => {
                let place = places.recv().map_err(|_| ended())?;
                place.recv().map_err(|_| ended())
            }
            Self::Here { source, next } => {
                let (number, frame) = next_frame(source, next).ok_or_else(ended)?;
                Ok(decompress(source, number, frame))
            }
        }
    }
}

/// The first frame with content from `next` on, which is then behind it. Frames
/// that are skipped have none, and there may be millions.
fn next_frame(source: &Seekable, next: &mut usize) -> Option<(usize, Frame)> {
    loop {
        let number = *next;
        let frame = source.table().frame(number)?;
        *next += 1;
        if frame.size > 0 {
            return Some((number, frame));
        }
    }
}

fn decompress(source: &Seekable, number: usize, frame: Frame) -> Decompressed {
    let mut content = Vec::new();
    let content = source.read_frame(number, &mut content).map(|()| content);
    Decompressed {
        number,
        frame,
        content,
    }
}

fn decompress_frames(source: &Seekable, ahead: &Mutex<Ahead>) {
    loop {
        let (sender, place) = sync_channel(1);
        let (number, frame) = {
            let Ok(mut ahead) = ahead.lock() else { return };
            let Some(found) = next_frame(source, &mut ahead.next) else {
                return;
            };
            if ahead.places.send(place).is_err() {
                return;
            }
            found
        };
        let decompressed = decompress(source, number, frame);
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
            let decompressed = self.frames.next()?;
            self.frame = self.content_of(decompressed)?;
            self.taken = 0;
            self.left = self.left.saturating_sub(self.frame.len() as u64);
        }
        let len = (&self.frame[self.taken..]).read(buf)?;
        self.taken += len;
        Ok(len)
    }
}
