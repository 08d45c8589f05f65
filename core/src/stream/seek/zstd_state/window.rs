//! The content before a block, as far as blocks after it refer to it.

use alloc::vec;
use alloc::vec::Vec;

use super::{DictionaryStart, Sequence};
use crate::units::{len_u64, len_usize};

/// A window that is being reduced to what is needed of it: the rest is zeros, which take no space.
#[derive(Debug)]
pub(in super::super) struct NeededWindow {
    /// What the decoder has to know beside the content.
    known: Vec<u8>,
    window: Vec<u8>,
    needed: Vec<u8>,
    /// See [`super::DictionaryStart`].
    lacks: [bool; 3],
    /// Bytes of content from the point on.
    followed: u64,
    /// Bytes before a block that it may refer to: the window has fewer near the start of a frame.
    reach: u64,
}

impl NeededWindow {
    /// At a point after `window`. `known` begins with the header of the frame; its blocks may refer to `reach` bytes
    /// before them.
    pub(in super::super) fn new(
        mut known: Vec<u8>,
        start: DictionaryStart,
        window: Vec<u8>,
        reach: u64,
    ) -> Self {
        known.extend(start.bytes);
        Self {
            known,
            reach,
            lacks: start.lacks,
            needed: vec![0; window.len()],
            window,
            followed: 0,
        }
    }

    /// True if what follows cannot refer to the window any more.
    pub(in super::super) fn is_complete(&self) -> bool {
        self.followed >= self.reach && self.lacks == [false; 3]
    }

    /// The frame ends.
    pub(in super::super) fn end(&mut self) {
        self.followed = u64::MAX;
        self.lacks = [false; 3];
    }

    /// What the decoder has to know: what was given, and what is needed of the content.
    pub(in super::super) fn into_known(self) -> Vec<u8> {
        let mut known = self.known;
        known.extend_from_slice(&self.needed);
        known
    }

    /// Whether a block can be decoded that has these tables of the block before, and others of its own.
    pub(super) fn has_tables(&mut self, is_repeated: [bool; 3]) -> bool {
        let mut both = self.lacks.iter_mut().zip(is_repeated);
        both.all(|(lacks, is_repeated)| {
            let is_there = !(*lacks && is_repeated);
            *lacks = false;
            is_there
        })
    }

    /// Goes past content that refers to nothing.
    pub(in super::super) fn skip(&mut self, len: u64) {
        self.followed = self.followed.saturating_add(len);
    }

    /// Goes past a sequence whose match is `offset` bytes back. `None` if that is before the window.
    pub(super) fn refer(&mut self, sequence: Sequence, offset: u32) -> Option<()> {
        self.skip(sequence.literals.into());
        if let Some(before) = u64::from(offset).checked_sub(self.followed) {
            let start = len_usize(len_u64(self.window.len()).checked_sub(before)?);
            let len = len_usize(u64::from(sequence.matched).min(before));
            let range = start..start.checked_add(len)?;
            let needed = self.needed.get_mut(range.clone())?;
            needed.copy_from_slice(self.window.get(range)?);
        }
        self.skip(sequence.matched.into());
        Some(())
    }
}
