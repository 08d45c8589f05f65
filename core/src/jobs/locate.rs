//! Locating the volume inside an image, by reading all of it if there is no index yet.

use super::Failure;
use super::job::Co;
use super::opened::{Opened, at_full_length};
use super::scan::scan;
use crate::image::Indexer;
use crate::open::Inside;

/// Returns the volume; reads all of an image first if its index is unknown.
pub(super) async fn locate(co: &Co, opened: &Opened) -> Result<Inside, Failure> {
    if let Some(inside) = opened.located() {
        return match opened.before_damage {
            true => co.read(|| at_full_length(inside)).await,
            false => Ok(inside.clone()),
        };
    }
    let mut indexer = Indexer::new();
    let (index, place) = match scan(co, &opened.bytes, &mut indexer).await {
        Ok(()) => (indexer.finish()?, &opened.scanned.whole),
        Err(Failure::Error(error)) if opened.before_damage && error.is_damage() => {
            // Damage before the end of the header leaves nothing to index.
            let index = indexer.cut()?.ok_or(error)?;
            (index, &opened.scanned.before_damage)
        }
        Err(failure) => return Err(failure),
    };
    let inside = Inside::of_image(opened.bytes.clone(), index);
    // Another job may have located it meanwhile.
    Ok(place.get_or_init(|| inside).clone())
}
