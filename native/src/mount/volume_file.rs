//! A volume as one file, `volume.ntfs`.

use std::ffi::OsStr;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::SystemTime;

use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation,
    INodeNo, LockOwner, OpenFlags, ReplyAttr, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry,
    ReplyLseek, ReplyOpen, ReplyWrite, Request, TimeOrNow, WriteFlags,
};

use super::CACHED;
use super::attributes::{BLOCK_BYTES, Owner};
use crate::failed_requests::FailedRequests;
use crate::overlay::Overlay;
use crate::source::{Content, Part};

const NAME: &str = "volume.ntfs";
const FILE: INodeNo = INodeNo(2);

// Of `lseek` and `fallocate`, on Linux.
const SEEK_DATA: i32 = 3;
const SEEK_HOLE: i32 = 4;
const KEEP_SIZE: i32 = 1;
const PUNCH_HOLE: i32 = 2;
const ZERO_RANGE: i32 = 16;

/// A directory with the one file. It is written to if there is an overlay.
pub struct VolumeFile {
    content: Arc<dyn Content>,
    /// It is the content then.
    overlay: Option<Arc<Overlay>>,
    owner: Owner,
    /// Bytes that are stored, when it was mounted.
    stored_bytes: u64,
    mounted_at: SystemTime,
    failed: FailedRequests,
    /// Dropped with this when it is unmounted.
    _ended: Sender<()>,
}

impl VolumeFile {
    /// # Errors
    ///
    /// Which parts are stored cannot be found out.
    pub fn new(
        content: Arc<dyn Content>,
        overlay: Option<Arc<Overlay>>,
        ended: Sender<()>,
    ) -> io::Result<Self> {
        let mut stored_bytes = 0;
        let mut position = 0;
        while position < content.size() {
            let part = content.part_at(position)?;
            if !matches!(part, Part::Zeros { .. }) {
                stored_bytes += part.len();
            }
            position += part.len().max(1);
        }
        Ok(Self {
            content,
            overlay,
            owner: Owner::this_user(),
            stored_bytes,
            mounted_at: SystemTime::now(),
            failed: FailedRequests::default(),
            _ended: ended,
        })
    }

    fn attributes(&self, inode: INodeNo) -> Option<FileAttr> {
        let attributes = match inode {
            INodeNo::ROOT => self.owner.attributes(inode, FileType::Directory, 0o555),
            FILE => {
                let permissions = match self.overlay {
                    Some(_) => 0o600,
                    None => 0o444,
                };
                FileAttr {
                    size: self.content.size(),
                    blocks: self.stored_bytes.div_ceil(BLOCK_BYTES),
                    ..self
                        .owner
                        .attributes(inode, FileType::RegularFile, permissions)
                }
            }
            _ => return None,
        };
        let at = self.mounted_at;
        Some(FileAttr {
            atime: at,
            mtime: at,
            ctime: at,
            ..attributes
        })
    }

    fn failed(&self, what: &str, offset: u64, error: &io::Error) -> Errno {
        use io::ErrorKind::{QuotaExceeded, StorageFull};
        self.failed
            .report(&format!("{what} at byte {offset:#x}"), error);
        match error.kind() {
            StorageFull | QuotaExceeded => Errno::ENOSPC,
            _ => Errno::EIO,
        }
    }

    /// Where data, or zeros, begin at `offset` or after it.
    fn seek(&self, offset: u64, wants_data: bool) -> io::Result<Option<u64>> {
        let mut position = offset;
        while position < self.content.size() {
            let part = self.content.part_at(position)?;
            let is_data = !matches!(part, Part::Zeros { .. });
            if is_data == wants_data {
                return Ok(Some(position));
            }
            position += part.len().max(1);
        }
        // There is a hole at the end of each file.
        Ok((!wants_data).then_some(self.content.size()))
    }
}

impl Filesystem for VolumeFile {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        match self.attributes(FILE) {
            Some(attributes) if parent == INodeNo::ROOT && name == NAME => {
                reply.entry(&CACHED, &attributes, Generation(0));
            }
            _ => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(&self, _: &Request, inode: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.attributes(inode) {
            Some(attributes) => reply.attr(&CACHED, &attributes),
            None => reply.error(Errno::ENOENT),
        }
    }

    /// Times are not kept; all else stays as it is.
    fn setattr(
        &self,
        _: &Request,
        inode: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let is_other_size = size.is_some_and(|size| size != self.content.size());
        if mode.is_some() || uid.is_some() || gid.is_some() || is_other_size {
            return reply.error(Errno::EPERM);
        }
        match self.attributes(inode) {
            Some(attributes) => reply.attr(&CACHED, &attributes),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE);
    }

    fn readdir(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let names = [
            (INodeNo::ROOT, FileType::Directory, "."),
            (INodeNo::ROOT, FileType::Directory, ".."),
            (FILE, FileType::RegularFile, NAME),
        ];
        for (position, (inode, kind, name)) in (1..).zip(names) {
            if position > offset && reply.add(inode, position, kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let left = self.content.size().saturating_sub(offset);
        let mut bytes = vec![0; left.min(size.into()) as usize];
        match self.content.read_exact_at(offset, &mut bytes) {
            Ok(()) => reply.data(&bytes),
            Err(error) => reply.error(self.failed("read", offset, &error)),
        }
    }

    fn write(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let Some(overlay) = &self.overlay else {
            return reply.error(Errno::EROFS);
        };
        let left = self.content.size().saturating_sub(offset);
        let data = &data[..data.len().min(left.try_into().unwrap_or(usize::MAX))];
        if data.is_empty() {
            return reply.error(Errno::EFBIG);
        }
        match overlay.write_at(offset, data) {
            Ok(()) => reply.written(data.len() as u32),
            Err(error) => reply.error(self.failed("write", offset, &error)),
        }
    }

    fn fsync(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        let flushed = self
            .overlay
            .as_ref()
            .map_or(Ok(()), |overlay| overlay.flush());
        match flushed {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(self.failed("write", 0, &error)),
        }
    }

    fn fallocate(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        let Some(overlay) = &self.overlay else {
            return reply.error(Errno::EROFS);
        };
        let length = length.min(self.content.size().saturating_sub(offset));
        let changed = match mode & !KEEP_SIZE {
            PUNCH_HOLE => overlay.punch(offset, length),
            ZERO_RANGE => overlay.write_zeros(offset, length),
            _ => return reply.error(Errno::EOPNOTSUPP),
        };
        match changed {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(self.failed("write", offset, &error)),
        }
    }

    fn lseek(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: i64,
        whence: i32,
        reply: ReplyLseek,
    ) {
        let Ok(offset) = u64::try_from(offset) else {
            return reply.error(Errno::ENXIO);
        };
        if offset >= self.content.size() {
            return reply.error(Errno::ENXIO);
        }
        let found = match whence {
            SEEK_DATA => self.seek(offset, true),
            SEEK_HOLE => self.seek(offset, false),
            _ => return reply.error(Errno::EINVAL),
        };
        match found {
            Ok(Some(position)) => reply.offset(position.try_into().unwrap_or(i64::MAX)),
            Ok(None) => reply.error(Errno::ENXIO),
            Err(error) => reply.error(self.failed("map", offset, &error)),
        }
    }
}
