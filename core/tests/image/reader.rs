//! The volume in an image, read at any place.

use core::cell::RefCell;

use ntfsclone_core::Error;
use ntfsclone_core::image::{Index, Reader};
use ntfsclone_core::io::{IoError, ReadAt, absent_in};
use ntfsclone_core::units::Lcn;
use proptest::prelude::*;

use crate::decoded::{ByHand, Fields, SMALL, decode_whole};
use crate::indexes::any_jumps;

/// An image that keeps the ranges that are read of it.
struct Watched<'a> {
    image: &'a [u8],
    reads: RefCell<Vec<(u64, usize)>>,
}

impl ReadAt for Watched<'_> {
    fn size(&self) -> u64 {
        self.image.size()
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        self.reads.borrow_mut().push((offset, buf.len()));
        self.image.read_exact_at(offset, buf)
    }
}

fn reader(image: &[u8]) -> Reader<Watched<'_>> {
    let index = Index::scan(image, |_| {}).unwrap();
    let reads = RefCell::default();
    Reader::new(Watched { image, reads }, index)
}

/// What reading `len` bytes from `offset` reads of the image.
fn reads(reader: &Reader<Watched<'_>>, offset: u64, len: usize) -> Vec<(u64, usize)> {
    reader.read_exact_at(offset, &mut vec![0; len]).unwrap();
    reader.source().reads.take()
}

/// Clusters 1 and 3 of [`SMALL`], and its tail.
fn image() -> Vec<u8> {
    let image = ByHand::current(SMALL, 56).gap(1).next(1, 256).gap(1);
    image.next(2, 256).next(9, 100).bytes
}

#[test]
fn small_reads_read_little() {
    let image = image();
    let reader = reader(&image);
    let (first, second) = (56 + 9, 56 + 9 + 257 + 9);
    let tail = second + 257;
    assert_eq!(reads(&reader, 0, 256), []);
    assert_eq!(reads(&reader, 256, 10), [(first, 1), (first + 1, 10)]);
    assert_eq!(reads(&reader, 300, 10), [(first, 1), (first + 45, 10)]);
    assert_eq!(reads(&reader, 500, 100), [(first, 1), (first + 245, 12)]);
    assert_eq!(reads(&reader, 256, 256), [(first, 257)]);
    let end = [(second, 257), (tail, 1), (tail + 1, 100)];
    assert_eq!(reads(&reader, 512, 612), end);
    assert_eq!(reads(&reader, 1030, 94), [(tail, 1), (tail + 7, 94)]);
    assert_eq!(reads(&reader, 1124, 0), []);
}

#[test]
fn large_reads_read_large_pieces() {
    let clusters = 20_000;
    let fields = Fields {
        device_size: clusters * 256 + 1,
        nr_clusters: clusters,
        ..SMALL
    };
    let mut image = ByHand::current(fields, 56);
    for lcn in 0..clusters {
        image = image.next(lcn as u8, 256);
    }
    let image = image.next(9, 1).bytes;
    let reader = reader(&image);
    let reads = reads(&reader, 100, clusters as usize * 256 - 200);
    let (at_once, stride) = ((1 << 20) / 257, 257);
    assert_eq!(reads[..2], [(56, 1), (56 + 101, 156)]);
    for (read, &(offset, len)) in reads[2..6].iter().enumerate() {
        assert_eq!(offset, 56 + stride * (1 + at_once * read as u64));
        assert_eq!(len as u64, stride * at_once);
    }
    let last = 56 + (clusters - 1) * stride;
    assert_eq!(reads[reads.len() - 2..], [(last, 1), (last + 1, 156)]);
    assert_eq!(reads.len(), 2 + 5 + 2);
}

#[test]
fn past_the_end() {
    let image = image();
    let reader = reader(&image);
    assert_eq!(reader.size(), 1124);
    for (offset, len) in [(1124, 1), (0, 1125), (1125, 0), (u64::MAX, 1)] {
        let read = reader.read_exact_at(offset, &mut vec![0; len]);
        assert!(read.is_err(), "{offset} {len}");
    }
    let old = Fields {
        version: (3, 1),
        ..SMALL
    };
    let old = ByHand::old(old, true).next(1, 256).gap(3).bytes;
    let size = Reader::new(&*old, Index::scan(&*old, |_| {}).unwrap()).size();
    assert_eq!(size, 1024, "an old image has no tail");
}

#[test]
fn damaged_commands() {
    let image = image();
    let commands = [56 + 9, 56 + 9 + 257 + 9, 56 + 9 + 257 + 9 + 257];
    for (command, lcn) in commands.into_iter().zip([1, 3, 4]) {
        let index = Index::scan(&*image, |_| {}).unwrap();
        let mut damaged = image.clone();
        damaged[command] = 2;
        let reader = Reader::new(&*damaged, index);
        for (offset, len) in [(lcn * 256, 1), (lcn * 256 + 99, 1), (0, 1124)] {
            let read = reader.read_exact_at(offset, &mut vec![0; len]);
            let error = read.unwrap_err();
            match error.downcast_ref() {
                Some(Error::Corrupt { offset, found, .. }) => {
                    assert_eq!((*offset, *found), (command as u64, 2));
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

proptest! {
    #[test]
    fn reads_what_a_restore_leaves(
        image in any_jumps(),
        ranges in prop::collection::vec((0_usize..5300, 0_usize..5300), 1..20),
    ) {
        let decoded = decode_whole(&image).unwrap();
        let device = decoded.device();
        let reader = reader(&image);
        prop_assert_eq!(reader.size(), device.len() as u64);
        for (start, len) in ranges {
            let start = start.min(device.len());
            let end = (start + len).min(device.len());
            let mut buf = vec![0xEE; end - start];
            reader.read_exact_at(start as u64, &mut buf).unwrap();
            prop_assert!(buf == device[start..end], "{} to {}", start, end);
        }
        for lcn in 0..decoded.header().nr_clusters {
            let stored = decoded.data.iter().any(|(offset, bytes)| {
                (*offset..*offset + bytes.len() as u64).contains(&(lcn * 256))
            });
            prop_assert_eq!(reader.is_stored(Lcn(lcn)), stored);
            let cluster = lcn * 256..(lcn + 1) * 256;
            let absent: Result<Vec<_>, _> = absent_in(&reader, cluster.clone()).collect();
            let expected = if stored { Vec::new() } else { vec![cluster] };
            prop_assert_eq!(absent.unwrap(), expected);
        }
    }
}
