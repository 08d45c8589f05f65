//! Reads the volume in an image at any position, by its index.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::index::{Index, Run, locate, stride};
use super::ntfsclone::{COMMAND_NEXT, Header, corrupt};
use crate::error::Error;
use crate::io::{ByteExtent, IoError, ReadAt};
use crate::units::{Extent, Lcn, len_u64, len_usize};

/// Bytes of the image that are read at once, if they hold a whole cluster.
const CHUNK_BYTES: u64 = 1 << 20;

/// The volume in an image, as if it were restored: clusters that are not
/// stored read as zeros.
///
/// Where it reads, the command before each cluster is checked: a mismatch is
/// an [`IoError`] of [`crate::Error::Corrupt`] with the byte position in the image.
#[derive(Debug, Clone)]
pub struct Reader<S> {
    source: S,
    index: Arc<Index>,
    checks_commands: bool,
}

impl<S: ReadAt> Reader<S> {
    /// Reads the image `source`, uncompressed, by its index.
    pub fn new(source: S, index: impl Into<Arc<Index>>) -> Self {
        Self {
            source,
            index: index.into(),
            checks_commands: true,
        }
    }

    /// Like [`Reader::new`], for a damaged image: no command is checked.
    pub fn of_damaged(source: S, index: impl Into<Arc<Index>>) -> Self {
        Self {
            checks_commands: false,
            ..Self::new(source, index)
        }
    }

    /// The image.
    pub fn source(&self) -> &S {
        &self.source
    }

    /// Where the clusters lie in it.
    pub fn index(&self) -> &Index {
        &self.index
    }

    fn stored(&self) -> Stored<'_, S> {
        Stored {
            source: &self.source,
            header: self.index.header(),
            runs: self.index.runs(),
            tail: self.index.tail(),
            checks_commands: self.checks_commands,
            lost_from: self.index.lost_from(),
        }
    }

    /// Whether cluster `lcn` is in the image.
    pub fn is_stored(&self, lcn: Lcn) -> bool {
        self.index.locate(lcn).is_some()
    }
}

impl<S: ReadAt> ReadAt for Reader<S> {
    /// The clusters of the volume and, if the image has it, the tail.
    fn size(&self) -> u64 {
        self.index.restored_size()
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        self.stored().read_exact_at(offset, buf)
    }

    /// Clusters that are not stored are absent.
    fn extent_at(&self, offset: u64) -> Result<ByteExtent, IoError> {
        let left = self.size().saturating_sub(offset);
        Ok(match self.stored().run_at(offset) {
            (Some(_), len) => ByteExtent::Data { len: len.min(left) },
            // A lost tail has no end.
            (None, 0) => ByteExtent::Absent { len: left },
            (None, len) => ByteExtent::Absent { len: len.min(left) },
        })
    }

    fn stored_at(&self, offset: u64) -> Option<u64> {
        self.index.stored_at(offset)
    }
}

/// Bytes of a volume that is restored to a file.
pub(super) fn restored_size(header: &Header) -> u64 {
    let tail = match header.has_tail() {
        true => header.tail_size(),
        false => 0,
    };
    header
        .nr_clusters
        .saturating_mul(header.cluster_size.into())
        .saturating_add(tail)
}

/// Where the clusters lie in an image, as far as that is known.
pub(super) struct Stored<'a, S: ?Sized> {
    pub(super) source: &'a S,
    pub(super) header: &'a Header,
    /// In LCN order.
    pub(super) runs: &'a [Run],
    /// Where the command of the tail lies.
    pub(super) tail: Option<u64>,
    /// Whether the command before each cluster must be one.
    pub(super) checks_commands: bool,
    /// See [`Index::lost_from`].
    pub(super) lost_from: Option<Lcn>,
}

impl<S: ReadAt + ?Sized> Stored<'_, S> {
    /// As [`ReadAt::read_exact_at`], of the volume.
    pub(super) fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        let end = offset.checked_add(len_u64(buf.len()));
        if end.is_none_or(|end| end > restored_size(self.header)) {
            return Err(IoError::end_of_input());
        }
        let mut scratch = Vec::new();
        let (mut position, mut left) = (offset, buf);
        while !left.is_empty() {
            let (lcn, within) = self.cluster_at(position);
            let (run, there) = self.run_at(position);
            let (piece, rest) = left.split_at_mut(left.len().min(len_usize(there)));
            position = position.saturating_add(len_u64(piece.len()));
            left = rest;
            match run {
                Some(run) => self.read_run(run, within, piece, &mut scratch)?,
                None => {
                    // The clusters that are not stored, up to the next one that is.
                    let last = self.cluster_at(position.saturating_sub(1)).0.max(lcn);
                    if let Some(lost) = self.lost_from.filter(|lost| *lost <= last) {
                        let offset = self.bytes(lost.max(lcn).0);
                        return Err(IoError::new(Error::Lost { offset }));
                    }
                    piece.fill(0);
                }
            }
        }
        Ok(())
    }

    /// The run that holds a byte, `None` if it is not stored, and how many bytes
    /// from there on are alike.
    fn run_at(&self, position: u64) -> (Option<Run>, u64) {
        let (lcn, within) = self.cluster_at(position);
        let run = match lcn.0 < self.header.nr_clusters {
            true => locate(self.header, self.runs, lcn),
            false => self.tail_run(lcn),
        };
        let clusters = match run {
            Some(run) => run.extent.len,
            None => self.next_stored(lcn).saturating_sub(lcn.0),
        };
        (run, self.bytes(clusters).saturating_sub(within))
    }

    /// Fills `buf` from byte `within` of the first cluster of `run` on.
    fn read_run(
        &self,
        run: Run,
        within: u64,
        buf: &mut [u8],
        scratch: &mut Vec<u8>,
    ) -> Result<(), IoError> {
        let cluster_size = len_usize(self.header.cluster_size.into());
        let mut offset = run.offset;
        let mut left = buf;
        // The rest of the first cluster, if it is not read from its start.
        if within > 0 {
            let there = len_usize(self.bytes(1).saturating_sub(within));
            let (piece, rest) = left.split_at_mut(left.len().min(there));
            self.read_part(offset, within, piece)?;
            offset = offset.saturating_add(stride(self.header));
            left = rest;
        }
        let at_once = CHUNK_BYTES.checked_div(stride(self.header)).unwrap_or(1);
        let at_once = len_usize(at_once.max(1)).saturating_mul(cluster_size);
        while left.len() >= cluster_size {
            let part = left.len().checked_rem(cluster_size).unwrap_or(0);
            let whole = left.len().saturating_sub(part);
            let (piece, rest) = left.split_at_mut(whole.min(at_once));
            offset = self.read_whole(offset, piece, scratch)?;
            left = rest;
        }
        match left.is_empty() {
            true => Ok(()),
            false => self.read_part(offset, 0, left),
        }
    }

    /// Fills `buf` with whole clusters, the first one's command at `offset`.
    /// Returns where the command after them is.
    fn read_whole(
        &self,
        offset: u64,
        buf: &mut [u8],
        scratch: &mut Vec<u8>,
    ) -> Result<u64, IoError> {
        let cluster_size = len_usize(self.header.cluster_size.into());
        let stride = cluster_size.saturating_add(1);
        let count = buf.chunks_exact(cluster_size).len();
        let len = count.saturating_mul(stride);
        // At most a chunk, or a cluster of 2 MiB.
        if scratch.len() < len {
            scratch.resize(len, 0);
        }
        let stream = scratch.get_mut(..len).unwrap_or_default();
        self.source.read_exact_at(offset, stream)?;
        let mut position = offset;
        for (cluster, bytes) in buf
            .chunks_exact_mut(cluster_size)
            .zip(stream.chunks_exact(stride))
        {
            if let Some((&command, bytes)) = bytes.split_first() {
                self.check_command(position, command)?;
                cluster.copy_from_slice(bytes);
            }
            position = position.saturating_add(len_u64(stride));
        }
        Ok(position)
    }

    /// Fills `buf` from byte `within` of the cluster on whose command is at
    /// `offset`.
    fn read_part(&self, offset: u64, within: u64, buf: &mut [u8]) -> Result<(), IoError> {
        let mut command = [0];
        self.source.read_exact_at(offset, &mut command)?;
        let [command] = command;
        self.check_command(offset, command)?;
        let start = offset.saturating_add(1).saturating_add(within);
        self.source.read_exact_at(start, buf)
    }

    /// The tail, as the run that it is; an image without one has no bytes
    /// there.
    fn tail_run(&self, lcn: Lcn) -> Option<Run> {
        let tail = self.tail.filter(|_| self.lost_from.is_none());
        tail.map(|offset| Run {
            extent: Extent::new(lcn, 1),
            offset,
        })
    }

    /// The first cluster after `lcn` that is stored; the tail, if there is
    /// none.
    fn next_stored(&self, lcn: Lcn) -> u64 {
        let after = self.runs.partition_point(|run| run.extent.start <= lcn);
        let next = self.runs.get(after);
        next.map_or(self.header.nr_clusters, |run| run.extent.start.0)
    }

    fn cluster_at(&self, position: u64) -> (Lcn, u64) {
        let size = u64::from(self.header.cluster_size);
        (
            Lcn(position.checked_div(size).unwrap_or(0)),
            position.checked_rem(size).unwrap_or(0),
        )
    }

    fn bytes(&self, clusters: u64) -> u64 {
        clusters.saturating_mul(self.header.cluster_size.into())
    }

    fn check_command(&self, offset: u64, command: u8) -> Result<(), IoError> {
        if command == COMMAND_NEXT || !self.checks_commands {
            return Ok(());
        }
        let expected = "1, as a cluster follows";
        let error = corrupt(offset, "a command", command.into(), expected);
        Err(IoError::new(error))
    }
}
