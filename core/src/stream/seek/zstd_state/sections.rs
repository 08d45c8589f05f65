//! The sections of a compressed block of zstd (RFC 8878, 3.1.1.3): where its tables and sequences are.

use super::fse::Distribution;
use crate::units::len_usize;

/// What a block consists of.
pub(super) struct Sections<'a> {
    /// The description of its Huffman tree; `None` if it has none of its own.
    pub(super) tree: Option<&'a [u8]>,
    /// Bytes of its literals.
    pub(super) literals: u32,
    /// `None` if it has no sequences.
    pub(super) sequences: Option<SequenceSection<'a>>,
}

/// The sequences of a block.
pub(super) struct SequenceSection<'a> {
    pub(super) count: u32,
    pub(super) literal_lengths: Mode<'a>,
    pub(super) offsets: Mode<'a>,
    pub(super) match_lengths: Mode<'a>,
    pub(super) bits: &'a [u8],
}

/// Which table a code has.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mode<'a> {
    /// That of the format.
    Predefined,
    /// One symbol.
    Symbol(u8),
    /// One with this description.
    Described(&'a [u8]),
    /// That of the block before.
    Repeat,
}

impl<'a> Sections<'a> {
    /// `None` if the block is damaged.
    pub(super) fn parse(block: &'a [u8]) -> Option<Self> {
        let header = LiteralsHeader::parse(block)?;
        let (literals, rest) = block.get(header.len..)?.split_at_checked(header.stored)?;
        Some(Self {
            tree: match header.has_tree {
                true => Some(tree_at_start(literals)?),
                false => None,
            },
            literals: header.size,
            sequences: SequenceSection::parse(rest)?,
        })
    }
}

struct LiteralsHeader {
    /// Bytes of the header.
    len: usize,
    /// Bytes of the literals, and those that follow the header.
    size: u32,
    stored: usize,
    has_tree: bool,
}

impl LiteralsHeader {
    /// 3.1.1.3.1.1.
    fn parse(block: &[u8]) -> Option<Self> {
        let first = *block.first()?;
        let kind = first & 3;
        let size_format = first >> 2 & 3;
        let is_compressed = kind >= 2;
        // Bytes of the header, bits before the size, bits of the size.
        let (len, start, width) = match (is_compressed, size_format) {
            (false, 0 | 2) => (1, 3, 5),
            (false, 1) => (2, 4, 12),
            (false, _) => (3, 4, 20),
            (true, 0 | 1) => (3, 4, 10),
            (true, 2) => (4, 4, 14),
            (true, _) => (5, 4, 18),
        };
        let bytes = block.get(..len)?.iter().rev();
        let word = bytes.fold(0_u64, |word, &byte| word << 8 | u64::from(byte));
        let mask = 1_u64.checked_shl(width)?.checked_sub(1)?;
        let size = word.checked_shr(start)? & mask;
        let stored = match kind {
            0 => size,
            1 => 1,
            _ => word.checked_shr(width.checked_add(start)?)? & mask,
        };
        Some(Self {
            len,
            size: u32::try_from(size).ok()?,
            stored: len_usize(stored),
            has_tree: kind == 2,
        })
    }
}

/// The description of the tree that literals begin with (4.2.1).
fn tree_at_start(literals: &[u8]) -> Option<&[u8]> {
    let first = usize::from(*literals.first()?);
    let len = match first.checked_sub(127) {
        // Numbers of 4 bits.
        Some(count) if count > 0 => count.div_ceil(2),
        // Compressed.
        _ => first,
    };
    literals.get(..len.checked_add(1)?)
}

impl<'a> SequenceSection<'a> {
    /// 3.1.1.3.2.1. `Some(None)` if there are none.
    fn parse(bytes: &'a [u8]) -> Option<Option<Self>> {
        let (&first, rest) = bytes.split_first()?;
        let (count, rest) = match first {
            0..128 => (u32::from(first), rest),
            128..255 => {
                let (&second, rest) = rest.split_first()?;
                (u32::from(u16::from_be_bytes([first & 0x7F, second])), rest)
            }
            255 => {
                let (count, rest) = rest.split_first_chunk()?;
                (
                    u32::from(u16::from_le_bytes(*count)).checked_add(0x7F00)?,
                    rest,
                )
            }
        };
        if count == 0 {
            return Some(None);
        }
        let (&modes, mut rest) = rest.split_first()?;
        let literal_lengths = Mode::take(modes >> 6, &mut rest)?;
        let offsets = Mode::take(modes >> 4 & 3, &mut rest)?;
        let match_lengths = Mode::take(modes >> 2 & 3, &mut rest)?;
        Some(Some(Self {
            count,
            literal_lengths,
            offsets,
            match_lengths,
            bits: rest,
        }))
    }
}

impl<'a> Mode<'a> {
    /// Takes the table off the start of `rest`.
    fn take(number: u8, rest: &mut &'a [u8]) -> Option<Self> {
        let (mode, len) = match number {
            0 => (Self::Predefined, 0),
            1 => (Self::Symbol(*rest.first()?), 1),
            2 => {
                let len = Distribution::parse(rest)?.len;
                (Self::Described(rest.get(..len)?), len)
            }
            _ => (Self::Repeat, 0),
        };
        *rest = rest.get(len..)?;
        Some(mode)
    }
}
