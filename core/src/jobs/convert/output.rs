//! Where a conversion writes: to the driver, through a compressor, or nowhere.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::super::job::Co;
use super::super::{Failure, Step};
use super::compressed::Compressor;
use crate::pages::Piece;
use crate::units::{Lcn, len_u64};

/// The output of a conversion, written from start to end.
pub(super) struct Output<'a> {
    co: &'a Co,
    form: Form,
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
        Self { co, form, len: 0 }
    }

    /// Bytes written, before compression.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// The compressor, which is told what it compresses.
    pub(super) fn compressor(&mut self) -> Option<&mut Compressor> {
        match &mut self.form {
            Form::Compressed(compressor) => Some(compressor),
            Form::Plain | Form::Discarded => None,
        }
    }

    /// Records that the next `count` clusters of the output are those from
    /// `start` on, for the map of a compressed file.
    pub(super) fn note_clusters(&mut self, start: Lcn, count: u64) {
        if let Some(compressor) = self.compressor() {
            compressor.map_mut().add(start, count);
        }
    }

    pub(super) fn set_progress(&self, done: u64, total: u64) {
        self.co.set_progress(done, total);
    }

    pub(super) fn bytes(&mut self, piece: Piece) -> Result<(), Failure> {
        self.len = self.len.saturating_add(len_u64(piece.len()));
        match &mut self.form {
            Form::Plain => self.co.emit(Step::Bytes(piece)),
            Form::Compressed(compressor) => emit(self.co, compressor.put(&piece)?),
            Form::Discarded => self.co.yield_now(),
        }
        Ok(())
    }

    /// Writes zeros. Compressing many of them takes many steps.
    pub(super) async fn hole(&mut self, len: u64) -> Result<(), Failure> {
        self.len = self.len.saturating_add(len);
        match &mut self.form {
            Form::Plain => self.co.emit(Step::Hole(len)),
            Form::Compressed(compressor) => {
                let mut left = len;
                while left > 0 {
                    emit(self.co, compressor.put_zeros(&mut left)?);
                    self.co.flushed().await;
                }
            }
            Form::Discarded => {}
        }
        Ok(())
    }

    /// Ends the output.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        if let Some(compressor) = self.compressor() {
            let bytes = compressor.finish()?;
            emit(self.co, bytes);
        }
        Ok(())
    }
}

/// Compressing may have made no bytes yet.
fn emit(co: &Co, bytes: Vec<u8>) {
    match bytes.is_empty() {
        true => co.yield_now(),
        false => co.emit(Step::Bytes(bytes.into())),
    }
}
