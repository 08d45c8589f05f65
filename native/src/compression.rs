//! Compressing frames, each on its own, on several threads.

use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use ntfsclone_core::image::seekable::FRAME_SIZE;
use zstd::bulk;
use zstd::zstd_safe::CParameter;

use crate::device;
use crate::error::{Error, Result};
use crate::host::threads;

/// Each takes some tens of MiB at the higher levels.
const MAX_THREADS: NonZeroUsize = NonZeroUsize::new(128).unwrap();

/// Frames under way beside those that threads are at: so that none waits for
/// what is being filled or written.
const FRAMES_BETWEEN: usize = 2;

/// Of the memory that may be used, a compression takes one part in so many, and
/// more where it needs more.
const SHARE: u64 = 2;

/// How many threads compress, and how many frames are under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    pub threads: NonZeroUsize,
    /// Those that were filled, and are not written yet.
    pub frames: usize,
}

impl Capacity {
    /// For as many threads as are `wanted`, or as there are processors: fewer
    /// where there is no memory for them.
    ///
    /// # Errors
    ///
    /// [`Error::Memory`], if there is none for one.
    pub fn new(level: i32, wanted: Option<NonZeroUsize>) -> Result<Self> {
        let available = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let wanted = wanted.unwrap_or_else(available).min(MAX_THREADS);
        Self::within(device::usable_memory(), level, wanted)
    }

    fn within(memory: u64, level: i32, wanted: NonZeroUsize) -> Result<Self> {
        let fits = |capacity: &Self| capacity.bytes(level) <= memory / SHARE;
        let counts = (1..=wanted.get()).rev().filter_map(NonZeroUsize::new);
        let mut largest_first = counts.map(|threads| Self {
            threads,
            frames: threads.get() + FRAMES_BETWEEN,
        });
        if let Some(capacity) = largest_first.find(fits) {
            return Ok(capacity);
        }
        let least = Self {
            threads: NonZeroUsize::MIN,
            frames: 1,
        };
        match least.bytes(level) <= memory {
            true => Ok(least),
            false => Err(Error::Memory {
                bytes: least.bytes(level),
            }),
        }
    }

    /// What it takes: each frame before and after it is compressed, the one that
    /// is being filled, and what zstd takes.
    fn bytes(self, level: i32) -> u64 {
        let frames = 2 * (self.frames as u64 + 1) * BUFFER_BYTES as u64;
        frames + self.threads.get() as u64 * context_bytes(level)
    }
}

/// What zstd takes to compress frames of 4 MiB, at the most.
fn context_bytes(level: i32) -> u64 {
    const MIB: u64 = 1 << 20;
    match level {
        ..=2 => 2 * MIB,
        3..=4 => 4 * MIB,
        5..=8 => 8 * MIB,
        9 => 16 * MIB,
        10..=11 => 28 * MIB,
        12 => 52 * MIB,
        13.. => 72 * MIB,
    }
}

/// Bytes of a buffer: a frame fits, compressed or not. All are the same, since
/// they are used for either.
const BUFFER_BYTES: usize = compress_bound_of(FRAME_SIZE as usize);

/// `ZSTD_COMPRESSBOUND` of zstd.h, of more than 128 KiB.
const fn compress_bound_of(len: usize) -> usize {
    len + (len >> 8)
}

/// Threads that compress. They end when this is dropped, after the frame that
/// each is at.
pub struct Compressor {
    jobs: Jobs,
    /// Buffers that were used.
    spare: Vec<Vec<u8>>,
}

enum Jobs {
    Threads(Sender<Job>),
    /// There can be no thread.
    Here(Box<Worker>),
}

/// A frame that was compressed.
pub struct CompressedFrame {
    /// What it was made of.
    pub content: Vec<u8>,
    /// A zstd frame.
    pub bytes: Vec<u8>,
    /// BLAKE3 of the content.
    pub hash: [u8; 32],
}

/// A frame that is being compressed.
pub struct Pending(Receiver<Result<CompressedFrame>>);

struct Job {
    content: Vec<u8>,
    /// For the zstd frame.
    bytes: Vec<u8>,
    done: SyncSender<Result<CompressedFrame>>,
}

impl Compressor {
    /// Starts the threads.
    pub fn start(level: i32, threads: NonZeroUsize) -> Result<Self> {
        let (jobs, receiver) = channel();
        let receiver = Arc::new(Mutex::new(receiver));
        let mut without_thread = None;
        for number in 0..threads.get() {
            let worker = Worker::new(level)?;
            let receiver = Arc::clone(&receiver);
            let started = threads::start("compresses", worker, move |mut worker| {
                worker.work(&receiver);
            });
            // Fewer do as well.
            if let Err(worker) = started {
                without_thread = (number == 0).then_some(worker);
                break;
            }
        }
        Ok(Self {
            jobs: match without_thread {
                None => Jobs::Threads(jobs),
                Some(worker) => Jobs::Here(Box::new(worker)),
            },
            spare: Vec::new(),
        })
    }

    /// An empty buffer with room for a frame.
    pub fn buffer(&mut self) -> Result<Vec<u8>> {
        if let Some(buffer) = self.spare.pop() {
            return Ok(buffer);
        }
        let mut buffer = Vec::new();
        let reserved = buffer.try_reserve_exact(BUFFER_BYTES);
        reserved.map_err(|_| Error::Memory {
            bytes: BUFFER_BYTES as u64,
        })?;
        Ok(buffer)
    }

    /// Gives a frame to the threads.
    pub fn submit(&mut self, content: Vec<u8>) -> Result<Pending> {
        // Room for what it gives back at once, so that it never waits.
        let (done, pending) = sync_channel(1);
        let bytes = self.buffer()?;
        let job = Job {
            content,
            bytes,
            done,
        };
        match &mut self.jobs {
            Jobs::Threads(jobs) => jobs.send(job).map_err(|_| GONE)?,
            Jobs::Here(worker) => worker.finish(job),
        }
        Ok(Pending(pending))
    }

    /// Takes back the buffers of a frame that is written.
    pub fn recycle(&mut self, frame: CompressedFrame) {
        self.spare
            .extend([frame.content, frame.bytes].map(|mut buffer| {
                buffer.clear();
                buffer
            }));
    }
}

impl Pending {
    pub fn wait(self) -> Result<CompressedFrame> {
        self.0.recv().map_err(|_| GONE)?
    }
}

const GONE: Error = Error::Thread("compresses");

struct Worker(bulk::Compressor<'static>);

impl Worker {
    fn new(level: i32) -> Result<Self> {
        let mut compressor = bulk::Compressor::new(level).map_err(failed)?;
        compressor
            .set_parameter(CParameter::ChecksumFlag(true))
            .map_err(failed)?;
        Ok(Self(compressor))
    }

    fn work(&mut self, jobs: &Mutex<Receiver<Job>>) {
        loop {
            let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(job) = job else {
                return;
            };
            self.finish(job);
        }
    }

    fn finish(&mut self, job: Job) {
        // Who does not wait any more failed.
        let _ = job.done.send(self.compress(job.content, job.bytes));
    }

    fn compress(&mut self, content: Vec<u8>, mut bytes: Vec<u8>) -> Result<CompressedFrame> {
        self.0
            .compress_to_buffer(&content, &mut bytes)
            .map_err(failed)?;
        let hash = *blake3::hash(&content).as_bytes();
        Ok(CompressedFrame {
            content,
            bytes,
            hash,
        })
    }
}

fn failed(error: std::io::Error) -> Error {
    Error::io("compress", "the data".as_ref(), error)
}

#[cfg(test)]
mod tests {
    use zstd::zstd_safe::{self, CCtx, compress_bound};

    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn buffers_have_room() {
        assert!(BUFFER_BYTES >= compress_bound(FRAME_SIZE as usize));
    }

    #[test]
    fn contexts_take_no_more() {
        let content = vec![7; FRAME_SIZE as usize];
        let mut out = Vec::with_capacity(BUFFER_BYTES);
        for level in 1..=zstd_safe::max_c_level() {
            let mut context = CCtx::create();
            context.compress(&mut out, &content, level).unwrap();
            let found = context.sizeof() as u64;
            assert!(found <= context_bytes(level), "{level}: {found}");
        }
    }

    #[test]
    fn less_memory_is_fewer_threads() {
        let table = [
            (u64::MAX, 3, 64, Some((64, 66))),
            (2 << 30, 3, 64, Some((64, 66))),
            (200 * MIB, 3, 64, Some((6, 8))),
            (60 * MIB, 3, 64, Some((1, 1))),
            (60 * MIB, 3, 1, Some((1, 1))),
            (100 * MIB, 19, 8, Some((1, 1))),
            (60 * MIB, 19, 8, None),
            (10 * MIB, 1, 8, None),
        ];
        for (memory, level, wanted, expected) in table {
            let wanted = NonZeroUsize::new(wanted).unwrap();
            let found = Capacity::within(memory, level, wanted).ok();
            let found = found.map(|found| (found.threads.get(), found.frames));
            assert_eq!(found, expected, "{memory}, {level}");
        }
    }
}
