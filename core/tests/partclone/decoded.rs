//! What comes out of an image.

use ntfsclone_core::Result;
use ntfsclone_core::image::ntfsclone::Event;
use ntfsclone_core::image::partclone::{Decoder, Header};

/// What an image holds: its header, and the bytes of the volume by offset.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decoded {
    pub(crate) header: Header,
    /// Offset and bytes, neighbours joined.
    pub(crate) data: Vec<(u64, Vec<u8>)>,
}

impl Decoded {
    /// The volume as restored, zeros where the image has nothing.
    pub(crate) fn volume(&self) -> Vec<u8> {
        let mut volume = vec![0; self.header.restored_size() as usize];
        for (offset, bytes) in &self.data {
            volume[*offset as usize..][..bytes.len()].copy_from_slice(bytes);
        }
        volume
    }
}

/// Decodes an image that comes in these pieces.
pub(crate) fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Decoded> {
    let mut decoder = Decoder::new();
    let mut header = None;
    let mut data: Vec<(u64, Vec<u8>)> = Vec::new();
    for piece in pieces {
        let mut input = piece;
        loop {
            match decoder.next(&mut input)? {
                Event::Header(found) => assert!(header.replace(found).is_none()),
                Event::Data { offset, bytes } => {
                    assert!(!bytes.is_empty());
                    match data.last_mut() {
                        Some((start, last)) if *start + last.len() as u64 == offset => {
                            last.extend(bytes);
                        }
                        _ => data.push((offset, bytes.to_vec())),
                    }
                }
                Event::NeedInput => break,
                // To continue with what is left is an error, to be seen below.
                Event::End if input.is_empty() => break,
                Event::End => {}
            }
        }
        assert!(input.is_empty(), "what is left is lost");
    }
    decoder.end_of_input()?;
    let header = header.expect("no end before a header");
    Ok(Decoded { header, data })
}
