//! Archives of tar, in the format of POSIX (pax).

use std::io::{self, Write};
use std::ops::Range;

use ntfsclone_core::tree::Part;
use tar::{Builder, EntryType, Header};

use super::super::attributes::ExtendedAttribute;
use super::super::target_name::target_name;
use super::super::times::times_of;
use super::body::LongBody;
use super::{Archive, ArchiveStream, Archived, Body, Member, notice};
use crate::device::{self, FileTime};

/// Bytes of a block.
const BLOCK: u64 = 512;

/// Bytes of a name in a header; longer ones are in a record.
const NAME_BYTES: usize = 100;

/// The first size that a header holds only in an extension of GNU.
const LARGE: u64 = 8 << 30;

/// An archive of tar.
pub struct TarArchive {
    stream: ArchiveStream,
    /// The user who runs the program: files of NTFS have no owner that others know.
    owner: (u32, u32),
}

/// What stands before the content of a member.
struct Head<'a> {
    kind: EntryType,
    /// Bytes that follow.
    size: u64,
    /// Of a link.
    target: &'a str,
    /// Of the extended header, key and value.
    records: Vec<(String, Vec<u8>)>,
}

impl Head<'_> {
    fn of_kind(kind: EntryType) -> Self {
        Self {
            kind,
            size: 0,
            target: "",
            records: Vec::new(),
        }
    }

    fn of_file(size: u64) -> Self {
        Self {
            size,
            ..Self::of_kind(EntryType::Regular)
        }
    }
}

impl TarArchive {
    pub fn new(stream: ArchiveStream) -> Self {
        Self {
            stream,
            owner: device::user_and_group(),
        }
    }

    /// Writes the headers of a member.
    fn begin(&mut self, member: &Member<'_>, head: Head<'_>) -> io::Result<()> {
        let Head {
            kind,
            size,
            target,
            mut records,
        } = head;
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(mode_of(kind, member.is_read_only));
        header.set_uid(self.owner.0.into());
        header.set_gid(self.owner.1.into());
        header.set_size(size);
        let [accessed, modified] = times_of(&member.times);
        header.set_mtime(u64::try_from(modified.seconds).unwrap_or(0));
        let directory = format!("{}/", member.path);
        let path = match kind {
            EntryType::Directory => &directory,
            _ => member.path,
        };
        set_name(&mut header.as_old_mut().name, path);
        set_name(&mut header.as_old_mut().linkname, target);
        header.set_cksum();

        let mut add = |key: &str, value: String| records.push((key.to_owned(), value.into()));
        add("mtime", decimal(modified));
        add("atime", decimal(accessed));
        if size >= LARGE {
            add("size", size.to_string());
        }
        for (key, value) in [("path", path), ("linkpath", target)] {
            if is_for_record(value) {
                add(key, value.to_owned());
            }
        }
        records.extend(member.attributes.iter().map(record_of));
        let records = records.iter();
        let records = records.map(|(key, value)| (key.as_str(), value.as_slice()));
        // Not on the stream: when it is dropped it writes the end of an archive, also after an error.
        let mut extended = Builder::new(Vec::new());
        extended.append_pax_extensions(records)?;
        self.stream.write_all(extended.get_ref())?;
        self.stream.write_all(header.as_bytes())
    }

    /// Writes zeros up to the end of a block.
    fn pad(&mut self, written: u64) -> io::Result<()> {
        let len = written.next_multiple_of(BLOCK) - written;
        self.zeros(len)
    }

    fn zeros(&mut self, mut len: u64) -> io::Result<()> {
        static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
        while len > 0 {
            let part = len.min(ZEROS.len() as u64);
            self.stream.write_all(&ZEROS[..part as usize])?;
            len -= part;
        }
        Ok(())
    }

    fn add_bytes(&mut self, member: &Member<'_>, bytes: &[u8]) -> io::Result<()> {
        let size = bytes.len() as u64;
        self.begin(member, Head::of_file(size))?;
        self.stream.write_all(bytes)?;
        self.pad(size)
    }

    fn add_long(
        &mut self,
        member: &Member<'_>,
        body: &mut LongBody<'_>,
        advance: &dyn Fn(u64),
    ) -> io::Result<Archived> {
        let mut left = body.stored();
        let mut size = left;
        if body.is_sparse() {
            let map = sparse_map(&body.ranges, body.size);
            size += map.len() as u64;
            self.begin_sparse(member, size, body.size)?;
            self.stream.write_all(&map)?;
        } else {
            self.begin(member, Head::of_file(size))?;
        }
        let stream = &mut self.stream;
        let archived = body.read(|part, bytes| match part {
            Part::Hole(len) => {
                advance(len);
                Ok(())
            }
            Part::Bytes => {
                advance(bytes.len() as u64);
                let len = left.min(bytes.len() as u64);
                left -= len;
                stream.write_all(&bytes[..len as usize])
            }
        })?;
        self.zeros(left)?;
        self.pad(size)?;
        if let Archived::Damaged(why) = &archived {
            // The size was announced. What has the same name takes its place when it is extracted.
            let notice = notice(member.path, why);
            self.add_bytes(member, notice.as_bytes())?;
        }
        Ok(archived)
    }

    /// Writes the headers of a file with holes, in GNU's format 1.0: `size` bytes are to follow, of a file of `whole`.
    fn begin_sparse(&mut self, member: &Member<'_>, size: u64, whole: u64) -> io::Result<()> {
        let (directory, name) = member.path.rsplit_once('/').unwrap_or((".", member.path));
        // What a program sees that does not know such files.
        let path = format!("{directory}/GNUSparseFile.0/{name}");
        let records = [
            ("GNU.sparse.major", "1"),
            ("GNU.sparse.minor", "0"),
            ("GNU.sparse.name", member.path),
            ("GNU.sparse.realsize", &whole.to_string()),
        ];
        let records = records.map(|(key, value)| (key.to_owned(), value.as_bytes().to_vec()));
        let head = Head {
            records: records.to_vec(),
            ..Head::of_file(size)
        };
        let path = &path;
        self.begin(&Member { path, ..*member }, head)
    }
}

impl Archive for TarArchive {
    fn name_of(&self, name: &str) -> String {
        target_name(name).into_owned()
    }

    fn add_directory(&mut self, member: &Member<'_>) -> io::Result<()> {
        self.begin(member, Head::of_kind(EntryType::Directory))
    }

    fn add_symlink(&mut self, member: &Member<'_>, target: &str) -> io::Result<()> {
        let head = Head::of_kind(EntryType::Symlink);
        self.begin(member, Head { target, ..head })
    }

    fn has_hard_links(&self) -> bool {
        true
    }

    fn add_hard_link(&mut self, member: &Member<'_>, first: &str) -> io::Result<()> {
        let head = Head::of_kind(EntryType::Link);
        let target = first;
        self.begin(member, Head { target, ..head })
    }

    fn add_file(
        &mut self,
        member: &Member<'_>,
        body: &mut Body<'_>,
        advance: &dyn Fn(u64),
    ) -> io::Result<Archived> {
        match body {
            Body::Whole(bytes) => {
                self.add_bytes(member, bytes)?;
                advance(bytes.len() as u64);
                Ok(Archived::Whole)
            }
            Body::Long(body) => self.add_long(member, body, advance),
        }
    }

    fn damaged_remark(&self) -> &'static str {
        "a notice takes its place in the archive"
    }

    fn finish(mut self: Box<Self>) -> io::Result<ArchiveStream> {
        self.zeros(2 * BLOCK)?;
        Ok(self.stream)
    }
}

fn mode_of(kind: EntryType, is_read_only: bool) -> u32 {
    match kind {
        EntryType::Directory => 0o755,
        EntryType::Symlink => 0o777,
        _ if is_read_only => 0o444,
        _ => 0o644,
    }
}

/// Whether a header cannot hold a name so that all programs read the same.
fn is_for_record(name: &str) -> bool {
    name.len() > NAME_BYTES || !name.is_ascii()
}

/// Puts a name into a header, as much of it as there is space for.
fn set_name(field: &mut [u8; NAME_BYTES], name: &str) {
    let end = (0..=NAME_BYTES.min(name.len()))
        .rev()
        .find(|&end| name.is_char_boundary(end));
    let bytes = &name.as_bytes()[..end.unwrap_or(0)];
    field[..bytes.len()].copy_from_slice(bytes);
}

/// A time in seconds, with what NTFS has of a fraction.
fn decimal(time: FileTime) -> String {
    // The fraction is counted from the second before, also of times before 1970.
    let (sign, seconds, nanoseconds) = match (time.seconds, time.nanoseconds) {
        (seconds @ ..0, 0) => ("-", -seconds, 0),
        (seconds @ ..0, nanoseconds) => ("-", -seconds - 1, 1_000_000_000 - nanoseconds),
        (seconds, nanoseconds) => ("", seconds, nanoseconds),
    };
    match nanoseconds {
        0 => format!("{sign}{seconds}"),
        _ => format!("{sign}{seconds}.{:07}", nanoseconds / 100),
    }
}

/// The record of an extended attribute, as star, GNU tar and bsdtar have it.
fn record_of(attribute: &ExtendedAttribute) -> (String, Vec<u8>) {
    // GNU tar escapes what would end the key, and so what looks like an escape. Others take such a name as it is.
    let name = attribute.portable_name();
    let name = name.replace("%25", "%2525").replace("%3D", "%253D");
    let name = name.replace('=', "%3D");
    (format!("SCHILY.xattr.{name}"), attribute.value.clone())
}

/// What stands before the content of a sparse file of GNU's format 1.0: how many ranges, and the position and length of
/// each, in decimal numbers; the last one is of no bytes where the file ends in a hole.
fn sparse_map(ranges: &[Range<u64>], size: u64) -> Vec<u8> {
    let end = (ranges.last().is_none_or(|range| range.end < size)).then_some(size..size);
    let ranges = || ranges.iter().chain(&end);
    let mut map = format!("{}\n", ranges().count());
    for range in ranges() {
        map.push_str(&format!("{}\n{}\n", range.start, range.end - range.start));
    }
    let mut map = map.into_bytes();
    map.resize(map.len().next_multiple_of(BLOCK as usize), 0);
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_1970_have_their_fraction() {
        let table = [
            (0, 0, "0"),
            (5, 123_456_700, "5.1234567"),
            (-1, 0, "-1"),
            (-1, 900_000_000, "-0.1000000"),
            (-2, 500_000_000, "-1.5000000"),
        ];
        for (seconds, nanoseconds, expected) in table {
            let time = FileTime {
                seconds,
                nanoseconds,
            };
            assert_eq!(decimal(time), expected);
        }
    }

    #[test]
    fn names_in_headers_end_between_characters() {
        let mut field = [0; NAME_BYTES];
        set_name(&mut field, &("ab".to_owned() + &"漢".repeat(40)));
        assert_eq!(field[98..], [0; 2]);
        assert!(std::str::from_utf8(&field).is_ok());
    }
}
