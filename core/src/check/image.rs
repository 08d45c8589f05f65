//! Checking an image as it streams by.

use alloc::format;
use alloc::string::ToString;

use super::code::Code;
use super::finding::{Finding, Findings, Place};
use super::streamed::StreamedCheck;
use crate::error::{Result, with_causes};
use crate::image::ntfsclone::{Event, Header};
use crate::image::{Index, Indexer};
use crate::units::len_u64;

/// Checks the structure of an image that comes in pieces of any size.
#[derive(Debug)]
pub struct ImageCheck {
    indexer: Indexer,
    header: Option<Header>,
    findings: Findings,
    state: State,
    /// What follows the end does not matter.
    ends_anywhere: bool,
    pushed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Going,
    /// The image is complete.
    Complete,
    /// What follows is not understood.
    Over,
}

impl ImageCheck {
    /// A check at the start of an image.
    #[expect(clippy::new_without_default, reason = "a default image is no idea")]
    pub fn new() -> Self {
        Self {
            indexer: Indexer::new(),
            header: None,
            findings: Findings::default(),
            state: State::Going,
            ends_anywhere: false,
            pushed: 0,
        }
    }

    /// A check at the start of an image that something may follow: on a device,
    /// that is what was there before.
    pub fn on_device() -> Self {
        Self {
            ends_anywhere: true,
            ..Self::new()
        }
    }

    /// The header, once it has come.
    pub fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    /// Bytes looked at.
    pub fn taken(&self) -> u64 {
        self.indexer.taken()
    }

    /// The image is over, or could not be read any further. Returns what was
    /// found, and the index of all clusters that are whole; none without a
    /// header.
    ///
    /// # Errors
    ///
    /// [`Error::Memory`].
    pub fn end(mut self) -> Result<(Findings, Option<Index>)> {
        if self.state == State::Going
            && let Err(error) = self.indexer.end_of_input()
        {
            let offset = self.indexer.taken();
            self.stop(Code::ImageTruncated, offset, with_causes(&error));
        }
        let Some(header) = self.header else {
            return Ok((self.findings, None));
        };
        if !header.has_tail() {
            let message = format!("version {}: no backup boot sector is in it", header.version);
            self.findings
                .push(Finding::new(Code::ImageWithoutTail, None, message));
        }
        let is_whole = self.findings.is_sound();
        let index = self.indexer.cut()?;
        if let Some(lost) = index.as_ref().and_then(Index::lost_from) {
            self.findings.note_lost_from(lost, header.cluster_size);
        }
        if let Some(index) = &index
            && is_whole
            && index.len() != header.inuse
            && index.is_ordinary()
        {
            let message = match index.len() {
                1 => format!("it holds 1 cluster, its header says {}", header.inuse),
                held => format!("it holds {held} clusters, its header says {}", header.inuse),
            };
            let place = Some(Place::Image { offset: 38 });
            self.findings
                .push(Finding::new(Code::ImageCount, place, message));
        }
        Ok((self.findings, index))
    }

    fn stop(&mut self, code: Code, offset: u64, message: impl ToString) {
        let place = Some(Place::Image { offset });
        self.findings.push(Finding::new(code, place, message));
        self.state = State::Over;
    }
}

impl StreamedCheck for ImageCheck {
    fn push(&mut self, bytes: &[u8], take: &mut dyn FnMut(u64, &[u8])) -> Result<()> {
        self.pushed = self.pushed.saturating_add(len_u64(bytes.len()));
        let mut input = bytes;
        while self.state == State::Going {
            match self.indexer.next(&mut input) {
                Ok(Event::NeedInput) => return Ok(()),
                Ok(Event::Data { offset, bytes }) => take(offset, bytes),
                Ok(Event::Header(header)) => self.header = Some(header),
                Ok(Event::End) => self.state = State::Complete,
                Err(error) if error.is_damage() => {
                    let code = match self.header {
                        None => Code::ImageHeader,
                        Some(_) => Code::ImageCommand,
                    };
                    self.stop(code, error.offset().unwrap_or(0), with_causes(&error));
                }
                Err(error) => return Err(error),
            }
        }
        if self.state == State::Complete && !input.is_empty() && !self.ends_anywhere {
            let message = "something follows the end of the image";
            self.stop(Code::ImageTrailing, self.indexer.taken(), message);
        }
        Ok(())
    }

    fn pushed(&self) -> u64 {
        self.pushed
    }

    fn is_complete(&self) -> bool {
        self.state == State::Complete
    }
}
