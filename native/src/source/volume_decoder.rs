//! Decoding a volume that is read from start to end: out of an image, or as it is.

use std::path::Path;

use ntfsclone_core::Result as CoreResult;
use ntfsclone_core::backup_boot_sector::DecoderWithBackup;
use ntfsclone_core::image::ntfsclone::{Decoder, Event, Header};
use ntfsclone_core::image::partclone;

use crate::error::{Error, Result, TAKE_ANOTHER};

/// Takes the bytes of an input in order, and returns those of the volume.
#[derive(Clone)]
pub(super) enum VolumeDecoder {
    Image(Decoder),
    Partclone(Box<DecoderWithBackup>),
    Volume(Raw),
}

/// A volume as it is: its clusters are copied, and the tail, at most a cluster.
#[derive(Clone)]
pub(super) struct Raw {
    header: Header,
    /// The offset of the next byte on the volume.
    position: u64,
}

impl VolumeDecoder {
    /// A volume as it is. `header` is what its image would have.
    pub(super) fn raw(header: Header) -> Self {
        Self::Volume(Raw {
            header,
            position: 0,
        })
    }

    /// Takes bytes from the start of `input` until there is an event. Data is at most a cluster.
    pub(super) fn next<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i [u8],
    ) -> CoreResult<Event<'a, Header>> {
        match self {
            Self::Image(decoder) => decoder.next(input),
            Self::Partclone(decoder) => Ok(match decoder.next(input)? {
                Event::Header(header) => Event::Header(header_of(&header)),
                Event::Data { offset, bytes } => Event::Data { offset, bytes },
                Event::NeedInput => Event::NeedInput,
                Event::End => Event::End,
            }),
            Self::Volume(raw) => Ok(raw.next(input)),
        }
    }

    /// To be called when there is no more input.
    ///
    /// # Errors
    ///
    /// The image or volume does not end there; `name` is what to call it.
    pub(super) fn end_of_input(&mut self, name: &Path) -> Result<()> {
        match self {
            Self::Image(decoder) => decoder.end_of_input(),
            Self::Partclone(decoder) => decoder.end_of_input(),
            Self::Volume(raw) => return raw.end_of_input(name),
        }
        .map_err(|error| Error::read(name, error))
    }
}

/// The header that an image of ntfsclone of the same volume would have.
fn header_of(header: &partclone::Header) -> Header {
    Header::new(
        header.block_size,
        header.device_size,
        header.nr_blocks,
        header.used,
    )
}

impl Raw {
    fn next<'i>(&mut self, input: &mut &'i [u8]) -> Event<'i, Header> {
        let cluster_size = u64::from(self.header.cluster_size);
        let clusters = self.header.nr_clusters.saturating_add(1);
        if self.position >= clusters.saturating_mul(cluster_size) {
            self.position += input.len() as u64;
            *input = &[];
        }
        if input.is_empty() {
            return Event::NeedInput;
        }
        let offset = self.position;
        let left = cluster_size - offset % cluster_size;
        let len = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
        let (bytes, rest) = input.split_at(len);
        *input = rest;
        self.position += len as u64;
        Event::Data { offset, bytes }
    }

    /// # Errors
    ///
    /// The clusters of the volume do not end before its bytes do.
    fn end_of_input(&self, name: &Path) -> Result<()> {
        let (needed, position) = (self.header.volume_size(), self.position);
        if position < needed {
            return Err(Error::refused(
                name,
                format!("holds a volume of {needed} bytes, but ends after {position}"),
                TAKE_ANOTHER,
            ));
        }
        Ok(())
    }
}
