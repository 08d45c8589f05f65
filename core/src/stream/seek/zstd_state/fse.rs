//! Tables of FSE codes (RFC 8878, 4.1).

use alloc::vec;
use alloc::vec::Vec;

use crate::units::{len_u64, len_usize};

/// The largest table of a block has 2 to the power of this states (3.1.1.3.2.1).
const MAX_ACCURACY_LOG: u32 = 9;

/// Symbols of the code with the most of them, that of match lengths.
const MAX_SYMBOLS: usize = 53;

/// What a decoder does in one state.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct FseState {
    pub(super) symbol: u8,
    /// The next state is `base` and this number of bits.
    pub(super) bits: u32,
    pub(super) base: u32,
}

/// A table, with 2 to the power of `accuracy_log` states.
pub(super) struct FseTable {
    pub(super) accuracy_log: u32,
    states: Vec<FseState>,
}

impl FseTable {
    /// A table of one symbol.
    pub(super) fn of_symbol(symbol: u8) -> Self {
        let state = FseState {
            symbol,
            ..FseState::default()
        };
        Self {
            accuracy_log: 0,
            states: vec![state],
        }
    }

    /// The table with this description. `None` if that is damaged.
    pub(super) fn described(description: &[u8]) -> Option<Self> {
        Distribution::parse(description)?.table()
    }

    pub(super) fn state(&self, number: u32) -> Option<FseState> {
        self.states.get(usize::try_from(number).ok()?).copied()
    }
}

/// How often each symbol is in a table.
pub(super) struct Distribution {
    pub(super) accuracy_log: u32,
    /// States of each symbol; `None` for one that has a single state, at the end of the table.
    pub(super) counts: Vec<Option<u32>>,
    /// Bytes of the description.
    pub(super) len: usize,
}

impl Distribution {
    /// Reads the description that `bytes` begin with (4.1.1). `None` if it is damaged.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut position = 0_u64;
        let mut read = |count: u32| {
            let value = bits_at(bytes, position, count)?;
            position = position.checked_add(count.into())?;
            Some(value)
        };
        let log = read(4)?;
        let accuracy_log = log.checked_add(5)?;
        if accuracy_log > MAX_ACCURACY_LOG {
            return None;
        }
        let mut counts = Vec::new();
        let mut left = 1_u32.checked_shl(accuracy_log)?;
        while left > 0 {
            // A value from 0 to `left` + 1: the lowest ones take a bit less.
            let most = left.checked_add(1)?;
            let width = most.ilog2();
            let short = 2_u32
                .checked_shl(width)?
                .checked_sub(1)?
                .checked_sub(most)?;
            let low = read(width)?;
            let value = if low < short {
                low
            } else {
                let high = read(1)?;
                let value = high.checked_shl(width)? | low;
                match high {
                    0 => value,
                    _ => value.checked_sub(short)?,
                }
            };
            let count = value.checked_sub(1);
            left = left.checked_sub(count.unwrap_or(1))?;
            counts.push(count);
            let mut is_repeated = count == Some(0);
            while is_repeated {
                let zeros = read(2)?;
                counts.extend((0..zeros).map(|_| Some(0)));
                is_repeated = zeros == 3;
                if counts.len() > MAX_SYMBOLS {
                    return None;
                }
            }
            if counts.len() > MAX_SYMBOLS {
                return None;
            }
        }
        let len = len_usize(position.div_ceil(8));
        Some(Self {
            accuracy_log,
            counts,
            len,
        })
    }

    fn table(&self) -> Option<FseTable> {
        let size = 1_usize.checked_shl(self.accuracy_log)?;
        let mut symbols: Vec<Option<u8>> = vec![None; size];
        // States of rare symbols, from the last on.
        let mut end = size;
        for (symbol, count) in (0..).zip(&self.counts) {
            if count.is_none() {
                end = end.checked_sub(1)?;
                *symbols.get_mut(end)? = Some(symbol);
            }
        }
        let step = (size / 2).checked_add(size / 8)?.checked_add(3)?;
        let mut position = 0_usize;
        for (symbol, count) in (0..).zip(&self.counts) {
            for _ in 0..count.unwrap_or(0) {
                *symbols.get_mut(position)? = Some(symbol);
                loop {
                    position = position.checked_add(step)?.checked_rem(size)?;
                    if position < end {
                        break;
                    }
                }
            }
        }
        let mut next: Vec<u32> = self.counts.iter().map(|count| count.unwrap_or(1)).collect();
        let mut states = Vec::with_capacity(size);
        for symbol in symbols {
            let symbol = symbol?;
            let next = next.get_mut(usize::from(symbol))?;
            let bits = self.accuracy_log.checked_sub(next.checked_ilog2()?)?;
            let base = next.checked_shl(bits)?;
            states.push(FseState {
                symbol,
                bits,
                base: base.checked_sub(u32::try_from(size).ok()?)?,
            });
            *next = next.checked_add(1)?;
        }
        Some(FseTable {
            accuracy_log: self.accuracy_log,
            states,
        })
    }
}

/// `count` bits at `position`, at most 16; the lowest of a byte is its first. `None` behind the end.
fn bits_at(bytes: &[u8], position: u64, count: u32) -> Option<u32> {
    let end = position.checked_add(count.into())?;
    if end > len_u64(bytes.len()).checked_mul(8)? {
        return None;
    }
    let rest = bytes.get(len_usize(position / 8)..)?;
    let word = rest.iter().take(4).rev();
    let word = word.fold(0_u32, |word, &byte| word << 8 | u32::from(byte));
    let shifted = word.checked_shr(u32::try_from(position % 8).ok()?)?;
    Some(shifted & 1_u32.checked_shl(count)?.checked_sub(1)?)
}
