//! `ntfsclone-core` for JavaScript: types, errors and sources, no logic of its
//! own.

use ntfsclone_core::image::ntfsclone::{Decoder, Event};
use wasm_bindgen::prelude::wasm_bindgen;

/// The size in bytes of the volume in an ntfsclone image, told by the image's
/// first bytes; nothing if they are not those of an image.
#[wasm_bindgen(js_name = volumeSize)]
pub fn volume_size(start_of_image: &[u8]) -> Option<u64> {
    let mut input = start_of_image;
    match Decoder::new().next(&mut input) {
        Ok(Event::Header(header)) => Some(header.nr_clusters * u64::from(header.cluster_size)),
        _ => None,
    }
}
