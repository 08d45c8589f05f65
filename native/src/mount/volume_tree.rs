//! The files of a volume, read-only.
//!
//! Inode numbers are record numbers. That of the root is 1 for the kernel, and `$MFTMirr` has that record; but the file system's
//! own files are not shown. A reference to a file is checked by its sequence number when the file is looked up;
//! the volume does not change after that.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ffi::OsStr;
use std::ops::Range;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use fuser::{
    Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, LockOwner,
    OpenFlags, ReplyAttr, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen,
    ReplyStatfs, ReplyXattr, Request,
};
use ntfsclone_core::error::{Error as CoreError, Result};
use ntfsclone_core::ntfs::bitmap::Chunks;
use ntfsclone_core::ntfs::content::Span;
use ntfsclone_core::ntfs::mft::RECORD_ROOT;
use ntfsclone_core::ntfs::mft_record::FileReference;
use ntfsclone_core::ntfs::path::path_of;
use ntfsclone_core::ntfs::{Content, ContentError, Volume};
use ntfsclone_core::tree::{ContentReader, Details, Directory, Lookup, Part, Tree, open_content};
use ntfsclone_core::units::RecordNumber;

use super::CACHED;
use super::attributes::{Owner, file_type};
use super::decompressed::Decompressed;
use super::handles::Handles;
use super::{link, names};
use crate::failed_requests::FailedRequests;
use crate::report;
use crate::source::Device;

/// Bytes of the largest value of an extended attribute, a limit of Linux.
const MAX_ATTRIBUTE_BYTES: u64 = 64 << 10;

/// Ours: entries of the directories that are cached; each takes some 200 bytes.
const CACHED_ENTRIES: usize = 256 << 10;

/// Bytes that a unit of compressed content comes to, at most.
const MAX_UNIT_BYTES: usize = 1 << 20;

/// DOS attributes, as ntfs-3g names them.
const DOS_ATTRIBUTES: &str = "system.ntfs_attrib";
/// Times of creation, change of the content, access and change of the record, as ntfs-3g names them.
const TIMES: &str = "system.ntfs_times";
/// Time of creation, as ntfs-3g names it.
const CREATION_TIME: &str = "system.ntfs_crtime";

/// Bytes of content, in memory that the next request uses again: to have it anew for each takes longer than to copy it.
#[derive(Default)]
struct Buffers {
    /// The reply.
    bytes: Vec<u8>,
    /// What was read last.
    piece: Vec<u8>,
}

thread_local! {
    /// Those of a thread that answers requests; at most the longest read of the kernel each, and a unit.
    static BUFFERS: RefCell<Buffers> = RefCell::default();
}

/// The tree of files of a volume.
pub struct VolumeTree {
    device: Arc<Device>,
    /// For the content and the records of files.
    volume: Volume<Arc<Device>>,
    /// For names. Locked while a directory is read.
    tree: Mutex<Tree<Arc<Device>>>,
    /// Those that were used last come first.
    directories: Mutex<VecDeque<(RecordNumber, Arc<Directory>)>>,
    open_directories: Handles<Directory>,
    open_files: Handles<Content>,
    decompressed: Decompressed,
    free_clusters: OnceLock<u64>,
    owner: Owner,
    failed: FailedRequests,
    /// Dropped with this when it is unmounted.
    _ended: Sender<()>,
}

impl VolumeTree {
    /// `volume` is that of `tree`, opened once more.
    pub fn new(volume: Volume<Arc<Device>>, tree: Tree<Arc<Device>>, ended: Sender<()>) -> Self {
        Self {
            device: Arc::clone(volume.source()),
            volume,
            tree: Mutex::new(tree),
            directories: Mutex::default(),
            open_directories: Handles::new(),
            open_files: Handles::new(),
            decompressed: Decompressed::default(),
            free_clusters: OnceLock::new(),
            owner: Owner::this_user(),
            failed: FailedRequests::default(),
            _ended: ended,
        }
    }

    fn tree(&self) -> MutexGuard<'_, Tree<Arc<Device>>> {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The entries of a directory.
    fn directory(&self, record: RecordNumber) -> Result<Arc<Directory>> {
        {
            let mut cached = self
                .directories
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if let Some(at) = cached.iter().position(|(number, _)| *number == record)
                && let Some(found) = cached.remove(at)
            {
                let directory = Arc::clone(&found.1);
                cached.push_front(found);
                return Ok(directory);
            }
        }
        let directory = self.tree().directory(reference_to(record))?;
        if let Some(damage) = &directory.damage {
            report::warning(format!(
                "{}: its index is damaged; the names in it are taken from all MFT records: {}",
                self.path_of(record),
                report::with_causes(damage)
            ));
        }
        let directory = Arc::new(directory);
        let mut cached = self
            .directories
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        cached.push_front((record, Arc::clone(&directory)));
        let mut total = 0;
        let fits = |(_, directory): &(RecordNumber, Arc<Directory>)| {
            // An empty one takes memory too.
            total += directory.entries.len() + 16;
            total <= CACHED_ENTRIES
        };
        let kept = cached.iter().map(fits).take_while(|fits| *fits).count();
        cached.truncate(kept.max(1));
        Ok(directory)
    }

    /// The details of the file of that name; `None` if there is none.
    fn look_up(&self, parent: INodeNo, name: &str) -> Result<Option<FileAttr>> {
        let directory = self.directory(record_of(parent))?;
        let entry = self.tree().find_in(&directory, name).cloned();
        let entry = entry.or_else(|| names::find_replaced(&directory.entries, name).cloned());
        let Some(entry) = entry.filter(|entry| !entry.is_system()) else {
            return Ok(None);
        };
        let details = Details::read(&self.volume, entry.reference)?;
        Ok(Some(self.attributes(entry.reference.record, &details)))
    }

    fn details(&self, inode: INodeNo) -> Result<Details> {
        Details::read(&self.volume, reference_to(record_of(inode)))
    }

    fn attributes(&self, record: RecordNumber, details: &Details) -> FileAttr {
        let mut attributes = self.owner.attributes_of(inode_of(record), details);
        if attributes.kind == FileType::Symlink {
            attributes.size = self
                .link_text(record, details)
                .map_or(0, |text| text.len() as u64);
        }
        attributes
    }

    /// Where a link leads; `None` if it does not say.
    fn link_text(&self, record: RecordNumber, details: &Details) -> Option<String> {
        let target = details.target.as_ref()?;
        let path = self.path_of(record);
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        let exists = |path: &str| matches!(self.tree().find(path), Ok(Lookup::Found(_)));
        Some(link::text(target, directory, exists))
    }

    fn path_of(&self, record: RecordNumber) -> String {
        path_of(&self.volume, record)
    }

    /// The content of a file, or of one of its streams.
    fn content(&self, record: RecordNumber, stream: &str) -> Result<Content, Errno> {
        let name = || match stream {
            "" => self.path_of(record),
            stream => format!("{}:{stream}", self.path_of(record)),
        };
        let content = open_content(&self.volume, self.device.index(), record, stream);
        content.map_err(|error| {
            self.failed.report(&format!("open {}", name()), &error);
            match error {
                ContentError::Encrypted => Errno::EACCES,
                _ => Errno::EIO,
            }
        })
    }

    /// Reads a range of content into `buffers.bytes`, as far as the content goes.
    fn read_content(
        &self,
        file: Option<FileHandle>,
        content: &Content,
        range: Range<u64>,
        buffers: &mut Buffers,
    ) -> Result<()> {
        let Buffers { bytes, piece } = buffers;
        let end = range.end.min(content.size());
        let mut reader = ContentReader::new(&self.volume, content);
        let mut position = range.start;
        bytes.clear();
        while position < end {
            let left = usize::try_from(end - position).unwrap_or(usize::MAX);
            let start = content.span_start(position);
            if let Some(file) = file
                && matches!(
                    content.span_at(start)?,
                    Some(Span::Compressed { .. } | Span::Wof { .. })
                )
            {
                let unit = self.unit(file, &mut reader, start)?;
                let within = usize::try_from(position - start).unwrap_or(usize::MAX);
                let rest = unit.get(within..).unwrap_or_default();
                let rest = &rest[..rest.len().min(left)];
                if rest.is_empty() {
                    break;
                }
                bytes.extend_from_slice(rest);
            } else {
                reader.seek(position);
                match reader.next(left, piece)? {
                    None => break,
                    Some(Part::Hole(hole)) => {
                        let hole = usize::try_from(hole).unwrap_or(left).min(left);
                        bytes.resize(bytes.len() + hole, 0);
                    }
                    // The usual case: all of it in one piece.
                    Some(Part::Bytes) if bytes.is_empty() => {
                        piece.truncate(left);
                        std::mem::swap(bytes, piece);
                    }
                    Some(Part::Bytes) => {
                        bytes.extend_from_slice(&piece[..piece.len().min(left)]);
                    }
                }
            }
            position = range.start + bytes.len() as u64;
        }
        Ok(())
    }

    /// A decompressed unit, which begins at `start`.
    fn unit(
        &self,
        file: FileHandle,
        reader: &mut ContentReader<'_, Arc<Device>>,
        start: u64,
    ) -> Result<Arc<Vec<u8>>> {
        if let Some(unit) = self.decompressed.get(file, start) {
            return Ok(unit);
        }
        let mut bytes = Vec::new();
        reader.seek(start);
        reader.next(MAX_UNIT_BYTES, &mut bytes)?;
        let unit = Arc::new(bytes);
        self.decompressed.insert(file, start, Arc::clone(&unit));
        Ok(unit)
    }

    /// The value of an extended attribute.
    fn extended_attribute(&self, inode: INodeNo, name: &str) -> Result<Vec<u8>, Errno> {
        let details = self.details(inode);
        let details = details.map_err(|error| self.io_error(inode, "open", &error))?;
        let times = details.times;
        match name {
            DOS_ATTRIBUTES => return Ok(details.attributes.to_ne_bytes().to_vec()),
            CREATION_TIME => return Ok(times.created.to_ne_bytes().to_vec()),
            TIMES => {
                let times = [
                    times.created,
                    times.modified,
                    times.accessed,
                    times.record_changed,
                ];
                return Ok(times.map(u64::to_ne_bytes).as_flattened().to_vec());
            }
            _ => {}
        }
        let stream = name.strip_prefix("user.").ok_or(Errno::ENODATA)?;
        let mut streams = details.streams.iter().map(|stream| stream.name.to_string());
        if !streams.any(|name| name == stream) {
            return Err(Errno::ENODATA);
        }
        let content = self.content(record_of(inode), stream)?;
        if content.size() > MAX_ATTRIBUTE_BYTES {
            return Err(Errno::E2BIG);
        }
        let mut buffers = Buffers::default();
        let read = self.read_content(None, &content, 0..content.size(), &mut buffers);
        read.map_err(|error| self.io_error(inode, "read", &error))?;
        Ok(buffers.bytes)
    }

    fn io_error(&self, inode: INodeNo, what: &str, error: &CoreError) -> Errno {
        let path = self.path_of(record_of(inode));
        self.failed.report(&format!("{what} {path}"), error);
        Errno::EIO
    }

    /// Clusters that `$Bitmap` does not mark, as far as it can be read.
    fn free_clusters(&self) -> u64 {
        *self.free_clusters.get_or_init(|| {
            let clusters = self.volume.geometry().nr_clusters();
            let mut used = 0;
            if let Ok(mut chunks) = Chunks::new(&self.volume) {
                while let Ok(Some((_, words))) = chunks.next(&self.volume) {
                    let ones = words.iter().map(|word| u64::from(word.count_ones()));
                    used += ones.sum::<u64>();
                }
            }
            clusters.saturating_sub(used)
        })
    }
}

impl Filesystem for VolumeTree {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        // Names of a volume can all be shown as UTF-8.
        let Some(name) = name.to_str() else {
            return reply.error(Errno::ENOENT);
        };
        match self.look_up(parent, name) {
            Ok(Some(attributes)) => reply.entry(&CACHED, &attributes, Generation(0)),
            // Inode 0: the kernel may keep that there is none.
            Ok(None) => {
                let none = self.owner.attributes(INodeNo(0), FileType::RegularFile, 0);
                reply.entry(&CACHED, &none, Generation(0));
            }
            Err(error) => {
                let path = self.path_of(record_of(parent));
                self.failed.report(&format!("open {path}/{name}"), &error);
                reply.error(Errno::EIO);
            }
        }
    }

    fn getattr(&self, _: &Request, inode: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.details(inode) {
            Ok(details) => {
                let record = record_of(inode);
                let mut attributes = self.attributes(record, &details);
                attributes.ino = INodeNo(record.0);
                reply.attr(&CACHED, &attributes);
            }
            Err(error) => reply.error(self.io_error(inode, "open", &error)),
        }
    }

    fn readlink(&self, _: &Request, inode: INodeNo, reply: ReplyData) {
        match self.details(inode) {
            Ok(details) => match self.link_text(record_of(inode), &details) {
                Some(text) => reply.data(text.as_bytes()),
                None => reply.error(Errno::EIO),
            },
            Err(error) => reply.error(self.io_error(inode, "open", &error)),
        }
    }

    fn opendir(&self, _: &Request, inode: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        match self.directory(record_of(inode)) {
            Ok(directory) => {
                let handle = self.open_directories.insert(directory);
                let flags = FopenFlags::FOPEN_KEEP_CACHE | FopenFlags::FOPEN_CACHE_DIR;
                reply.opened(handle, flags);
            }
            Err(error) => reply.error(self.io_error(inode, "list", &error)),
        }
    }

    fn readdir(
        &self,
        _: &Request,
        inode: INodeNo,
        handle: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let Some(directory) = self.open_directories.get(handle) else {
            return reply.error(Errno::EBADF);
        };
        let own = INodeNo(record_of(inode).0);
        for (position, name) in [(1, "."), (2, "..")] {
            if position > offset && reply.add(own, position, FileType::Directory, name) {
                return reply.ok();
            }
        }
        let first = usize::try_from(offset.saturating_sub(2)).unwrap_or(usize::MAX);
        let entries = directory.entries.iter().enumerate().skip(first);
        for (number, entry) in entries.filter(|(_, entry)| !entry.is_system()) {
            let inode = INodeNo(entry.reference.record.0);
            let (kind, name) = (file_type(entry.kind), names::shown(entry));
            if reply.add(inode, number as u64 + 3, kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn releasedir(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        reply: ReplyEmpty,
    ) {
        self.open_directories.remove(handle);
        reply.ok();
    }

    fn open(&self, _: &Request, inode: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        match self.content(record_of(inode), "") {
            Ok(content) => {
                let handle = self.open_files.insert(Arc::new(content));
                reply.opened(handle, FopenFlags::FOPEN_KEEP_CACHE);
            }
            Err(error) => reply.error(error),
        }
    }

    fn read(
        &self,
        _: &Request,
        inode: INodeNo,
        handle: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let Some(content) = self.open_files.get(handle) else {
            return reply.error(Errno::EBADF);
        };
        let range = offset..offset.saturating_add(size.into());
        BUFFERS.with_borrow_mut(|buffers| {
            match self.read_content(Some(handle), &content, range, buffers) {
                Ok(()) => reply.data(&buffers.bytes),
                Err(error) => reply.error(self.io_error(inode, "read", &error)),
            }
        });
    }

    fn release(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        self.open_files.remove(handle);
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        let geometry = self.volume.geometry();
        let (clusters, free) = (geometry.nr_clusters(), self.free_clusters());
        let records = self.volume.mft().record_count();
        let size = geometry.cluster_size;
        reply.statfs(clusters, free, free, records, 0, size, 255, size);
    }

    fn getxattr(&self, _: &Request, inode: INodeNo, name: &OsStr, size: u32, reply: ReplyXattr) {
        let value = match name.to_str() {
            Some(name) => self.extended_attribute(inode, name),
            None => Err(Errno::ENODATA),
        };
        match value {
            Ok(value) => answer(&value, size, reply),
            Err(error) => reply.error(error),
        }
    }

    fn listxattr(&self, _: &Request, inode: INodeNo, size: u32, reply: ReplyXattr) {
        let details = match self.details(inode) {
            Ok(details) => details,
            Err(error) => return reply.error(self.io_error(inode, "open", &error)),
        };
        let mut list = Vec::new();
        for stream in &details.streams {
            if let Some(name) = names::attribute_of_stream(&stream.name.to_string()) {
                list.extend_from_slice(name.as_bytes());
                list.push(0);
            }
        }
        answer(&list, size, reply);
    }
}

/// The value of an extended attribute, or a list of names, of at most `size` bytes; its size if that is 0.
fn answer(value: &[u8], size: u32, reply: ReplyXattr) {
    match (u32::try_from(value.len()), size) {
        (Ok(len), 0) => reply.size(len),
        (Ok(len), size) if len <= size => reply.data(value),
        _ => reply.error(Errno::ERANGE),
    }
}

fn reference_to(record: RecordNumber) -> FileReference {
    FileReference {
        record,
        // Any: it was checked before.
        sequence_number: 0,
    }
}

fn record_of(inode: INodeNo) -> RecordNumber {
    match inode {
        INodeNo::ROOT => RECORD_ROOT,
        INodeNo(number) => RecordNumber(number),
    }
}

/// The number by which the kernel names a file.
fn inode_of(record: RecordNumber) -> INodeNo {
    match record {
        RECORD_ROOT => INodeNo::ROOT,
        RecordNumber(number) => INodeNo(number),
    }
}
