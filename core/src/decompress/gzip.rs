//! A member of a file of gzip: RFC 1952.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crc::{CRC_32_ISO_HDLC, Crc, Table};
use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};

use super::{Decoded, Problem};

/// Ours: no name or comment of a file is as long.
const MAX_HEADER: usize = 1 << 17;

const TRAILER_BYTES: usize = 8;

/// Decompresses a member.
pub(crate) struct Gzip {
    state: State,
    inflate: Box<InflateState>,
    /// Computed when it is needed: as a constant it would be 16 KiB of program.
    crc: Box<Crc<u32, Table<16>>>,
    /// So far.
    checksum: u32,
    /// Modulo 2^32.
    size: u32,
}

enum State {
    /// What there is of the header.
    Header(Vec<u8>),
    Body,
    /// What there is of checksum and size.
    Trailer(Vec<u8>),
}

impl Default for Gzip {
    fn default() -> Self {
        Self {
            state: State::Header(Vec::new()),
            inflate: InflateState::new_boxed(DataFormat::Raw),
            crc: Box::new(Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC)),
            checksum: 0,
            size: 0,
        }
    }
}

impl Gzip {
    pub(super) fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Decoded, Problem> {
        match &mut self.state {
            State::Header(header) => {
                let before = header.len();
                let room = MAX_HEADER.saturating_sub(before).min(input.len());
                header.extend_from_slice(input.get(..room).unwrap_or_default());
                let len = header_len(header)?;
                if len.is_none() && header.len() == MAX_HEADER {
                    return Err(Problem::Damaged("its header has no end"));
                }
                if len.is_some() {
                    self.state = State::Body;
                }
                // The rest of it is not of the header.
                Ok(taken(len.map_or(room, |len| len.saturating_sub(before))))
            }
            State::Body => self.decode_body(input, output),
            State::Trailer(trailer) => {
                let missing = TRAILER_BYTES.saturating_sub(trailer.len()).min(input.len());
                trailer.extend_from_slice(input.get(..missing).unwrap_or_default());
                let has_ended = trailer.len() == TRAILER_BYTES;
                let made = [self.checksum, self.size].map(u32::to_le_bytes);
                if has_ended && **trailer != *made.as_flattened() {
                    return Err(Problem::Damaged("its content has another checksum or size"));
                }
                Ok(Decoded {
                    has_ended,
                    ..taken(missing)
                })
            }
        }
    }

    fn decode_body(&mut self, input: &[u8], output: &mut [u8]) -> Result<Decoded, Problem> {
        let found = inflate(&mut self.inflate, input, output, MZFlush::None);
        match found.status {
            Ok(MZStatus::StreamEnd) => self.state = State::Trailer(Vec::new()),
            // There is no progress without input.
            Ok(_) | Err(MZError::Buf) => {}
            Err(_) => return Err(Problem::Damaged("it breaks the rules of deflate")),
        }
        let made = output.get(..found.bytes_written).unwrap_or_default();
        // Goes on where the last one ended.
        let mut digest = self
            .crc
            .digest_with_initial((!self.checksum).reverse_bits());
        digest.update(made);
        self.checksum = digest.finalize();
        let len = u32::try_from(made.len()).unwrap_or_default();
        self.size = self.size.wrapping_add(len);
        Ok(Decoded {
            taken: found.bytes_consumed,
            made: made.len(),
            has_ended: false,
        })
    }
}

fn taken(taken: usize) -> Decoded {
    Decoded {
        taken,
        made: 0,
        has_ended: false,
    }
}

/// How long the header at the start is; none if it goes on.
fn header_len(bytes: &[u8]) -> Result<Option<usize>, Problem> {
    const CHECKSUM: u8 = 1 << 1;
    const EXTRA: u8 = 1 << 2;
    const NAME: u8 = 1 << 3;
    const COMMENT: u8 = 1 << 4;
    const RESERVED: u8 = 0b1110_0000;

    let Some((&[_, _, _, flags, ..], mut rest)) = bytes.split_first_chunk::<10>() else {
        return Ok(None);
    };
    if flags & RESERVED != 0 {
        return Err(Problem::Damaged("its header has flags that are not known"));
    }
    if flags & EXTRA != 0 {
        let found = rest.split_first_chunk::<2>().and_then(|(len, after)| {
            let len = u16::from_le_bytes(*len);
            after.get(usize::from(len)..)
        });
        match found {
            Some(after) => rest = after,
            None => return Ok(None),
        }
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            let mut parts = rest.splitn(2, |&byte| byte == 0);
            match parts.nth(1) {
                Some(after) => rest = after,
                None => return Ok(None),
            }
        }
    }
    if flags & CHECKSUM != 0 {
        match rest.get(2..) {
            Some(after) => rest = after,
            None => return Ok(None),
        }
    }
    Ok(Some(bytes.len().saturating_sub(rest.len())))
}

impl fmt::Debug for Gzip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gzip")
    }
}
