//! Compressing frames, each on its own, on several threads.

use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use zstd::bulk;
use zstd::zstd_safe::{CParameter, compress_bound};

use crate::error::{Error, Result};

/// Each takes some tens of MiB at the higher levels.
const MAX_THREADS: NonZeroUsize = NonZeroUsize::new(128).unwrap();

/// Threads for a compression: `wanted`, or as many as there are processors.
pub fn threads(wanted: Option<NonZeroUsize>) -> NonZeroUsize {
    let available = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    wanted.unwrap_or_else(available).min(MAX_THREADS)
}

/// Threads that compress. They end when this is dropped, after the frame that
/// each is at.
pub struct Compressor {
    jobs: Sender<Job>,
    /// Buffers that were used.
    spare: Vec<Vec<u8>>,
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
        for _ in 0..threads.get() {
            let mut worker = Worker::new(level)?;
            let receiver = Arc::clone(&receiver);
            thread::Builder::new()
                .name("compresses".to_owned())
                .spawn(move || worker.work(&receiver))
                .map_err(|error| Error::io("start", "a thread".as_ref(), error))?;
        }
        Ok(Self {
            jobs,
            spare: Vec::new(),
        })
    }

    /// An empty buffer for content.
    pub fn buffer(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    /// Gives a frame to the threads.
    pub fn submit(&mut self, content: Vec<u8>) -> Result<Pending> {
        // Room for what it gives back at once, so that it never waits.
        let (done, pending) = sync_channel(1);
        let bytes = self.buffer();
        let job = Job {
            content,
            bytes,
            done,
        };
        self.jobs.send(job).map_err(|_| GONE)?;
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
            // Who does not wait any more failed.
            let _ = job.done.send(self.compress(job.content, job.bytes));
        }
    }

    fn compress(&mut self, content: Vec<u8>, mut bytes: Vec<u8>) -> Result<CompressedFrame> {
        bytes.reserve(compress_bound(content.len()));
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
