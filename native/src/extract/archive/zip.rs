//! Archives of zip.

use std::io::{self, Write};
use std::mem;

use ntfsclone_core::tree::{self, Times};
use rawzip::extra_fields::ExtraFieldId;
use rawzip::time::UtcDateTime;
use rawzip::{CompressionMethod, Header, ZipArchiveWriter, ZipDataWriter, ZipEntryWriter};

use super::super::READ_BYTES;
use super::super::target_name::strict_name;
use super::super::times::times_of;
use super::body::LongBody;
use super::deflate::{Deflate, Part};
use super::{Archive, ArchiveStream, Archived, Body, Member, notice};
use crate::device::FileTime;

/// The first size that the usual fields do not hold.
const LARGE: u64 = u32::MAX as u64;

/// Kinds of files, as `stat` has them.
const DIRECTORY: u32 = 0o040_755;
const FILE: u32 = 0o100_644;
const READ_ONLY_FILE: u32 = 0o100_444;
const SYMLINK: u32 = 0o120_777;

/// Bytes of small files that are compressed together, after which no more are added.
const BATCH_BYTES: usize = 4 << 20;

/// Bytes of a part of a longer file, at most.
const PART: usize = READ_BYTES;

/// An archive of zip.
pub struct ZipArchive {
    writer: ZipArchiveWriter<ArchiveStream>,
    deflate: Deflate,
    /// Small files that are compressed next, and the bytes of them.
    batch: Vec<(Head, Part)>,
    batch_bytes: usize,
}

/// What a member is called, with its times and mode.
struct Head {
    path: String,
    times: Times,
    mode: u32,
}

impl ZipArchive {
    pub fn new(stream: ArchiveStream) -> Self {
        Self {
            writer: ZipArchiveWriter::new(stream),
            deflate: Deflate::new(),
            batch: Vec::new(),
            batch_bytes: 0,
        }
    }

    /// Adds a file or link, at once or with some others.
    fn add_bytes(&mut self, head: Head, bytes: &[u8]) -> io::Result<()> {
        self.batch_bytes += bytes.len();
        self.batch.push((head, Part::new(bytes, true)));
        match self.batch_bytes < BATCH_BYTES {
            true => Ok(()),
            false => self.write_batch(),
        }
    }

    fn write_batch(&mut self) -> io::Result<()> {
        let batch = mem::take(&mut self.batch);
        self.batch_bytes = 0;
        let (heads, mut parts): (Vec<Head>, Vec<Part>) = batch.into_iter().unzip();
        self.deflate.compress(&mut parts);
        for (head, part) in heads.iter().zip(&parts) {
            let size = part.bytes.len() as u64;
            let (mut entry, mut content) = begin(&mut self.writer, head, size)?;
            content.write_all(&part.bytes)?;
            if size > 0 {
                entry.write_all(&part.packed)?;
            }
            let (_, sizes) = content.finish().map_err(io_error)?;
            entry.finish(sizes).map_err(io_error)?;
        }
        Ok(())
    }

    fn add_long(
        &mut self,
        head: &Head,
        body: &mut LongBody<'_>,
        advance: &dyn Fn(u64),
    ) -> io::Result<Archived> {
        let deflate = &mut self.deflate;
        let most = 2 * deflate.threads().get();
        let (mut entry, mut content) = begin(&mut self.writer, head, body.size)?;
        let mut parts: Vec<Part> = Vec::new();
        let mut write = |parts: &mut Vec<Part>| {
            deflate.compress(parts);
            let mut parts = parts.drain(..);
            parts.try_for_each(|part| entry.write_all(&part.packed))
        };
        let mut take = |bytes: &[u8]| {
            advance(bytes.len() as u64);
            content.write_all(bytes)?;
            // What NTFS compressed comes in less, which would be compressed worse.
            if let Some(last) = parts.last_mut()
                && last.bytes.len() + bytes.len() <= PART
            {
                last.bytes.extend_from_slice(bytes);
                return Ok(());
            }
            if parts.len() >= most {
                write(&mut parts)?;
            }
            parts.push(Part::new(bytes, false));
            Ok(())
        };
        let archived = body.read(|part, bytes| match part {
            tree::Part::Bytes => take(bytes),
            tree::Part::Hole(len) => each_zeros(len, &mut take),
        })?;
        let mut end = Vec::new();
        if let Archived::Damaged(why) = &archived {
            // The checksum is of other bytes, so that every program finds that the file is damaged.
            end = notice(&head.path, why).into_bytes();
            let others: Vec<u8> = end.iter().map(|byte| !byte).collect();
            content.write_all(&others)?;
        }
        parts.push(Part::new(&end, true));
        write(&mut parts)?;
        let (_, sizes) = content.finish().map_err(io_error)?;
        entry.finish(sizes).map_err(io_error)?;
        Ok(archived)
    }
}

/// Begins a member of `size` bytes. Its compressed bytes go to the first that is returned, and its content, of which size
/// and checksum are taken, to the second.
fn begin<'a>(
    writer: &'a mut ZipArchiveWriter<ArchiveStream>,
    head: &Head,
    size: u64,
) -> io::Result<(ZipEntryWriter<'a, ArchiveStream>, ZipDataWriter<io::Sink>)> {
    let method = match size {
        0 => CompressionMethod::STORE,
        _ => CompressionMethod::DEFLATE,
    };
    let mut file = writer
        .new_file(&head.path)
        .compression_method(method)
        .last_modified(modified(&head.times))
        .unix_permissions(head.mode);
    for (id, field, place) in fields_of(&head.times) {
        file = file.extra_field(id, &field, place).map_err(io_error)?;
    }
    if size >= LARGE {
        // That the sizes after the content have eight bytes; they are not known here.
        file = file
            .extra_field(ExtraFieldId::ZIP64, &[0; 16], Header::LOCAL)
            .map_err(io_error)?;
    }
    let (entry, config) = file.start().map_err(io_error)?;
    Ok((entry, config.wrap(io::sink())))
}

impl Archive for ZipArchive {
    /// Most archives of zip are opened on Windows.
    fn name_of(&self, name: &str) -> String {
        strict_name(name)
    }

    fn add_directory(&mut self, member: &Member<'_>) -> io::Result<()> {
        let path = format!("{}/", member.path);
        let mut directory = self
            .writer
            .new_dir(&path)
            .last_modified(modified(&member.times))
            .unix_permissions(DIRECTORY);
        for (id, field, place) in fields_of(&member.times) {
            directory = directory.extra_field(id, &field, place).map_err(io_error)?;
        }
        directory.create().map(drop).map_err(io_error)
    }

    fn add_symlink(&mut self, member: &Member<'_>, target: &str) -> io::Result<()> {
        self.add_bytes(head_of(member, SYMLINK), target.as_bytes())
    }

    fn has_hard_links(&self) -> bool {
        false
    }

    fn add_hard_link(&mut self, _: &Member<'_>, _: &str) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn add_file(
        &mut self,
        member: &Member<'_>,
        body: &mut Body<'_>,
        advance: &dyn Fn(u64),
    ) -> io::Result<Archived> {
        let mode = match member.is_read_only {
            true => READ_ONLY_FILE,
            false => FILE,
        };
        let head = head_of(member, mode);
        match body {
            Body::Whole(bytes) => {
                advance(bytes.len() as u64);
                self.add_bytes(head, bytes)?;
                Ok(Archived::Whole)
            }
            Body::Long(body) => self.add_long(&head, body, advance),
        }
    }

    fn damaged_remark(&self) -> &'static str {
        "its checksum in the archive is wrong, so that it is found to be damaged"
    }

    fn finish(mut self: Box<Self>) -> io::Result<ArchiveStream> {
        self.write_batch()?;
        self.writer.finish().map_err(io_error)
    }
}

fn head_of(member: &Member<'_>, mode: u32) -> Head {
    Head {
        path: member.path.to_owned(),
        times: member.times,
        mode,
    }
}

fn each_zeros(mut len: u64, take: &mut impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let most = PART as u64;
    let zeros = vec![0; len.min(most) as usize];
    while len > 0 {
        let part = len.min(most);
        take(&zeros[..part as usize])?;
        len -= part;
    }
    Ok(())
}

/// The extra fields with times: of NTFS, exact (APPNOTE.TXT 4.5.5), and in seconds of Unix, for programs that read only
/// those of local headers (Info-ZIP's extended timestamp). `rawzip` writes these to the central directory.
fn fields_of(times: &Times) -> Vec<(ExtraFieldId, Vec<u8>, Header)> {
    let mut ntfs = vec![0; 4];
    ntfs.extend(1_u16.to_le_bytes());
    ntfs.extend(24_u16.to_le_bytes());
    for time in [times.modified, times.accessed, times.created] {
        ntfs.extend(time.to_le_bytes());
    }
    // That there are two: change and access.
    let mut unix = vec![0b11];
    let [accessed, modified] = times_of(times);
    for time in [modified, accessed] {
        unix.extend(unix_seconds(time).to_le_bytes());
    }
    vec![
        (ExtraFieldId::NTFS, ntfs, Header::default()),
        (ExtraFieldId::EXTENDED_TIMESTAMP, unix, Header::LOCAL),
    ]
}

/// The time of the last change.
fn modified(times: &Times) -> UtcDateTime {
    let [_, modified] = times_of(times);
    UtcDateTime::from_unix(unix_seconds(modified).into())
}

/// The next time that a number of 32 bits can hold.
fn unix_seconds(time: FileTime) -> u32 {
    let seconds = time.seconds.clamp(0, u32::MAX.into());
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

fn io_error(error: rawzip::Error) -> io::Error {
    match error.into_kind() {
        rawzip::ErrorKind::IO(error) => error,
        kind => io::Error::other(kind.to_string()),
    }
}
