//! Reading an input once more.

use std::io;

use ntfsclone_core::open::{Layer, Nesting};

use super::seekable::open_seekable;
use super::stream::open_stream;
use super::{Bytes, FilesReader, OpenInput, OpenOptions, Recognised, Sums, Unnamed, Wanted};
use crate::error::{Error, Result};

/// Opens what was opened before, from its start. Checksums are compared once.
pub fn open_again(mut input: Recognised, partition: Option<u32>) -> Result<OpenInput> {
    input.sums = None;
    if let Some(disk) = input.disk.clone() {
        let bytes = Bytes::Disk(disk);
        return Ok(OpenInput { input, bytes });
    }
    match input.files.clone() {
        Some(files) if input.layers.contains(&Layer::Seekable) => {
            match open_seekable(&input.name, &files) {
                Some((_, seekable)) => Ok(OpenInput {
                    input,
                    bytes: Bytes::Seekable(seekable),
                }),
                None => Err(Error::io(
                    "go back in",
                    &input.name,
                    io::ErrorKind::InvalidData.into(),
                )),
            }
        }
        Some(files) if input.is_compressed() => {
            let layers = input.layers.iter().cloned();
            let outer: Vec<Layer> = layers
                .take_while(|layer| !matches!(layer, Layer::Compressed(_)))
                .collect();
            let is_partition = |layer: &Layer| matches!(layer, Layer::Partition(_));
            let partition = partition.filter(|_| !outer.iter().any(is_partition));
            let nesting = Nesting::new(outer, partition);
            let opening = OpenOptions {
                wanted: Wanted::Image,
                rescue: None,
                sums: Sums::Ignore,
                unnamed: Unnamed::Refuse,
            };
            open_stream(input, Box::new(FilesReader::new(files)), nesting, opening)
        }
        Some(files) => Ok(OpenInput {
            input,
            bytes: Bytes::Random(files),
        }),
        None => Err(Error::io(
            "go back in",
            &input.name,
            io::ErrorKind::NotSeekable.into(),
        )),
    }
}
