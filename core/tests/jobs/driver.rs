//! What JavaScript does: reads what is asked for, and goes on.

use std::sync::Arc;

use ntfsclone_core::info::Document;
use ntfsclone_core::io::ReadAt;
use ntfsclone_core::jobs::{Arrival, Failure, Job, Opened, Opening, Step, open};
use ntfsclone_core::pages::{MAX_REQUEST, Pages};

/// A source that is read when a job requests it.
#[derive(Debug)]
pub(crate) struct Driver<S> {
    source: S,
    pub(crate) pages: Arc<Pages>,
    /// Bytes read.
    pub(crate) read: u64,
    /// The most bytes that were kept.
    pub(crate) peak: u64,
    last: Option<(u64, u64)>,
}

impl<S: ReadAt> Driver<S> {
    pub(crate) fn new(source: S) -> Self {
        Self {
            pages: Arc::new(Pages::new(source.size())),
            source,
            read: 0,
            peak: 0,
            last: None,
        }
    }

    /// Runs a job to its end; `take` receives all that it makes.
    pub(crate) fn run<T>(
        &mut self,
        job: &mut Job<T>,
        mut take: impl FnMut(Step),
    ) -> Result<(), Failure> {
        let mut idle = 0;
        loop {
            match job.step()? {
                Step::Done => return Ok(()),
                Step::Read(range) => {
                    idle = 0;
                    self.supply(range.start, range.end)?;
                }
                step => {
                    // Of what is made in memory alone, there is no end to be
                    // seen; of all else, some hundred steps a request at most.
                    if let Step::Progress { .. } = step {
                        idle += 1;
                        assert!(idle < 100_000, "it does not come to an end");
                    }
                    take(step);
                }
            }
        }
    }

    pub(crate) fn supply(&mut self, start: u64, end: u64) -> Result<(), Failure> {
        assert!(start < end && end <= self.source.size());
        assert!(end - start <= MAX_REQUEST);
        assert!(start.is_multiple_of(64 << 10));
        assert!(end.is_multiple_of(64 << 10) || end == self.source.size());
        assert_ne!(self.last, Some((start, end)), "asked for again at once");
        self.last = Some((start, end));
        let mut bytes = vec![0; (end - start) as usize];
        self.source.read_exact_at(start, &mut bytes).unwrap();
        self.read += end - start;
        self.pages.supply(start, bytes)?;
        self.peak = self.peak.max(self.pages.kept());
        Ok(())
    }

    /// Opens something that can be read at any place.
    pub(crate) fn open(&mut self) -> Result<Opened, Failure> {
        match self.arrive(Opening::new("source", None))? {
            Arrival::Opened(opened) => Ok(*opened),
            Arrival::Stream(stream) => panic!("compressed with {}", stream.compression()),
            Arrival::Disk(_) => panic!("a whole disk"),
        }
    }

    pub(crate) fn arrive(&mut self, opening: Opening) -> Result<Arrival, Failure> {
        self.result(open(opening, Arc::clone(&self.pages)))
    }

    pub(crate) fn info(&mut self, opened: &Opened) -> Result<Document, Failure> {
        self.result(opened.info())
    }

    /// Runs a job whose result is all that matters.
    pub(crate) fn result<T>(&mut self, mut job: Job<T>) -> Result<T, Failure> {
        self.run(&mut job, |_| {})?;
        Ok(job.into_result().unwrap())
    }

    /// All that a conversion makes.
    pub(crate) fn output(&mut self, job: &mut Job<()>) -> Result<Vec<u8>, Failure> {
        let mut output = Vec::new();
        self.run(job, |step| match step {
            Step::Bytes(bytes) => output.extend_from_slice(&bytes),
            Step::Hole(len) => output.resize(output.len() + len as usize, 0),
            _ => {}
        })?;
        Ok(output)
    }
}
