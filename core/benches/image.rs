//! Images, written and read: how long it takes.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::unwrap_used,
    missing_docs,
    reason = "a bench may panic"
)]

use divan::Bencher;
use divan::counter::BytesCount;
use ntfsclone_core::image::ntfsclone::{Decoder, Event, Header};
use ntfsclone_core::write::{Encode, NtfscloneEncoder};

const CLUSTERS: u64 = 2048;
/// How many clusters lie side by side.
const RUNS: [u64; 2] = [1, 256];

fn main() {
    divan::main();
}

#[divan::bench(args = RUNS)]
fn encode(bencher: Bencher<'_, '_>, run: u64) {
    let header = header();
    let data = vec![0xA5; (run * u64::from(header.cluster_size)) as usize];
    let mut image = Vec::new();
    bencher
        .counter(bytes(&header))
        .bench_local(|| encode_into(&mut image, &header, run, divan::black_box(&data)));
}

#[divan::bench(args = RUNS)]
fn decode(bencher: Bencher<'_, '_>, run: u64) {
    let header = header();
    let data = vec![0xA5; (run * u64::from(header.cluster_size)) as usize];
    let mut image = Vec::new();
    encode_into(&mut image, &header, run, &data);
    bencher.counter(bytes(&header)).bench_local(|| {
        let mut decoder = Decoder::new();
        let mut input = divan::black_box(image.as_slice());
        loop {
            match decoder.next(&mut input).unwrap() {
                Event::Data { bytes, .. } => divan::black_box_drop(bytes),
                Event::NeedInput | Event::End => break,
                Event::Header(_) => {}
            }
        }
    });
}

/// Runs of clusters with a free one between them.
fn encode_into(image: &mut Vec<u8>, header: &Header, run: u64, data: &[u8]) {
    image.clear();
    let mut encoder = NtfscloneEncoder::new(header);
    for start in (0..CLUSTERS).step_by(run as usize) {
        let offset = (start + start / run) * u64::from(header.cluster_size);
        encoder.data(offset, data, image).unwrap();
    }
    encoder.finish(image).unwrap();
}

fn header() -> Header {
    let cluster_size = 4096;
    let nr_clusters = 2 * CLUSTERS;
    let device_size = nr_clusters * u64::from(cluster_size);
    Header::new(cluster_size, device_size, nr_clusters, CLUSTERS)
}

fn bytes(header: &Header) -> BytesCount {
    BytesCount::new(CLUSTERS * u64::from(header.cluster_size))
}
