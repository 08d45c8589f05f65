//! Deflate by miniz_oxide: small, and it can begin at any block.

use alloc::boxed::Box;
use alloc::vec;

#[cfg(not(feature = "fast-gzip"))]
use crc::{CRC_32_ISO_HDLC, Crc, Table};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY,
};
use miniz_oxide::inflate::core::{BlockBoundaryState, DecompressorOxide, decompress};

use super::Inflating;
use crate::stream::{BlockStart, Decoded, Problem, Then};
use crate::units::len_u64;

/// Bytes of content that a block may refer to.
pub(in crate::stream) const WINDOW_BYTES: usize = 32 << 10;

pub(in crate::stream) struct Inflate {
    inflate: Box<DecompressorOxide>,
    /// The last content, as a ring.
    window: Box<[u8]>,
    /// Where the next content goes.
    position: usize,
    /// Content from here to `position` is not delivered yet.
    delivered: usize,
    has_ended: bool,
    /// Bytes so far.
    taken: u64,
    made: u64,
    finds_block: bool,
    found: Option<BlockStart>,
}

impl Inflate {
    /// At a block. `before` is the content before it, of which the last [`WINDOW_BYTES`] count; `state` has
    /// the first bits.
    pub(in crate::stream) fn at_block(before: &[u8], state: &BlockBoundaryState) -> Self {
        let mut window = vec![0; WINDOW_BYTES].into_boxed_slice();
        let kept = before.len().min(WINDOW_BYTES);
        let start = WINDOW_BYTES.saturating_sub(kept);
        let before = before.get(before.len().saturating_sub(kept)..);
        if let (Some(end), Some(before)) = (window.get_mut(start..), before) {
            end.copy_from_slice(before);
        }
        Self {
            inflate: Box::new(DecompressorOxide::from_block_boundary_state(state)),
            window,
            position: 0,
            delivered: 0,
            has_ended: false,
            taken: 0,
            made: 0,
            finds_block: false,
            found: None,
        }
    }

    /// Moves content that is ready to `output`. Returns its length.
    fn deliver(&mut self, output: &mut [u8]) -> usize {
        let ready = self.window.get(self.delivered..self.position);
        let ready = ready.unwrap_or_default();
        let len = ready.len().min(output.len());
        if let (Some(to), Some(from)) = (output.get_mut(..len), ready.get(..len)) {
            to.copy_from_slice(from);
        }
        self.delivered = self.delivered.saturating_add(len);
        len
    }

    /// Decodes up to the end of the window or of a block. Returns the bytes taken and the status. All
    /// content was delivered.
    fn advance(&mut self, input: &[u8]) -> (usize, TINFLStatus) {
        if self.position == self.window.len() {
            self.position = 0;
            self.delivered = 0;
        }
        let flags = match self.finds_block {
            true => TINFL_FLAG_HAS_MORE_INPUT | TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY,
            false => TINFL_FLAG_HAS_MORE_INPUT,
        };
        let window = &mut self.window;
        let (status, taken, made) =
            decompress(&mut self.inflate, input, window, self.position, flags);
        self.position = self.position.saturating_add(made);
        self.taken = self.taken.saturating_add(len_u64(taken));
        self.made = self.made.saturating_add(len_u64(made));
        match status {
            TINFLStatus::Done => self.has_ended = true,
            TINFLStatus::BlockBoundary => self.found = self.block_start(),
            _ => {}
        }
        (taken, status)
    }

    fn block_start(&mut self) -> Option<BlockStart> {
        let state = self.inflate.block_boundary_state()?;
        self.finds_block = false;
        let (last, first) = self.window.split_at_checked(self.position)?;
        let window = [first, last].concat();
        let missing = len_u64(window.len()).saturating_sub(self.made);
        let missing = usize::try_from(missing).ok()?;
        Some(BlockStart {
            offset: self.made,
            bit: self
                .taken
                .saturating_mul(8)
                .saturating_sub(state.num_bits.into()),
            window: window.get(missing..)?.to_vec(),
        })
    }
}

impl Inflating for Inflate {
    fn new() -> Self {
        let mut inflate = Self::at_block(&[], &BlockBoundaryState::default());
        inflate.reset();
        inflate
    }

    fn reset(&mut self) {
        self.inflate.init();
        self.position = 0;
        self.delivered = 0;
        self.has_ended = false;
        self.taken = 0;
        self.made = 0;
        self.finds_block = false;
        self.found = None;
    }

    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Decoded {
        let (mut taken, mut made) = (0, 0);
        let then = loop {
            let space = output.get_mut(made..).unwrap_or_default();
            made = made.saturating_add(self.deliver(space));
            if self.delivered < self.position {
                break Then::More;
            }
            if self.has_ended {
                break Then::End;
            }
            if made == output.len() {
                break Then::More;
            }
            let rest = input.get(taken..).unwrap_or_default();
            let (read, status) = self.advance(rest);
            taken = taken.saturating_add(read);
            match status {
                TINFLStatus::Done | TINFLStatus::BlockBoundary | TINFLStatus::HasMoreOutput => {}
                TINFLStatus::NeedsMoreInput if self.delivered < self.position => {}
                TINFLStatus::NeedsMoreInput => break Then::More,
                _ => break Then::Failed(Problem::Damaged("it breaks the rules of deflate")),
            }
        };
        Decoded { taken, made, then }
    }

    fn find_block(&mut self) {
        self.finds_block = true;
    }

    fn take_block(&mut self) -> Option<BlockStart> {
        self.found.take()
    }
}

/// CRC-32 of the content.
#[cfg(not(feature = "fast-gzip"))]
pub(super) struct Checksum {
    /// Computed when it is needed: as a constant it would be 16 KiB of program.
    crc: Box<Crc<u32, Table<16>>>,
    value: u32,
}

#[cfg(not(feature = "fast-gzip"))]
impl Checksum {
    pub(super) fn new() -> Self {
        Self {
            crc: Box::new(Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC)),
            value: 0,
        }
    }

    pub(super) fn reset(&mut self) {
        self.value = 0;
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        // Continues where the last call ended.
        let mut digest = self.crc.digest_with_initial((!self.value).reverse_bits());
        digest.update(bytes);
        self.value = digest.finalize();
    }

    pub(super) fn value(&self) -> u32 {
        self.value
    }
}
