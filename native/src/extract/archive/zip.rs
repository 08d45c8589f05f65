//! Archives of zip.

use std::io::{self, Write};

use flate2::{Compress, Compression, FlushCompress, Status};
use ntfsclone_core::tree::{Part, Times};
use rawzip::extra_fields::ExtraFieldId;
use rawzip::time::UtcDateTime;
use rawzip::{CompressionMethod, Header, ZipArchiveWriter};

use super::super::target_name::strict_name;
use super::super::times::times_of;
use super::{Archive, ArchiveStream, Archived, Body, Member, notice};
use crate::device::FileTime;

/// Bytes that are compressed in one call.
const DEFLATED: usize = 64 << 10;

/// The first size that the usual fields do not hold.
const LARGE: u64 = u32::MAX as u64;

/// Kinds of files, as `stat` has them.
const DIRECTORY: u32 = 0o040_755;
const FILE: u32 = 0o100_644;
const READ_ONLY_FILE: u32 = 0o100_444;
const SYMLINK: u32 = 0o120_777;

/// An archive of zip.
pub struct ZipArchive {
    writer: ZipArchiveWriter<ArchiveStream>,
    deflate: Deflate,
}

/// A compressor, used for one file after the other.
struct Deflate {
    state: Compress,
    out: Vec<u8>,
}

impl ZipArchive {
    pub fn new(stream: ArchiveStream) -> Self {
        Self {
            writer: ZipArchiveWriter::new(stream),
            deflate: Deflate {
                state: Compress::new(Compression::default(), false),
                out: Vec::with_capacity(DEFLATED),
            },
        }
    }

    /// Adds a file or link of `size` bytes.
    fn add(
        &mut self,
        member: &Member<'_>,
        (mode, size): (u32, u64),
        body: &mut Body<'_>,
        advance: &dyn Fn(u64),
    ) -> io::Result<Archived> {
        let method = match size {
            0 => CompressionMethod::STORE,
            _ => CompressionMethod::DEFLATE,
        };
        let mut file = self
            .writer
            .new_file(member.path)
            .compression_method(method)
            .last_modified(modified(&member.times))
            .unix_permissions(mode);
        for (id, field, place) in fields_of(&member.times) {
            file = file.extra_field(id, &field, place).map_err(io_error)?;
        }
        if size >= LARGE {
            // That the sizes after the content have eight bytes; they are not known here.
            file = file
                .extra_field(ExtraFieldId::ZIP64, &[0; 16], Header::LOCAL)
                .map_err(io_error)?;
        }
        let (mut entry, config) = file.start().map_err(io_error)?;
        // Of the content, not of what is written.
        let mut checksum = config.wrap(io::sink());
        let mut archived = Archived::Whole;
        if size > 0 {
            let deflate = &mut self.deflate;
            deflate.state.reset();
            let mut take = |bytes: &[u8]| {
                advance(bytes.len() as u64);
                checksum.write_all(bytes)?;
                deflate.write(bytes, FlushCompress::None, &mut entry)
            };
            match body {
                Body::Whole(bytes) => take(bytes)?,
                Body::Long(body) => {
                    archived = body.read(|part, bytes| match part {
                        Part::Bytes => take(bytes),
                        Part::Hole(len) => each_zeros(len, &mut take),
                    })?;
                }
            }
            if let Archived::Damaged(error) = &archived {
                // The checksum is of other bytes, so that every program finds that the file is damaged.
                let notice = notice(member.path, error).into_bytes();
                deflate.write(&notice, FlushCompress::None, &mut entry)?;
                let others: Vec<u8> = notice.iter().map(|byte| !byte).collect();
                checksum.write_all(&others)?;
            }
            deflate.write(&[], FlushCompress::Finish, &mut entry)?;
        }
        let (_, sizes) = checksum.finish().map_err(io_error)?;
        entry.finish(sizes).map_err(io_error)?;
        Ok(archived)
    }
}

impl Deflate {
    fn write(
        &mut self,
        mut bytes: &[u8],
        flush: FlushCompress,
        to: &mut impl Write,
    ) -> io::Result<()> {
        loop {
            let before = self.state.total_in();
            self.out.clear();
            let status = self.state.compress_vec(bytes, &mut self.out, flush);
            let status = status.map_err(io::Error::other)?;
            bytes = &bytes[(self.state.total_in() - before) as usize..];
            to.write_all(&self.out)?;
            let is_all_out = self.out.len() < self.out.capacity();
            match flush {
                FlushCompress::Finish if status == Status::StreamEnd => return Ok(()),
                FlushCompress::Finish => {}
                _ if bytes.is_empty() && is_all_out => return Ok(()),
                _ => {}
            }
        }
    }
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
        let mut body = Body::Whole(target.as_bytes());
        self.add(member, (SYMLINK, target.len() as u64), &mut body, &|_| ())?;
        Ok(())
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
        let size = match body {
            Body::Whole(bytes) => bytes.len() as u64,
            Body::Long(body) => body.size,
        };
        let mode = if member.is_read_only {
            READ_ONLY_FILE
        } else {
            FILE
        };
        self.add(member, (mode, size), body, advance)
    }

    fn damaged_remark(&self) -> &'static str {
        "its checksum in the archive is wrong, so that it is found to be damaged"
    }

    fn finish(self: Box<Self>) -> io::Result<ArchiveStream> {
        self.writer.finish().map_err(io_error)
    }
}

fn each_zeros(mut len: u64, take: &mut impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
    while len > 0 {
        let part = len.min(ZEROS.len() as u64);
        take(&ZEROS[..part as usize])?;
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
