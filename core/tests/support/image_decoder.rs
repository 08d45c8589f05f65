//! Drives a decoder of any image format. The fuzz targets use this file, too.

use core::fmt::Debug;

use ntfsclone_core::Result;
use ntfsclone_core::image::{ntfsclone, partclone};

use ntfsclone::Event;

/// A decoder that takes an image in pieces.
pub(crate) trait ImageDecoder {
    type Header: Copy + Debug + PartialEq;

    fn start() -> Self;

    fn next<'a, 'i: 'a>(&'a mut self, input: &mut &'i [u8]) -> Result<Event<'a, Self::Header>>;

    fn end_of_input(&mut self) -> Result<()>;

    /// Bytes of one piece of data, at the most.
    fn longest_data(header: &Self::Header) -> u64;

    /// Where data of such an image ends, at the most.
    fn end_of_data(header: &Self::Header) -> u64;
}

/// What an image holds: its header, and bytes by offset.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decoded<H> {
    pub(crate) header: Option<H>,
    /// Offset and bytes, neighbours joined.
    pub(crate) data: Vec<(u64, Vec<u8>)>,
}

impl<H: Copy + Debug + PartialEq> Decoded<H> {
    /// Decodes an image that comes in these pieces. What comes before an error is
    /// there with it.
    pub(crate) fn of<'i, D: ImageDecoder<Header = H>>(
        pieces: impl IntoIterator<Item = &'i [u8]>,
    ) -> (Self, Result<()>) {
        let mut decoded = Self {
            header: None,
            data: Vec::new(),
        };
        let result = decoded.take::<D>(pieces);
        (decoded, result)
    }

    fn take<'i, D: ImageDecoder<Header = H>>(
        &mut self,
        pieces: impl IntoIterator<Item = &'i [u8]>,
    ) -> Result<()> {
        let mut decoder = D::start();
        for piece in pieces {
            let mut input = piece;
            loop {
                match decoder.next(&mut input)? {
                    Event::Header(header) => {
                        assert!(self.header.replace(header).is_none(), "a second header");
                    }
                    Event::Data { offset, bytes } => {
                        let header = self.header.expect("a header before data");
                        let len = bytes.len() as u64;
                        assert!((1..=D::longest_data(&header)).contains(&len), "{len} bytes");
                        let end = offset.checked_add(len);
                        let end = end.expect("no data wraps");
                        assert!(end <= D::end_of_data(&header), "data past the end");
                        self.add(offset, bytes);
                    }
                    Event::NeedInput => break,
                    // To continue with what is left is an error, to be seen below.
                    Event::End if input.is_empty() => break,
                    Event::End => {}
                }
            }
            assert!(input.is_empty(), "input was left");
        }
        decoder.end_of_input()?;
        assert!(self.header.is_some(), "an end before a header");
        Ok(())
    }

    fn add(&mut self, offset: u64, bytes: &[u8]) {
        match self.data.last_mut() {
            Some((start, last)) if *start + last.len() as u64 == offset => last.extend(bytes),
            _ => self.data.push((offset, bytes.to_vec())),
        }
    }
}

impl ImageDecoder for ntfsclone::Decoder {
    type Header = ntfsclone::Header;

    fn start() -> Self {
        Self::new()
    }

    fn next<'a, 'i: 'a>(&'a mut self, input: &mut &'i [u8]) -> Result<Event<'a, Self::Header>> {
        Self::next(self, input)
    }

    fn end_of_input(&mut self) -> Result<()> {
        Self::end_of_input(self)
    }

    fn longest_data(header: &Self::Header) -> u64 {
        header.cluster_size.into()
    }

    fn end_of_data(header: &Self::Header) -> u64 {
        header.device_size
    }
}

impl ImageDecoder for partclone::Decoder {
    type Header = partclone::Header;

    fn start() -> Self {
        Self::new()
    }

    fn next<'a, 'i: 'a>(&'a mut self, input: &mut &'i [u8]) -> Result<Event<'a, Self::Header>> {
        Self::next(self, input)
    }

    fn end_of_input(&mut self) -> Result<()> {
        Self::end_of_input(self)
    }

    fn longest_data(header: &Self::Header) -> u64 {
        header.block_size.into()
    }

    fn end_of_data(header: &Self::Header) -> u64 {
        header.volume_size()
    }
}
