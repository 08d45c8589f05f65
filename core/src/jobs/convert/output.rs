//! Where a conversion writes: to the driver, through a compressor, or nowhere.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::super::job::Co;
use super::super::{Failure, Step};
use super::compressed::{Compressor, MAX_MAP_SIZE};
use super::encoded::{Encoded, Part};
use crate::image::ntfsclone::Header;
use crate::piece::Piece;
use crate::units::{Extent, len_u64};
use crate::write::{Content, Encode, Facts, RAW, Shape, Stopped, Writer};

/// Encoded bytes that are written in one call, or more.
const BATCH: usize = 1 << 20;

/// The output of a conversion, written from start to end.
pub(super) struct Output<'a> {
    co: &'a Co,
    form: Form,
    /// `None` if the output is the volume itself, or an image as it is.
    encoder: Option<Box<dyn Encode + Send>>,
    encoded: Encoded,
    /// Bytes written, before compression.
    len: u64,
}

pub(super) enum Form {
    Plain,
    Compressed(Box<Compressor>),
    /// Only the length matters.
    Discarded,
}

impl<'a> Output<'a> {
    pub(super) fn new(co: &'a Co, form: Form) -> Self {
        Self {
            co,
            form,
            encoder: None,
            encoded: Encoded::default(),
            len: 0,
        }
    }

    /// Encodes what follows.
    pub(super) fn encode(&mut self, writer: &Writer, shape: &Shape<'_>) -> Result<(), Failure> {
        self.encoder = writer.encoder(shape)?;
        self.set_size(writer.size(shape));
        Ok(())
    }

    /// Reports the size of the output before compression, if it is known, as that of what is
    /// written.
    pub(super) fn set_size(&self, size: Option<u64>) {
        if let (Form::Plain, Some(size)) = (&self.form, size) {
            self.co.emit(Step::Size(size));
        }
    }

    /// The facts that a compressed file gets.
    pub(super) fn facts(&mut self) -> Option<&mut Facts> {
        match &mut self.form {
            Form::Compressed(compressor) => Some(&mut compressor.facts),
            Form::Plain | Form::Discarded => None,
        }
    }

    pub(super) fn set_progress(&self, done: u64, total: u64) {
        self.co.set_progress(done, total);
    }

    /// Writes bytes at `offset` of the volume, whole clusters or the tail; or of the disk.
    pub(super) async fn data(&mut self, offset: u64, piece: Piece) -> Result<(), Failure> {
        let Some(encoder) = &mut self.encoder else {
            self.zeros_to(offset).await?;
            return self.bytes(piece);
        };
        // With the commands before clusters of 512 bytes, the smallest.
        self.encoded
            .reserve(piece.len().saturating_add(piece.len() >> 8));
        // It takes all.
        let (Ok(()) | Err(Stopped)) = encoder.data(offset, &piece, &mut self.encoded);
        if !self.encoded.has(BATCH) {
            return Ok(());
        }
        self.flush().await
    }

    /// Writes bytes as they are.
    pub(super) fn bytes(&mut self, piece: Piece) -> Result<(), Failure> {
        if piece.is_empty() {
            return Ok(());
        }
        self.len = self.len.saturating_add(len_u64(piece.len()));
        match &mut self.form {
            Form::Plain => self.co.emit(Step::Bytes(piece)),
            Form::Compressed(compressor) => emit(self.co, compressor.put(&piece)?),
            Form::Discarded => self.co.yield_now(),
        }
        Ok(())
    }

    /// Ends the output of `writer`, which holds these clusters, in its order. Returns
    /// its length before compression.
    pub(super) async fn finish(
        mut self,
        writer: &Writer,
        header: &Header,
        extents: impl Iterator<Item = Extent>,
    ) -> Result<u64, Failure> {
        self.finish_encoder(writer, header.volume_size()).await?;
        if let Form::Compressed(compressor) = &mut self.form {
            let content = Content::new(writer, header, extents, MAX_MAP_SIZE);
            emit(self.co, compressor.finish(&content)?);
        }
        Ok(self.len)
    }

    /// Ends the output of `writer`, which holds a whole disk of `size` bytes.
    pub(super) async fn finish_disk(mut self, writer: &Writer, size: u64) -> Result<(), Failure> {
        self.finish_encoder(writer, size).await?;
        if let Form::Compressed(compressor) = &mut self.form {
            emit(self.co, compressor.finish(&Content::without_summary())?);
        }
        Ok(())
    }

    /// Writes what the encoder has left; without one, zeros up to `raw_size`.
    async fn finish_encoder(&mut self, writer: &Writer, raw_size: u64) -> Result<(), Failure> {
        if let Some(mut encoder) = self.encoder.take() {
            let (Ok(()) | Err(Stopped)) = encoder.finish(&mut self.encoded);
            self.flush().await?;
        } else if writer == &RAW {
            self.zeros_to(raw_size).await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Failure> {
        while let Some(part) = self.encoded.next() {
            match part {
                Part::Bytes(bytes) => self.bytes(bytes.into())?,
                Part::Zeros(len) => self.zeros_to(self.len.saturating_add(len)).await?,
            }
        }
        Ok(())
    }

    /// Writes zeros up to `end`. Compressing many of them takes many steps.
    async fn zeros_to(&mut self, end: u64) -> Result<(), Failure> {
        let Some(len) = end.checked_sub(self.len).filter(|len| *len > 0) else {
            return Ok(());
        };
        self.len = end;
        match &mut self.form {
            Form::Plain => self.co.emit(Step::Hole(len)),
            Form::Compressed(compressor) => {
                let mut bytes = compressor.zeros_to(end)?;
                while let Some(made) = bytes {
                    emit(self.co, made);
                    self.co.flushed().await;
                    bytes = compressor.more_zeros()?;
                }
            }
            Form::Discarded => {}
        }
        Ok(())
    }
}

/// Compressing may have made no bytes yet.
fn emit(co: &Co, bytes: Vec<u8>) {
    if bytes.is_empty() {
        co.yield_now();
    } else {
        co.emit(Step::Bytes(bytes.into()));
    }
}
