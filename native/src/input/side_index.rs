//! Random access in a file that is compressed as a whole, by an index that is made once: the format is
//! in `docs/side-index.md`.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;

use ntfsclone_core::io::{ReadAt, Source};
use ntfsclone_core::open::{Layer, Nesting};
use ntfsclone_core::stream::seek::{IndexedReader, SeekIndex, identity_of};
use ntfsclone_core::stream::{Compression, Limits};

use super::compression::memory_limit;
use super::index_store::IndexStore;
use super::seek_points;
use super::shared_decoder::SharedDecoder;
use super::virtual_disk::open_disk;
use super::{Files, OpenInput, OpenOptions, Recognised, Sums, Unnamed, Wanted};
use crate::device;
use crate::error::Result;
use crate::host::progress::{Phase, Progress};
use crate::options::{self, IndexPlace, Indexing};
use crate::report::Reports;

/// Compressed bytes from which on an index is made. Less is decompressed in a second.
const LEAST_BYTES: u64 = 16 << 20;

/// What was opened as a stream, to be read at any place; `None` if there is no index of its kind.
///
/// # Errors
///
/// What is in it cannot be opened.
pub fn open_indexed(input: &Recognised, reports: Reports) -> Result<Option<OpenInput>> {
    let is_compression = |layer: &Layer| matches!(layer, Layer::Compressed(_));
    let mut layers = input.layers.iter().cloned();
    let outer: Vec<Layer> = layers
        .by_ref()
        .take_while(|layer| !is_compression(layer))
        .collect();
    let inner: Vec<Layer> = layers.collect();
    let compression = input.layers.iter().find_map(|layer| match layer {
        Layer::Compressed(compression) => Some(*compression),
        _ => None,
    });
    let (Some(compression), Some(files)) = (compression, &input.files) else {
        return Ok(None);
    };
    // Its checksums are compared while it is read from start to end.
    if inner.iter().any(is_compression) || input.sums.is_some() {
        return Ok(None);
    }
    let source = indexed(&input.name, files, compression, &input.indexing, reports)?;
    let Some(source) = source else {
        return Ok(None);
    };
    let partition = inner.iter().find_map(|layer| match layer {
        Layer::Partition(number) => Some(*number),
        _ => None,
    });
    let mut nesting = Nesting::new(outer, partition);
    nesting.pass(Layer::Compressed(compression));
    let input = Recognised {
        container: None,
        ..input.clone()
    };
    let opening = OpenOptions {
        wanted: Wanted::Volume,
        rescue: None,
        sums: Sums::Ignore,
        unnamed: Unnamed::Refuse,
    };
    open_disk(input, source, nesting, opening).map(Some)
}

/// The content of `files` at any place, by an index that is kept or made now. `None` if there is no
/// index of this format, for small files, and for what is damaged.
///
/// # Errors
///
/// The index would take the place of another file.
pub fn indexed(
    name: &Path,
    files: &Arc<Files>,
    compression: Compression,
    indexing: &Indexing,
    reports: Reports,
) -> Result<Option<Source>> {
    let is_small = files.size() < LEAST_BYTES && indexing.place == IndexPlace::Cache;
    if !seek_points::can_index(compression) || is_small || files.is_block_device() {
        return Ok(None);
    }
    let Ok(identity) = identity_of(&**files) else {
        return Ok(None);
    };
    let store = IndexStore::new(files, &identity, &indexing.place)?;
    let reader_by = |index: SeekIndex| {
        let is_of_files = index.identity() == identity
            && index.compression() == compression
            && index.compressed_size() == files.size();
        let limits = Limits {
            memory: memory_limit(device::usable_memory()),
            threads: 0,
        };
        let compressed = Arc::clone(files) as Source;
        is_of_files.then(|| IndexedReader::new(compressed, index, limits))
    };
    let kept = store.find(|index| reader_by(index).filter(IndexedReader::is_sound));
    if let Some(kept) = kept {
        return Ok(Some(shared(kept)));
    }
    if indexing.needs_existing {
        return Ok(None);
    }
    reports.line(format_args!(
        "Making an index of {}, with which it can be read here and there",
        name.display()
    ));
    // As for other long work: whoever looks at a terminal sees how far it is.
    let shown = match std::io::stderr().is_terminal() {
        true => options::Progress::Bar,
        false => options::Progress::None,
    };
    let mut progress = Progress::start(shown, Phase::Index, files.size());
    let made = seek_points::index_of(files, compression, identity, &mut progress);
    let Some(file) = made else {
        return Ok(None);
    };
    progress.finish();
    // What was decoded while it changed is of neither state.
    files.check_unchanged()?;
    store.keep(&file);
    let index = SeekIndex::open(Arc::new(Arc::<[u8]>::from(file))).ok();
    Ok(index.and_then(reader_by).map(shared))
}

/// What several threads read is decoded once.
fn shared(reader: IndexedReader) -> Source {
    Arc::new(SharedDecoder::new(reader))
}
