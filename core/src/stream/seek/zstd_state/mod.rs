//! What the decoder of a zstd frame carries from one block to the next: tables, repeat offsets, and the
//! content before (RFC 8878, 3.1.1.3). All of it fits into a dictionary (section 5), from which any
//! decoder of zstd continues at the block.

mod bits;
mod fse;
mod sections;
mod sequences;
#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]
mod tests;
mod window;

use alloc::vec::Vec;

use self::sections::{Mode, Sections};
use self::sequences::{Sequence, SequenceTables};
pub(super) use self::window::NeededWindow;

/// Sequences of a block that are always decoded. A block with more of them replaces all repeat offsets, as
/// a rule: only those of the last one before a point are decoded.
const FEW_SEQUENCES: u32 = 1024;

/// The magic of a dictionary, and an identifier, which nothing refers to.
const DICTIONARY_HEADER: [u8; 8] = [0x37, 0xA4, 0x30, 0xEC, 1, 0, 0, 0];

/// A tree of two symbols, for frames whose blocks had none so far: their next block cannot refer to one.
const ANY_TREE: [u8; 2] = [0x80, 0x10];

/// The tables that a block refers to if it has none (3.1.1.3.2.2), as it would describe them.
const DEFAULT_LITERAL_LENGTHS: [u8; 20] = [
    0x51, 0x10, 0x63, 0x8C, 0x31, 0xC6, 0x18, 0x63, 0x0C, 0x21, 0xC4, 0x18, 0x63, 0x66, 0x66, 0x86,
    0x46, 0x92, 0x04, 0x00,
];
const DEFAULT_OFFSETS: [u8; 14] = [
    0x20, 0x84, 0x10, 0x42, 0x66, 0x46, 0x44, 0x44, 0x44, 0x44, 0x24, 0x49, 0x02, 0x00,
];
const DEFAULT_MATCH_LENGTHS: [u8; 29] = [
    0x21, 0x14, 0xC4, 0x18, 0x63, 0x8C, 0x21, 0x84, 0x10, 0x42, 0x08, 0x21, 0x84, 0x10, 0x42, 0x08,
    0x21, 0x44, 0x44, 0x44, 0x44, 0x44, 0x44, 0x44, 0x44, 0x24, 0x09, 0x00, 0x00,
];

/// The table of one kind of code.
#[derive(Debug, Clone)]
enum Table {
    /// As a block or dictionary describes it.
    Described(Vec<u8>),
    /// One symbol, without any bits. A dictionary cannot have that, but few blocks refer to it: zstd does not.
    Symbol(u8),
}

impl Table {
    fn update(&mut self, mode: Mode<'_>, default: &[u8]) {
        match mode {
            Mode::Predefined => *self = Self::Described(default.to_vec()),
            Mode::Symbol(symbol) => *self = Self::Symbol(symbol),
            Mode::Described(description) => *self = Self::Described(description.to_vec()),
            Mode::Repeat => {}
        }
    }

    /// `None` if there is none.
    fn description(&self) -> Option<&[u8]> {
        match self {
            Self::Described(description) => Some(description),
            Self::Symbol(_) => None,
        }
    }
}

/// The three last offsets, the latest first; `None` if they are not known.
type RepeatOffsets = [Option<u32>; 3];

/// What a dictionary has before the content.
#[derive(Debug)]
pub(super) struct DictionaryStart {
    pub(super) bytes: Vec<u8>,
    /// Tables that it cannot have, by the order of their modes in a block: if a block refers to one that was not
    /// replaced before, it is of no use.
    pub(super) lacks: [bool; 3],
}

/// The state of a decoder between two blocks of a frame.
#[derive(Debug)]
pub(super) struct ZstdState {
    /// The description of the Huffman tree.
    tree: Vec<u8>,
    literal_lengths: Table,
    offsets: Table,
    match_lengths: Table,
    repeats: RepeatOffsets,
    /// The count and the bits of sequences after which `repeats` are not known yet. Their tables are those
    /// of this state.
    pending: Option<(u32, Vec<u8>)>,
}

impl ZstdState {
    /// At the start of a frame.
    pub(super) fn new() -> Self {
        Self {
            tree: ANY_TREE.to_vec(),
            literal_lengths: Table::Described(DEFAULT_LITERAL_LENGTHS.to_vec()),
            offsets: Table::Described(DEFAULT_OFFSETS.to_vec()),
            match_lengths: Table::Described(DEFAULT_MATCH_LENGTHS.to_vec()),
            repeats: [1, 4, 8].map(Some),
            pending: None,
        }
    }

    /// Goes past a compressed block. `needed` gets what it refers to, and becomes `None` if it does not have
    /// that. `None` if the block is damaged, or refers to what is not known.
    pub(super) fn push(&mut self, block: &[u8], needed: &mut Option<NeededWindow>) -> Option<()> {
        let sections = Sections::parse(block)?;
        if let Some(tree) = sections.tree {
            self.tree = tree.to_vec();
        }
        let mut literals_left = sections.literals;
        if let Some(sequences) = sections.sequences {
            let modes = [
                sequences.literal_lengths,
                sequences.offsets,
                sequences.match_lengths,
            ];
            let is_repeated = modes.map(|mode| matches!(mode, Mode::Repeat));
            needed.take_if(|needed| !needed.has_tables(is_repeated));
            let is_decoded = sequences.count <= FEW_SEQUENCES || needed.is_some();
            if is_decoded {
                self.settle()?;
            } else {
                self.repeats = [None; 3];
            }
            self.literal_lengths
                .update(sequences.literal_lengths, &DEFAULT_LITERAL_LENGTHS);
            self.offsets.update(sequences.offsets, &DEFAULT_OFFSETS);
            self.match_lengths
                .update(sequences.match_lengths, &DEFAULT_MATCH_LENGTHS);
            if !is_decoded {
                self.pending = Some((sequences.count, sequences.bits.to_vec()));
                return Some(());
            }
            let tables = self.tables()?;
            let mut repeats = self.repeats;
            let take = |sequence: Sequence| {
                literals_left = literals_left.checked_sub(sequence.literals)?;
                let offset = sequence.update(&mut repeats)?;
                match needed.as_mut() {
                    Some(needed) => needed.refer(sequence, offset?),
                    None => Some(()),
                }
            };
            tables.decode(sequences.count, sequences.bits, take)?;
            self.repeats = repeats;
        }
        if let Some(needed) = needed {
            needed.skip(literals_left.into());
        }
        Some(())
    }

    /// What a dictionary begins with from which a decoder continues at the next block: all but the
    /// content. `None` if the repeat offsets are not known.
    pub(super) fn dictionary_start(&mut self) -> Option<DictionaryStart> {
        self.settle()?;
        let mut bytes = DICTIONARY_HEADER.to_vec();
        bytes.extend_from_slice(&self.tree);
        let tables = [
            (&self.offsets, DEFAULT_OFFSETS.as_slice()),
            (&self.match_lengths, &DEFAULT_MATCH_LENGTHS),
            (&self.literal_lengths, &DEFAULT_LITERAL_LENGTHS),
        ];
        for (table, default) in tables {
            bytes.extend_from_slice(table.description().unwrap_or(default));
        }
        for offset in self.repeats {
            bytes.extend(offset?.to_le_bytes());
        }
        let tables = [&self.literal_lengths, &self.offsets, &self.match_lengths];
        let lacks = tables.map(|table| table.description().is_none());
        Some(DictionaryStart { bytes, lacks })
    }

    /// Decodes the sequences that are pending.
    fn settle(&mut self) -> Option<()> {
        let Some((count, bits)) = self.pending.take() else {
            return Some(());
        };
        let mut repeats = self.repeats;
        let take = |sequence: Sequence| sequence.update(&mut repeats).map(|_| ());
        self.tables()?.decode(count, &bits, take)?;
        self.repeats = repeats;
        Some(())
    }

    fn tables(&self) -> Option<SequenceTables> {
        SequenceTables::new(&self.literal_lengths, &self.offsets, &self.match_lengths)
    }
}
