//! An image of 500 GB, made up as it is read: how little of it opening it
//! reads.

use core::cell::Cell;

use ntfs_volume_builder::{self as build, VolumeBuilder, attribute_type};
use ntfsclone_core::discovery::Discovery;
use ntfsclone_core::image::ntfsclone::Header;
use ntfsclone_core::image::{Index, Reader};
use ntfsclone_core::io::{IoError, ReadAt};
use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::units::{Extent, Lcn};

const CLUSTER: u64 = 4096;
const CLUSTERS: u64 = 140_000_000;
const BITMAP_BYTES: u64 = CLUSTERS / 8;

/// Where Windows puts `$MFT`, and `$Bitmap` right before it.
const MFT: u64 = 786_432;
const BITMAP: u64 = MFT - BITMAP_BYTES.div_ceil(CLUSTER);

/// The image: its clusters with where the command of the first of a run is.
struct Giant {
    boot: Vec<u8>,
    mft: Vec<u8>,
    bitmap: Vec<u8>,
    runs: Vec<(u64, Extent)>,
    /// Of the tail's command.
    tail: u64,
    /// How many reads, and how many bytes.
    reads: Cell<u64>,
    bytes: Cell<u64>,
}

impl Giant {
    fn new() -> Self {
        let mut built = VolumeBuilder::new().build();
        let mft = built.runs(0, attribute_type::DATA, "")[0];
        let bitmap_clusters = BITMAP_BYTES.div_ceil(CLUSTER);
        move_data(&mut built, 0, MFT, mft.length, mft.length * CLUSTER);
        move_data(&mut built, 6, BITMAP, bitmap_clusters, BITMAP_BYTES);
        let mut boot = built.bytes[..CLUSTER as usize].to_vec();
        boot[0x28..0x30].copy_from_slice(&(CLUSTERS * CLUSTER / 512).to_le_bytes());
        boot[0x30..0x38].copy_from_slice(&MFT.to_le_bytes());

        let used = used(mft.length);
        let mut bitmap = vec![0; BITMAP_BYTES as usize];
        let mut runs = Vec::new();
        let (mut offset, mut position) = (56, 0);
        for extent in &used {
            offset += if extent.start.0 == position { 0 } else { 9 };
            runs.push((offset, *extent));
            offset += extent.len * (CLUSTER + 1);
            position = extent.end().0;
            set_bits(&mut bitmap, extent);
        }
        offset += if CLUSTERS == position { 0 } else { 9 };
        Self {
            boot,
            mft: built.bytes[(mft.lcn.unwrap() * CLUSTER) as usize..]
                [..(mft.length * CLUSTER) as usize]
                .to_vec(),
            bitmap,
            runs,
            tail: offset,
            reads: Cell::new(0),
            bytes: Cell::new(0),
        }
    }

    fn header(&self) -> Header {
        let inuse = self.runs.iter().map(|(_, extent)| extent.len).sum();
        Header::new(4096, CLUSTERS * CLUSTER + 512, CLUSTERS, inuse)
    }

    /// What stands in the image from `offset` on, as far as it is of one kind.
    fn piece(&self, offset: u64, buf: &mut [u8]) -> usize {
        let from = |bytes: &[u8], skipped: u64, buf: &mut [u8]| {
            let bytes = &bytes[skipped as usize..];
            let len = bytes.len().min(buf.len());
            buf[..len].copy_from_slice(&bytes[..len]);
            len
        };
        if offset < 56 {
            return from(&self.header().to_bytes(), offset, buf);
        }
        let after = self.runs.partition_point(|(start, _)| *start <= offset);
        let (start, extent) = self.runs[after - 1];
        let (index, within) = (
            (offset - start) / (CLUSTER + 1),
            (offset - start) % (CLUSTER + 1),
        );
        if index < extent.len {
            return match within {
                0 => from(&[1], 0, buf),
                within => from(&self.cluster(extent.start.0 + index), within - 1, buf),
            };
        }
        let end = start + extent.len * (CLUSTER + 1);
        let next = self.runs.get(after).map_or(CLUSTERS, |run| run.1.start.0);
        let mut rest = vec![0];
        rest.extend((next - extent.end().0).to_le_bytes());
        if next == CLUSTERS {
            rest.push(1);
            rest.extend([9; 512]);
        }
        from(&rest, offset - end, buf)
    }

    fn cluster(&self, lcn: u64) -> Vec<u8> {
        let part = |bytes: &[u8], first: u64| {
            let start = ((lcn - first) * CLUSTER) as usize;
            let end = bytes.len().min(start + CLUSTER as usize);
            let mut cluster = bytes[start..end].to_vec();
            cluster.resize(CLUSTER as usize, 0);
            cluster
        };
        let mft_end = MFT + self.mft.len() as u64 / CLUSTER;
        match lcn {
            0 => self.boot.clone(),
            BITMAP..MFT => part(&self.bitmap, BITMAP),
            MFT.. if lcn < mft_end => part(&self.mft, MFT),
            // Some have the byte of a command everywhere.
            _ if lcn % 64 < 4 => vec![1; CLUSTER as usize],
            _ => vec![lcn as u8; CLUSTER as usize],
        }
    }
}

impl ReadAt for Giant {
    fn size(&self) -> u64 {
        self.tail + 1 + 512
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        if offset + buf.len() as u64 > self.size() {
            return Err(IoError::end_of_input());
        }
        self.reads.set(self.reads.get() + 1);
        self.bytes.set(self.bytes.get() + buf.len() as u64);
        let mut done = 0;
        while done < buf.len() {
            done += self.piece(offset + done as u64, &mut buf[done..]);
        }
        Ok(())
    }
}

/// Many small runs before `$MFT`, as on a volume in use for years, and large
/// ones after it: about 500 GB.
fn used(mft_clusters: u64) -> Vec<Extent> {
    let mut random = 1_u64;
    let mut next = |below: u64| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        1 + (random >> 33) % below
    };
    let mut used = vec![Extent::new(Lcn(0), 2)];
    let mut position = 2;
    loop {
        let start = position + next(30);
        let len = next(150);
        if start + len >= BITMAP {
            break;
        }
        used.push(Extent::new(Lcn(start), len));
        position = start + len;
    }
    used.push(Extent::new(Lcn(BITMAP), MFT - BITMAP + mft_clusters));
    position = MFT + mft_clusters;
    loop {
        let start = position + next(10_000);
        let len = next(80_000);
        if start + len >= CLUSTERS {
            return used;
        }
        used.push(Extent::new(Lcn(start), len));
        position = start + len;
    }
}

fn set_bits(bitmap: &mut [u8], extent: &Extent) {
    for lcn in extent.start.0..extent.end().0 {
        bitmap[(lcn / 8) as usize] |= 1 << (lcn % 8);
    }
}

/// Makes the record's unnamed data one run of `clusters` clusters at `lcn`.
fn move_data(built: &mut build::Volume, number: u64, lcn: u64, clusters: u64, size: u64) {
    let at = built.attribute_offset(number, attribute_type::DATA, "");
    let at = at.unwrap();
    built.patch_record(number, |record| {
        let mut put = |offset: usize, bytes: &[u8]| {
            record[at + offset..][..bytes.len()].copy_from_slice(bytes);
        };
        put(0x18, &(clusters - 1).to_le_bytes());
        put(0x28, &(clusters * CLUSTER).to_le_bytes());
        put(0x30, &size.to_le_bytes());
        put(0x38, &size.to_le_bytes());
        let [c0, c1, ..] = clusters.to_le_bytes();
        let [l0, l1, l2, ..] = lcn.to_le_bytes();
        put(0x40, &[0x32, c0, c1, l0, l1, l2, 0]);
    });
}

#[test]
fn is_opened_in_no_time() {
    let giant = Giant::new();
    assert!(giant.size() > 400 << 30, "{} bytes", giant.size());
    let index = match Index::discover(&giant).unwrap() {
        Discovery::Found(index) => index,
        Discovery::Declined(error) => panic!("declined: {error}"),
    };
    let found: Vec<_> = index
        .runs()
        .iter()
        .map(|run| (run.offset, run.extent))
        .collect();
    assert!(found == giant.runs);

    let beside_bitmap = giant.bytes.get() - BITMAP_BYTES;
    assert!(beside_bitmap < 2 << 20, "{beside_bitmap} bytes");
    // Some a run before $MFT, and some for a spot check.
    let reads = giant.reads.get();
    let runs_before = giant.runs.partition_point(|run| run.1.start.0 < MFT) as u64;
    assert!(reads < runs_before * 40, "{reads} reads");

    let reader = Reader::new(&giant, index);
    let volume = Volume::open(&reader).unwrap();
    assert_eq!(volume.geometry().nr_clusters(), CLUSTERS);
    let last = giant.runs.last().unwrap().1.end().0 - 1;
    let mut cluster = vec![0; CLUSTER as usize];
    reader.read_exact_at(last * CLUSTER, &mut cluster).unwrap();
    assert_eq!(cluster, giant.cluster(last));
}
