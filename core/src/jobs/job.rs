//! A job written as straight-line `async` code, driven step by step by a caller
//! that reads its source.
//!
//! [`Job`] owns the code; [`Co`] is the code's handle on its driver. The code
//! queues [`Step`]s and suspends wherever it reads, until the driver has taken
//! them all and supplied the bytes that are missing. No executor is needed: the
//! driver is all that a job ever waits for.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::rc::Rc;
use core::cell::{Cell, RefCell};
use core::fmt;
use core::future::{Future, poll_fn};
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use super::opened::Inside;
use super::{Failure, Step};
use crate::clusters::{Part, Walk};
use crate::error::Result;
use crate::ntfs::Volume;
use crate::pages::Pages;

/// A job in progress; `T` is its result.
pub struct Job<T> {
    channel: Rc<Channel>,
    state: State<T>,
}

enum State<T> {
    Running(Code<T>),
    /// The code has ended; its steps may still be queued.
    Ended(Result<T, Failure>),
    /// The failure was returned.
    Failed,
}

type Code<T> = Pin<Box<dyn Future<Output = Result<T, Failure>>>>;

/// What the code of a job leaves for its driver.
#[derive(Debug, Default)]
struct Channel {
    steps: RefCell<VecDeque<Step>>,
    progress: Cell<(u64, u64)>,
}

impl Channel {
    fn next(&self) -> Option<Step> {
        self.steps.borrow_mut().pop_front()
    }
}

impl<T> Job<T> {
    /// A job over the source of `pages`; it starts with the first step.
    pub(super) fn new<F: Future<Output = Result<T, Failure>> + 'static>(
        pages: Rc<Pages>,
        code: impl FnOnce(Co) -> F,
    ) -> Self {
        let channel = Rc::<Channel>::default();
        let co = Co {
            pages,
            channel: Rc::clone(&channel),
        };
        Self {
            channel,
            state: State::Running(Box::pin(code(co))),
        }
    }

    /// Continues by some MiB of work at most. Returns [`Step::Done`] after the
    /// end, and after a failure.
    ///
    /// # Errors
    ///
    /// Why the job cannot be done. It has ended then.
    pub fn step(&mut self) -> Result<Step, Failure> {
        if let Some(step) = self.channel.next() {
            return Ok(step);
        }
        if let State::Running(code) = &mut self.state
            && let Poll::Ready(result) = code.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        {
            self.state = State::Ended(result);
        }
        if let Some(step) = self.channel.next() {
            return Ok(step);
        }
        match mem::replace(&mut self.state, State::Failed) {
            State::Ended(Err(failure)) => return Err(failure),
            state => self.state = state,
        }
        Ok(Step::Done)
    }

    /// `(done, total)` in the unit of the job (bytes, records); `total` is 0
    /// while it is unknown.
    pub fn progress(&self) -> (u64, u64) {
        self.channel.progress.get()
    }

    /// The result; `None` before the last step, and after a failure.
    pub fn result(&self) -> Option<&T> {
        match &self.state {
            State::Ended(result) => result.as_ref().ok(),
            State::Running(_) | State::Failed => None,
        }
    }

    /// The result by value; `None` before the last step, and after a failure.
    pub fn into_result(self) -> Option<T> {
        match self.state {
            State::Ended(result) => result.ok(),
            State::Running(_) | State::Failed => None,
        }
    }
}

impl<T> fmt::Debug for Job<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").finish_non_exhaustive()
    }
}

/// The handle of a job's code on its source and its driver.
#[derive(Debug, Clone)]
pub(super) struct Co {
    pages: Rc<Pages>,
    channel: Rc<Channel>,
}

impl Co {
    /// The source.
    pub(super) fn pages(&self) -> &Rc<Pages> {
        &self.pages
    }

    /// Queues a step for the driver, which gets it where the code reads next.
    // Not inlined, for the size of the module: it has many callers.
    #[inline(never)]
    pub(super) fn emit(&self, step: Step) {
        self.channel.steps.borrow_mut().push_back(step);
    }

    /// Sets the progress that goes with the next steps.
    pub(super) fn set_progress(&self, done: u64, total: u64) {
        self.channel.progress.set((done, total));
    }

    /// Queues [`Step::Progress`], so that the driver can report it or stop.
    pub(super) fn progress(&self, done: u64, total: u64) {
        self.set_progress(done, total);
        self.emit(Step::Progress { done, total });
    }

    /// Queues [`Step::Progress`] with the progress as it is.
    pub(super) fn yield_now(&self) {
        let (done, total) = self.channel.progress.get();
        self.emit(Step::Progress { done, total });
    }

    /// Suspends until the driver has taken all steps. Code that queues many of
    /// them without reading calls this, so that they do not pile up.
    pub(super) fn flushed(&self) -> impl Future<Output = ()> {
        poll_fn(|_| match self.is_flushed() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
    }

    #[inline(never)]
    fn is_flushed(&self) -> bool {
        self.channel.steps.borrow().is_empty()
    }

    /// Runs `work`, which reads the source, after all steps were taken; again
    /// whenever bytes were missing and the driver has supplied them.
    pub(super) fn attempt<T>(&self, mut work: impl FnMut() -> T) -> impl Future<Output = T> {
        poll_fn(move |_| {
            if !self.is_flushed() {
                return Poll::Pending;
            }
            match self.pages.attempt(&mut work) {
                Ok(found) => Poll::Ready(found),
                Err(missing) => {
                    self.emit(Step::Read(missing));
                    Poll::Pending
                }
            }
        })
    }

    /// Like [`Co::attempt`], for work that fails with an error of core.
    pub(super) fn read<T>(
        &self,
        mut work: impl FnMut() -> Result<T>,
    ) -> impl Future<Output = Result<T, Failure>> {
        self.attempt(move || work().map_err(Failure::from))
    }

    /// Visits all MFT records of a volume, a part at a time; `visit` removes
    /// what it visited from the part.
    pub(super) async fn walk(
        &self,
        volume: &Volume<Inside>,
        mut visit: impl FnMut(&mut Walk<'_, Inside>, &mut Part) -> Result<()>,
    ) -> Result<(), Failure> {
        let mut rest = Part::all(volume);
        while !rest.is_empty() {
            self.read(|| visit(&mut Walk::new(volume), &mut rest))
                .await?;
            self.progress(rest.start().0, rest.end().0);
        }
        Ok(())
    }
}
