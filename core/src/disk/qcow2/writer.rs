//! Writes qcow2, version 3: the header, the L1 table, reference counts, the L2 tables, and the
//! clusters with content. Every cluster of the file is used once.

use alloc::boxed::Box;
use core::num::NonZeroU64;

use zerocopy::IntoBytes;
use zerocopy::big_endian::{U32, U64};

use super::{ENTRY, Header2, Header3, MAGIC};
use crate::error::{Error, Result};
use crate::units::len_u64;
use crate::write::disk::{BlockEncoder, BlockFormat, Blocks, Table};
use crate::write::{DiskContent, Encode, Out, Stopped};

/// Of a cluster: 64 KiB, as QEMU's.
const CLUSTER_BITS: u32 = 16;
const CLUSTER: NonZeroU64 = NonZeroU64::new(1 << CLUSTER_BITS).unwrap();
/// Clusters that an L2 table is for.
const L2_ENTRIES: NonZeroU64 = NonZeroU64::new((1 << CLUSTER_BITS) / ENTRY).unwrap();
/// A reference count has 16 bits.
const REFCOUNT_ORDER: u32 = 4;
const COUNTS_PER_BLOCK: u64 = (1 << CLUSTER_BITS) / 2;
/// QEMU takes L1 tables of 32 MiB and tables of reference counts of 8 MiB: both are of 2 PiB.
const MAX_DISK: u64 = 1 << 50;
/// Of an L1 or L2 entry: the reference count is 1.
const COPIED: u64 = 1 << 63;

/// Where the parts of the file are, in clusters.
struct Qcow2Writer {
    l1_size: u64,
    refcount_table: u64,
    refcount_blocks: u64,
    l2_tables: u64,
    first_data: u64,
    end: u64,
}

/// Bytes of the file.
pub(crate) fn size(content: &dyn DiskContent) -> Option<u64> {
    let blocks = Blocks::new(content, CLUSTER).ok()?;
    let writer = Qcow2Writer::new(&blocks);
    Some(writer.end.saturating_mul(CLUSTER.get()))
}

/// An encoder of the disk.
///
/// # Errors
///
/// [`Error::DiskTooLarge`], [`Error::Memory`].
pub(crate) fn encoder(content: &dyn DiskContent) -> Result<Box<dyn Encode + Send>> {
    let blocks = Blocks::new(content, CLUSTER)?;
    let size = blocks.disk().size;
    if size > MAX_DISK {
        return Err(Error::DiskTooLarge {
            format: "qcow2",
            size,
            limit: MAX_DISK,
        });
    }
    Ok(BlockEncoder::boxed(Qcow2Writer::new(&blocks), blocks))
}

impl Qcow2Writer {
    fn new(blocks: &Blocks) -> Self {
        let in_clusters = |entries: u64| entries.saturating_mul(ENTRY).div_ceil(CLUSTER.get());
        let l1_size = blocks.count().div_ceil(L2_ENTRIES.get());
        let l2_tables = len_u64(l2_tables(blocks).count());
        let others = in_clusters(l1_size)
            .saturating_add(l2_tables)
            .saturating_add(blocks.stored())
            .saturating_add(1);
        // Reference counts are of clusters with reference counts as well.
        let (mut nr_blocks, mut nr_table) = (0, 0);
        let end = loop {
            let end = others.saturating_add(nr_blocks).saturating_add(nr_table);
            let needed = end.div_ceil(COUNTS_PER_BLOCK);
            if needed == nr_blocks && in_clusters(needed) == nr_table {
                break end;
            }
            (nr_blocks, nr_table) = (needed, in_clusters(needed));
        };
        let refcount_table = in_clusters(l1_size).saturating_add(1);
        let refcount_blocks = refcount_table.saturating_add(nr_table);
        let l2_start = refcount_blocks.saturating_add(nr_blocks);
        Self {
            l1_size,
            refcount_table,
            refcount_blocks,
            l2_tables: l2_start,
            first_data: l2_start.saturating_add(l2_tables),
            end,
        }
    }

    fn put_header(&self, disk_size: u64, out: &mut dyn Out) -> Result<(), Stopped> {
        let nr_table = self.refcount_blocks.saturating_sub(self.refcount_table);
        // Offset and clusters of the table of reference counts; then snapshots: none.
        let mut rest = [0; 24];
        let offset = offset_of(self.refcount_table).to_be_bytes();
        let fields = offset.into_iter().chain(low_u32(nr_table).to_be_bytes());
        for (byte, field) in rest.iter_mut().zip(fields) {
            *byte = field;
        }
        let header = Header2 {
            magic: *MAGIC,
            version: U32::new(3),
            backing_file_offset: U64::new(0),
            backing_file_size: U32::new(0),
            cluster_bits: U32::new(CLUSTER_BITS),
            size: U64::new(disk_size),
            crypt_method: U32::new(0),
            l1_size: U32::new(low_u32(self.l1_size)),
            l1_table_offset: U64::new(offset_of(1)),
            rest,
        };
        let len = size_of::<Header2>().saturating_add(size_of::<Header3>());
        let of_version_3 = Header3 {
            incompatible_features: U64::new(0),
            compatible_features: U64::new(0),
            autoclear_features: U64::new(0),
            refcount_order: U32::new(REFCOUNT_ORDER),
            header_length: U32::new(low_u32(len_u64(len))),
        };
        let mut table = Table::new(out);
        table.put(header.as_bytes())?;
        table.put(of_version_3.as_bytes())?;
        // Zeros end the list of extensions.
        table.finish(CLUSTER.get(), 0)
    }

    fn put_l1(&self, blocks: &Blocks, out: &mut dyn Out) -> Result<(), Stopped> {
        let mut table = Table::new(out);
        for (index, cluster) in l2_tables(blocks).zip(self.l2_tables..) {
            table.fill_to(index.saturating_mul(ENTRY), 0)?;
            table.put(&(offset_of(cluster) | COPIED).to_be_bytes())?;
        }
        let clusters = self.refcount_table.saturating_sub(1);
        table.finish(offset_of(clusters), 0)
    }

    fn put_refcounts(&self, out: &mut dyn Out) -> Result<(), Stopped> {
        let mut table = Table::new(&mut *out);
        for cluster in self.refcount_blocks..self.l2_tables {
            table.put(&offset_of(cluster).to_be_bytes())?;
        }
        let nr_table = self.refcount_blocks.saturating_sub(self.refcount_table);
        table.finish(offset_of(nr_table), 0)?;

        let mut counts = Table::new(out);
        for _ in 0..self.end {
            counts.put(&1_u16.to_be_bytes())?;
        }
        let nr_blocks = self.l2_tables.saturating_sub(self.refcount_blocks);
        counts.finish(offset_of(nr_blocks), 0)
    }

    fn put_l2(&self, blocks: &Blocks, out: &mut dyn Out) -> Result<(), Stopped> {
        let mut table = Table::new(out);
        let (mut current, mut start) = (None, 0_u64);
        for (number, cluster) in blocks.numbers().zip(self.first_data..) {
            let (index, within) = (number / L2_ENTRIES, number % L2_ENTRIES);
            if current.is_some_and(|current| current != index) {
                start = start.saturating_add(CLUSTER.get());
            }
            current = Some(index);
            table.fill_to(start.saturating_add(within.saturating_mul(ENTRY)), 0)?;
            table.put(&(offset_of(cluster) | COPIED).to_be_bytes())?;
        }
        let clusters = self.first_data.saturating_sub(self.l2_tables);
        table.finish(offset_of(clusters), 0)
    }
}

impl BlockFormat for Qcow2Writer {
    fn begin(&self, blocks: &Blocks, out: &mut dyn Out) -> Result<(), Stopped> {
        self.put_header(blocks.disk().size, out)?;
        self.put_l1(blocks, out)?;
        self.put_refcounts(out)?;
        self.put_l2(blocks, out)
    }
}

/// The indexes in the L1 table of the L2 tables that are needed, in order.
fn l2_tables(blocks: &Blocks) -> impl Iterator<Item = u64> {
    let mut last = None;
    blocks.numbers().filter_map(move |number| {
        let index = number / L2_ENTRIES;
        let is_new = last != Some(index);
        last = Some(index);
        is_new.then_some(index)
    })
}

/// Offset of a cluster, in bytes of the file.
fn offset_of(cluster: u64) -> u64 {
    cluster.saturating_mul(CLUSTER.get())
}

/// Sizes of a disk within [`MAX_DISK`] fit.
fn low_u32(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
