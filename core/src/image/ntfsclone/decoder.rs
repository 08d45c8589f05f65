//! Decodes an image that comes as a stream.

use super::layout::{
    ByteOrder, COMMAND_GAP, COMMAND_NEXT, FIELDS_SIZE, Header, OLD_HEADER_SIZE, Version,
};
use crate::error::{EndPlace, Error, Result, Structure};
use crate::io::ReadAt;
use crate::units::{len_u64, len_usize};

/// Decodes an image that comes in pieces of any size.
///
/// ```
/// # use ntfsclone_core::image::ntfsclone::{Decoder, Event};
/// # fn read_more() -> Vec<u8> { Vec::new() }
/// # fn restore() -> ntfsclone_core::Result<()> {
/// let mut decoder = Decoder::new();
/// let mut ended = false;
/// while !ended {
///     let piece = read_more();
///     if piece.is_empty() {
///         return decoder.end_of_input(); // an error: it was cut short
///     }
///     let mut input = piece.as_slice();
///     loop {
///         match decoder.next(&mut input)? {
///             Event::Header(header) => { /* sizes, now checked */ }
///             Event::Data { offset, bytes } => { /* write bytes at offset */ }
///             Event::NeedInput => break,
///             Event::End => { ended = true; break }
///         }
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Decoder {
    state: State,
    /// Bytes of the image taken so far.
    taken: u64,
    /// What is being collected: the header, or the count of a gap.
    pending: [u8; FIELDS_SIZE],
    pending_len: usize,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// The first bytes of the header, up to its version.
    HeaderStart,
    /// The rest of the header's fields.
    HeaderFields { len: usize },
    /// What stands between the fields and the first command.
    Padding { left: u64, header: Header },
    /// At a command; the next cluster is `position`.
    Command { position: u64, header: Header },
    /// In the count of a gap, whose command was at `offset`.
    GapCount {
        position: u64,
        offset: u64,
        header: Header,
    },
    /// In a cluster, with `left` bytes to come.
    Cluster {
        position: u64,
        left: u64,
        header: Header,
    },
    /// The end was reached.
    Ended,
}

/// What comes next in an image, whose format has headers of type `H`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a, H = Header> {
    /// The header, once, before all else.
    Header(H),
    /// Bytes of the volume: part of a cluster, or a whole one.
    Data {
        /// Where they belong, in bytes from the start of the volume.
        offset: u64,
        /// The bytes, never none.
        bytes: &'a [u8],
    },
    /// The input is used up.
    NeedInput,
    /// The image is complete. Calling `next` with further bytes is an error.
    End,
}

/// A command of the image.
#[derive(Debug, Clone, Copy)]
pub(in crate::image) enum Command {
    /// So many clusters are passed over.
    Gap(i64),
    /// The bytes of the next cluster follow.
    Next,
}

impl Decoder {
    /// A decoder at the start of an image.
    #[expect(clippy::new_without_default, reason = "a default image is no idea")]
    pub fn new() -> Self {
        Self {
            state: State::HeaderStart,
            taken: 0,
            pending: [0; FIELDS_SIZE],
            pending_len: 0,
        }
    }

    /// Consumes bytes from the start of `input` up to the next event.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] and [`Error::Unsupported`] with the byte position
    /// in the image; the decoder cannot go on then.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Event<'a>> {
        self.next_telling(input, |_| Ok(()))
    }

    /// As [`Decoder::next`]; returns each command once it and its count have been
    /// read.
    pub(in crate::image) fn next_telling<'a>(
        &mut self,
        input: &mut &'a [u8],
        mut tell: impl FnMut(Command) -> Result<()>,
    ) -> Result<Event<'a>> {
        loop {
            // Each turn takes input or goes on to a state that does.
            match self.state {
                State::HeaderStart => {
                    if !self.collect(OLD_HEADER_SIZE, input) {
                        return Ok(Event::NeedInput);
                    }
                    let start = self.pending.first_chunk().unwrap_or(&[0; OLD_HEADER_SIZE]);
                    let len = Header::len(start)?;
                    self.state = State::HeaderFields { len };
                }
                State::HeaderFields { len } => {
                    if !self.collect(len, input) {
                        return Ok(Event::NeedInput);
                    }
                    let header = Header::parse(&self.pending)?;
                    self.pending_len = 0;
                    let left = u64::from(header.data_offset).saturating_sub(len_u64(len));
                    self.state = State::Padding { left, header };
                    return Ok(Event::Header(header));
                }
                State::Padding { left: 0, header } => {
                    let position = 0;
                    self.state = State::Command { position, header };
                }
                State::Padding { left, header } => {
                    let skipped = self.take(left, input);
                    if skipped.is_empty() {
                        return Ok(Event::NeedInput);
                    }
                    let left = left.saturating_sub(len_u64(skipped.len()));
                    self.state = State::Padding { left, header };
                }
                State::Command { position, header } => {
                    if position == header.end_position() {
                        self.state = State::Ended;
                        return Ok(Event::End);
                    }
                    let offset = self.taken;
                    let Some(&command) = self.take(1, input).first() else {
                        return Ok(Event::NeedInput);
                    };
                    self.state = self.begin(command, position, offset, header)?;
                    match command {
                        COMMAND_GAP => {}
                        _ => tell(Command::Next)?,
                    }
                }
                State::GapCount {
                    position,
                    offset,
                    header,
                } => {
                    if !self.collect(8, input) {
                        return Ok(Event::NeedInput);
                    }
                    let count = self.gap_count(&header);
                    let position = header.skip(position, count, offset)?;
                    tell(Command::Gap(count))?;
                    self.state = State::Command { position, header };
                }
                State::Cluster {
                    position,
                    left: 0,
                    header,
                } => {
                    let position = position.saturating_add(1);
                    self.state = State::Command { position, header };
                }
                State::Cluster {
                    position,
                    left,
                    header,
                } => {
                    let bytes = self.take(left, input);
                    if bytes.is_empty() {
                        return Ok(Event::NeedInput);
                    }
                    let done = header.bytes_at(position).unwrap_or(0).saturating_sub(left);
                    let start = position.saturating_mul(header.cluster_size.into());
                    let left = left.saturating_sub(len_u64(bytes.len()));
                    self.state = State::Cluster {
                        position,
                        left,
                        header,
                    };
                    let offset = start.saturating_add(done);
                    return Ok(Event::Data { offset, bytes });
                }
                State::Ended if input.is_empty() => return Ok(Event::End),
                State::Ended => {
                    let found = input.first().copied().unwrap_or(0);
                    return Err(corrupt(
                        self.taken,
                        "the byte after its end",
                        found.into(),
                        "nothing",
                    ));
                }
            }
        }
    }

    /// To be called at the end of the input.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`].
    pub fn end_of_input(&mut self) -> Result<()> {
        match self.next(&mut [].as_slice())? {
            Event::End => Ok(()),
            _ => Err(Error::Truncated {
                offset: self.taken,
                place: self.end_place(),
            }),
        }
    }

    /// What should follow where the input ends.
    fn end_place(&self) -> EndPlace {
        match self.state {
            State::HeaderStart | State::HeaderFields { .. } | State::Padding { .. } => {
                EndPlace::Header
            }
            State::Command { position, header }
            | State::GapCount {
                position, header, ..
            }
            | State::Cluster {
                position, header, ..
            } if position >= header.nr_clusters => EndPlace::Tail,
            State::Command { position, .. } | State::GapCount { position, .. } => {
                EndPlace::BeforeCluster(position)
            }
            State::Cluster { position, .. } => EndPlace::InCluster(position),
            State::Ended => EndPlace::Unknown,
        }
    }

    /// Whether some bytes of a cluster of the volume are still to come.
    pub(in crate::image) fn is_in_cluster(&self) -> bool {
        matches!(self.state, State::Cluster { position, left: 1.., header }
            if position < header.nr_clusters)
    }

    /// Bytes of the image taken so far.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    fn begin(&self, command: u8, position: u64, offset: u64, header: Header) -> Result<State> {
        match command {
            COMMAND_GAP => Ok(State::GapCount {
                position,
                offset,
                header,
            }),
            COMMAND_NEXT => match header.bytes_at(position) {
                Some(left) => Ok(State::Cluster {
                    position,
                    left,
                    header,
                }),
                None => Err(corrupt(
                    offset,
                    "the cluster to follow",
                    position,
                    "one that begins within the device",
                )),
            },
            _ => Err(corrupt(offset, "a command", command.into(), "0 or 1")),
        }
    }

    /// The count that was collected.
    fn gap_count(&mut self, header: &Header) -> i64 {
        self.pending_len = 0;
        let bytes = self.pending.first_chunk::<8>().copied().unwrap_or_default();
        header.gap_count(bytes)
    }

    /// Collects until `len` bytes are pending; false if the input ends before.
    fn collect(&mut self, len: usize, input: &mut &[u8]) -> bool {
        let missing = len.saturating_sub(self.pending_len);
        let bytes = self.take(len_u64(missing), input);
        let room = self.pending.get_mut(self.pending_len..).unwrap_or_default();
        for (byte, taken) in room.iter_mut().zip(bytes) {
            *byte = *taken;
        }
        self.pending_len = self.pending_len.saturating_add(bytes.len());
        self.pending_len >= len
    }

    /// Takes at most `len` bytes.
    fn take<'a>(&mut self, len: u64, input: &mut &'a [u8]) -> &'a [u8] {
        let len = input.len().min(len_usize(len));
        let (taken, rest) = input.split_at_checked(len).unwrap_or((input, &[]));
        *input = rest;
        self.taken = self.taken.saturating_add(len_u64(len));
        taken
    }
}

pub(crate) fn cut_short(len: u64) -> Error {
    Error::Truncated {
        offset: len,
        place: EndPlace::Unknown,
    }
}

pub(in crate::image) fn corrupt(
    offset: u64,
    field: &'static str,
    found: u64,
    expected: &'static str,
) -> Error {
    Error::Corrupt {
        structure: Structure::ImageCommand,
        offset,
        field,
        found,
        expected,
    }
}

impl Header {
    /// Reads the header of an image.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; as [`Decoder::next`].
    pub fn read(source: &(impl ReadAt + ?Sized)) -> Result<Self> {
        let mut start = [0; FIELDS_SIZE];
        let len = start.len().min(len_usize(source.size()));
        let (read, _) = start.split_at_mut(len);
        source.read_exact_at(0, read).map_err(|error| Error::Io {
            structure: Structure::ImageHeader,
            offset: 0,
            len: len_u64(len),
            source: error,
        })?;
        match Decoder::new().next(&mut &*read)? {
            Event::Header(header) => Ok(header),
            _ => Err(cut_short(source.size())),
        }
    }

    /// The cluster after the last that a command can carry: the tail counts
    /// as one.
    pub(in crate::image) fn end_position(&self) -> u64 {
        self.nr_clusters.saturating_add(self.has_tail().into())
    }

    /// The count of a gap, from its bytes in the image.
    pub(in crate::image) fn gap_count(&self, bytes: [u8; 8]) -> i64 {
        match self.version {
            Version::Old(ByteOrder::Big) => i64::from_be_bytes(bytes),
            _ => i64::from_le_bytes(bytes),
        }
    }

    /// The position after a gap whose command is at `offset` in the image.
    pub(in crate::image) fn skip(&self, position: u64, count: i64, offset: u64) -> Result<u64> {
        position
            .checked_add_signed(count)
            .filter(|&position| count != 0 && position <= self.nr_clusters)
            .ok_or_else(|| {
                let expected = "one that stays within the volume";
                corrupt(offset, "a gap's count", count.cast_unsigned(), expected)
            })
    }
}
