//! The sequences of a block of zstd: literals, and what is copied from content before (RFC 8878,
//! 3.1.1.3.2).

use super::bits::BackwardBits;
use super::fse::FseTable;
use super::{RepeatOffsets, Table};

/// The largest code of an offset that decoders of 32 bits have.
const MAX_OFFSET_CODE: u32 = 31;

/// From these codes on, a length is a base and some bits: (3.1.1.3.2.1.1).
const FIRST_LITERAL_CODE: u8 = 16;
const LITERAL_LENGTHS: [(u32, u32); 20] = [
    (16, 1),
    (18, 1),
    (20, 1),
    (22, 1),
    (24, 2),
    (28, 2),
    (32, 3),
    (40, 3),
    (48, 4),
    (64, 6),
    (128, 7),
    (256, 8),
    (512, 9),
    (1024, 10),
    (2048, 11),
    (4096, 12),
    (8192, 13),
    (16_384, 14),
    (32_768, 15),
    (65_536, 16),
];
const FIRST_MATCH_CODE: u8 = 32;
const MATCH_LENGTHS: [(u32, u32); 21] = [
    (35, 1),
    (37, 1),
    (39, 1),
    (41, 1),
    (43, 2),
    (47, 2),
    (51, 3),
    (59, 3),
    (67, 4),
    (83, 4),
    (99, 5),
    (131, 7),
    (259, 8),
    (515, 9),
    (1027, 10),
    (2051, 11),
    (4099, 12),
    (8195, 13),
    (16_387, 14),
    (32_771, 15),
    (65_539, 16),
];

/// The least bytes of a match.
const LEAST_MATCH: u32 = 3;

/// One sequence.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sequence {
    /// Bytes of literals before the match.
    pub(super) literals: u32,
    /// Bytes of the match.
    pub(super) matched: u32,
    /// An offset and 3, or a number of a repeat offset.
    value: u32,
}

impl Sequence {
    /// Where its match begins, in bytes back; `Some(None)` if that is not known. Makes it the latest of
    /// the `repeats` (3.1.1.5). `None` if it is damaged.
    pub(super) fn update(self, repeats: &mut RepeatOffsets) -> Option<Option<u32>> {
        let [first, second, third] = *repeats;
        let number = match self.literals {
            0 => self.value.checked_add(1)?,
            _ => self.value,
        };
        let offset = match (self.value, number) {
            (4.., _) => self.value.checked_sub(3),
            (_, 1) => return Some(first),
            (_, 2) => {
                *repeats = [second, first, third];
                return Some(second);
            }
            (_, 3) => third,
            _ => match first {
                Some(first) => Some(first.checked_sub(1).filter(|&offset| offset > 0)?),
                None => None,
            },
        };
        *repeats = [offset, first, second];
        Some(offset)
    }
}

/// The tables of sequences.
pub(super) struct SequenceTables {
    literal_lengths: FseTable,
    offsets: FseTable,
    match_lengths: FseTable,
}

impl SequenceTables {
    /// `None` if one is damaged.
    pub(super) fn new(
        literal_lengths: &Table,
        offsets: &Table,
        match_lengths: &Table,
    ) -> Option<Self> {
        let table = |table: &Table| match table {
            Table::Described(description) => FseTable::described(description),
            Table::Symbol(symbol) => Some(FseTable::of_symbol(*symbol)),
        };
        Some(Self {
            literal_lengths: table(literal_lengths)?,
            offsets: table(offsets)?,
            match_lengths: table(match_lengths)?,
        })
    }

    /// Decodes `count` sequences. `None` if they are damaged, or `take` returns that.
    pub(super) fn decode(
        &self,
        count: u32,
        bits: &[u8],
        mut take: impl FnMut(Sequence) -> Option<()>,
    ) -> Option<()> {
        let mut bits = BackwardBits::new(bits)?;
        let mut literal_state = bits.read(self.literal_lengths.accuracy_log)?;
        let mut offset_state = bits.read(self.offsets.accuracy_log)?;
        let mut match_state = bits.read(self.match_lengths.accuracy_log)?;
        for number in 1..=count {
            let literal = self.literal_lengths.state(literal_state)?;
            let offset = self.offsets.state(offset_state)?;
            let matched = self.match_lengths.state(match_state)?;
            let code = u32::from(offset.symbol);
            if code > MAX_OFFSET_CODE {
                return None;
            }
            // Order matters: so they are stored.
            let value = 1_u32.checked_shl(code)? | bits.read(code)?;
            let match_len = match matched.symbol.checked_sub(FIRST_MATCH_CODE) {
                None => LEAST_MATCH.checked_add(matched.symbol.into())?,
                Some(code) => length(&MATCH_LENGTHS, code, &mut bits)?,
            };
            let literals = match literal.symbol.checked_sub(FIRST_LITERAL_CODE) {
                None => literal.symbol.into(),
                Some(code) => length(&LITERAL_LENGTHS, code, &mut bits)?,
            };
            take(Sequence {
                literals,
                matched: match_len,
                value,
            })?;
            if number < count {
                literal_state = literal.base.checked_add(bits.read(literal.bits)?)?;
                match_state = matched.base.checked_add(bits.read(matched.bits)?)?;
                offset_state = offset.base.checked_add(bits.read(offset.bits)?)?;
            }
        }
        bits.is_empty().then_some(())
    }
}

fn length(lengths: &[(u32, u32)], code: u8, bits: &mut BackwardBits<'_>) -> Option<u32> {
    let (base, count) = lengths.get(usize::from(code)).copied()?;
    base.checked_add(bits.read(count)?)
}
