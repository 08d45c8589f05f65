//! Makes an index while an image is decoded.

use alloc::vec;

use super::index::{Index, IndexBuilder};
use super::ntfsclone::{Command, Decoder, Event};
use crate::error::{Error, Result, Structure};
use crate::io::ReadAt;
use crate::units::{len_u64, len_usize};

/// Bytes that [`Index::scan`] reads at once.
const CHUNK_BYTES: u64 = 4 << 20;

/// A [`Decoder`] that records the position of each cluster. Used in place of a
/// decoder, it makes an index on the way.
#[derive(Debug, Clone)]
pub struct Indexer {
    decoder: Decoder,
    /// From the header on.
    builder: Option<IndexBuilder>,
}

impl Indexer {
    /// An indexer at the start of an image.
    #[expect(clippy::new_without_default, reason = "a default image is no idea")]
    pub fn new() -> Self {
        Self {
            decoder: Decoder::new(),
            builder: None,
        }
    }

    /// As [`Decoder::next`].
    ///
    /// # Errors
    ///
    /// As [`Decoder::next`]; [`Error::Memory`].
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Event<'a>> {
        let Self { decoder, builder } = self;
        let event = decoder.next_telling(input, |command| {
            let Some(builder) = builder.as_mut() else {
                return Ok(());
            };
            match command {
                Command::Gap(count) => builder.gap(count),
                Command::Next if builder.is_at_tail() => Ok(()),
                Command::Next => builder.clusters(1),
            }
        })?;
        if let Event::Header(header) = event {
            *builder = Some(IndexBuilder::new(header));
        }
        Ok(event)
    }

    /// The index of what has been decoded of an image that goes on no further:
    /// of all clusters that are whole, and of all of a whole image. `None` before
    /// the header.
    ///
    /// # Errors
    ///
    /// [`Error::Memory`].
    pub fn cut(mut self) -> Result<Option<Index>> {
        let is_in_cluster = self.decoder.is_in_cluster();
        let is_whole = self.decoder.end_of_input().is_ok();
        if is_whole && let Some(builder) = self.builder {
            return builder.finish().map(Some);
        }
        self.builder
            .map(|builder| builder.cut(is_in_cluster))
            .transpose()
    }

    /// As [`Decoder::end_of_input`].
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`]: the image was cut short.
    pub fn end_of_input(&mut self) -> Result<()> {
        self.decoder.end_of_input()
    }

    /// Bytes of the image taken so far.
    pub fn taken(&self) -> u64 {
        self.decoder.taken()
    }

    /// The index of the image, all of which has been decoded.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`]: it has not; [`Error::Memory`].
    pub fn finish(mut self) -> Result<Index> {
        self.decoder.end_of_input()?;
        match self.builder {
            Some(builder) => builder.finish(),
            // Not reached: there is no end without a header.
            None => Err(Error::Corrupt {
                structure: Structure::ImageHeader,
                offset: 0,
                field: "its length",
                found: self.decoder.taken(),
                expected: "a whole header",
            }),
        }
    }
}

impl Index {
    /// Makes the index of an image by reading all of it. What follows the end
    /// of the image is not looked at: whether there may be something,
    /// [`Index::stream_size`] lets the caller tell.
    ///
    /// `progress` is called now and then with the number of bytes read.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::Corrupt`] and [`Error::Unsupported`] with the
    /// byte position in the image; [`Error::Memory`].
    pub fn scan(source: &(impl ReadAt + ?Sized), mut progress: impl FnMut(u64)) -> Result<Self> {
        let mut indexer = Indexer::new();
        let mut chunk = vec![0; len_usize(source.size().min(CHUNK_BYTES))];
        loop {
            let offset = indexer.taken();
            let left = source.size().saturating_sub(offset);
            let len = chunk.len().min(len_usize(left));
            let Some(piece) = chunk.get_mut(..len).filter(|piece| !piece.is_empty()) else {
                return indexer.finish();
            };
            source
                .read_exact_at(offset, piece)
                .map_err(|error| Error::Io {
                    structure: Structure::ImageCommand,
                    offset,
                    len: len_u64(len),
                    source: error,
                })?;
            let mut input = &*piece;
            loop {
                match indexer.next(&mut input)? {
                    Event::Header(_) | Event::Data { .. } => {}
                    Event::NeedInput => break,
                    Event::End => return indexer.finish(),
                }
            }
            progress(indexer.taken());
        }
    }
}
