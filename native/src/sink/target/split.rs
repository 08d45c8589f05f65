//! Writing an output in pieces: `--split`.

use std::io;

use super::destination::{begin_piece, refuse_link_as_piece};
use super::{Kind, Target};
use crate::device::Mode;
use crate::error::{Error, Result};
use crate::sink::checksum::Checksum;
use crate::sink::file_writer::FileWriter;
use crate::sink::pieces::{Piece, Pieces};

impl Target {
    /// From now on writes pieces of `size` bytes. For a file that is written from its
    /// start to its end; its name is that of the first piece.
    pub fn split(&mut self, size: u64) -> Result<()> {
        let Kind::Beside(_) = self.kind else {
            return Err(Error::refused(
                &self.name,
                "is not a file that could be replaced, as pieces are",
                "give another name, or leave out --split",
            ));
        };
        refuse_link_as_piece(&self.name)?;
        self.pieces = Some(Pieces::new(size));
        Ok(())
    }

    /// How many pieces there are, if it is written in pieces.
    pub fn pieces(&self) -> Option<usize> {
        let unfinished = self.pieces.as_ref().map(Pieces::count);
        unfinished.or(self.pieces_written)
    }

    /// Writes where the last call ended.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(size) = self.pieces.as_ref().map(|pieces| pieces.size) else {
            return self.write_here(bytes);
        };
        let mut rest = bytes;
        while !rest.is_empty() {
            let written = self.writer.as_ref().map_or(0, FileWriter::position);
            if written == size {
                self.next_piece()?;
                continue;
            }
            let len = usize::try_from(size - written).unwrap_or(usize::MAX);
            let (here, later) = rest.split_at(len.min(rest.len()));
            self.write_here(here)?;
            rest = later;
        }
        Ok(())
    }

    /// Begins the next piece.
    fn next_piece(&mut self) -> Result<()> {
        let algorithm = self.checksum.as_ref().map(Checksum::algorithm);
        let piece = self.end_piece()?;
        let (replacing, mode) = (piece.file.replacing(), Mode::of(&piece.metadata()?));
        let Some(pieces) = &mut self.pieces else {
            return Ok(());
        };
        let path = pieces.push(piece)?;
        let file = begin_piece(&path, replacing, mode)?;
        let writer = file.file().try_clone().map(FileWriter::new);
        self.writer = Some(writer.map_err(|error| Error::io("open", &path, error))?);
        self.kind = Kind::Beside(file);
        self.name = path;
        self.bypass_cache(self.direct);
        if let Some(algorithm) = algorithm {
            self.make_checksum(algorithm);
        }
        Ok(())
    }

    /// Ends the piece that is being written.
    pub(super) fn end_piece(&mut self) -> Result<Piece> {
        let sidecar = match self.checksum.take() {
            Some(checksum) => Some(checksum.finish(self.len()?, self.replacing(), self.mode()?)?),
            None => None,
        };
        self.writer = None;
        match std::mem::replace(&mut self.kind, Kind::Finished) {
            Kind::Beside(file) => Ok(Piece {
                file,
                sidecar,
                path: self.name.clone(),
            }),
            _ => Err(Error::io(
                "finish",
                &self.name,
                io::ErrorKind::NotFound.into(),
            )),
        }
    }
}
