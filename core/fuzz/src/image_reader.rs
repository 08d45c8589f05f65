//! Images that are read at any place.

use std::collections::BTreeMap;

use ntfsclone_core::Result;
use ntfsclone_core::discovery::Discovery;
use ntfsclone_core::image::ntfsclone::{Decoder, Event};
use ntfsclone_core::image::{Index, IndexBuilder, Reader};
use ntfsclone_core::io::{IoError, ReadAt};
use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::units::Lcn;

/// Places that [`Index::spot_check`] looks at: of fewer gaps, all are seen.
const PLACES: usize = 256;

/// An image. What is read of it by an index is what a decoder gives, and an
/// index that is found by way of `$Bitmap` is that of a scan.
pub fn image_reader(image: &[u8]) {
    let scanned = Index::scan(image, |_| {});
    // What follows the end is no damage to an index.
    let end = scanned.as_ref().map_or(image.len(), |index| {
        usize::try_from(index.stream_size()).expect("within the image")
    });
    let clusters = decode(&image[..end]);
    assert_eq!(scanned.is_ok(), clusters.is_ok());

    if let Ok(Discovery::Found(found)) = Index::discover(image) {
        match &scanned {
            Ok(scanned) => assert!(&found == scanned || found.runs().len() >= PLACES),
            Err(_) if found.runs().len() >= PLACES => {}
            Err(error) => {
                let read = read_stored(&Reader::new(image, found), |_, _| {});
                assert!(read.is_err(), "read in spite of {error}");
            }
        }
    }
    let (Ok(index), Ok(mut clusters)) = (scanned, clusters) else {
        return;
    };
    assert_eq!(rebuilt(&index).expect("it was built before"), index);
    index.spot_check(image).expect("it has these commands");

    let reader = Reader::new(image, index);
    read_stored(&reader, |lcn, bytes| {
        assert!(reader.is_stored(Lcn(lcn)) || lcn == reader.index().header().nr_clusters);
        let decoded = clusters.remove(&lcn).expect("a cluster of the image");
        assert!(decoded == bytes, "cluster {lcn}");
    })
    .expect("it was decoded");
    assert!(clusters.is_empty(), "clusters are missing");
    let _ = Volume::open(&reader);
}

/// The clusters and the tail; of one that comes twice, the later.
fn decode(image: &[u8]) -> Result<BTreeMap<u64, Vec<u8>>> {
    let mut clusters: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
    let mut cluster_size = 0;
    let mut decoder = Decoder::new();
    let mut input = image;
    loop {
        match decoder.next(&mut input)? {
            Event::Header(header) => cluster_size = u64::from(header.cluster_size),
            Event::Data { offset, bytes } => {
                let cluster = clusters.entry(offset / cluster_size).or_default();
                if offset % cluster_size == 0 {
                    cluster.clear();
                }
                cluster.extend(bytes);
            }
            Event::NeedInput => decoder.end_of_input()?,
            Event::End => return Ok(clusters),
        }
    }
}

fn rebuilt(index: &Index) -> Result<Index> {
    let mut builder = IndexBuilder::new(*index.header());
    for (gap, clusters) in index.commands() {
        if gap != 0 {
            builder.gap(gap)?;
        }
        builder.clusters(clusters)?;
    }
    builder.finish()
}

/// Reads all that is stored, each run with what is around it, and `visit`s the
/// clusters and the tail, if it has bytes.
fn read_stored(reader: &Reader<&[u8]>, mut visit: impl FnMut(u64, &[u8])) -> Result<(), IoError> {
    let header = reader.index().header();
    let cluster_size = u64::from(header.cluster_size);
    let volume = header.nr_clusters * cluster_size;
    let mut ranges: Vec<(u64, u64)> = reader
        .index()
        .extents()
        .map(|extent| (extent.start.0 * cluster_size, extent.end().0 * cluster_size))
        .collect();
    ranges.push((volume, reader.size()));
    for (start, end) in ranges {
        let around = start.saturating_sub(100);
        let mut bytes = vec![0xEE; usize::try_from(end - around).expect("as in the image")];
        reader.read_exact_at(around, &mut bytes)?;
        let bytes = &bytes[usize::try_from(start - around).expect("at most 100")..];
        for (lcn, cluster) in
            (start / cluster_size..).zip(bytes.chunks(header.cluster_size as usize))
        {
            let mut middle = [0; 3];
            let at = cluster.len() / 2;
            let len = middle.len().min(cluster.len() - at);
            reader.read_exact_at(lcn * cluster_size + at as u64, &mut middle[..len])?;
            assert!(cluster[at..].starts_with(&middle[..len]), "read otherwise");
            visit(lcn, cluster);
        }
    }
    Ok(())
}
