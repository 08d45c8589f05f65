//! What NTFS knows of a file beside its content, as extended attributes with the names of ntfs-3g: named streams, the
//! security descriptor, the DOS attributes and the time of creation.

use std::sync::Arc;

use ntfsclone_core::ntfs::{Content, Volume};
use ntfsclone_core::tree::{
    ContentReader, Details, Part, SecurityDescriptors, StreamSize, open_content,
};
use ntfsclone_core::units::RecordNumber;

use super::READ_BYTES;
use super::tally::Tally;
use crate::options::Encrypted;
use crate::report::{self, with_causes};
use crate::source::Device;

/// Bytes of an extended attribute, and of its name, at most: limits of Linux.
const MAX_VALUE: u64 = 64 << 10;
const MAX_NAME: usize = 255;

/// The stream that has the content of a file that WOF compressed.
const WOF_STREAM: &str = "WofCompressedData";

/// What Windows has beside streams. ntfs-3g has each of the last two also in the byte order of the processor, by a name
/// without `_be`: files may be read on another machine.
const SECURITY_DESCRIPTOR: &str = "ntfs_acl";
const DOS_ATTRIBUTES: &str = "ntfs_attrib_be";
const CREATION_TIME: &str = "ntfs_crtime_be";

/// In the DOS attributes; on the disk, only names have it.
const DIRECTORY: u32 = 0x10;

/// An extended attribute.
pub struct ExtendedAttribute {
    pub kind: AttributeKind,
    /// Without the name of its name space.
    pub name: String,
    pub value: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttributeKind {
    Stream,
    /// What ntfs-3g has in the name space `system`. Other file systems have no place for it there.
    System,
}

impl ExtendedAttribute {
    /// Its name on an ntfs-3g mount.
    pub fn name_on_ntfs(&self) -> String {
        match self.kind {
            AttributeKind::Stream => self.portable_name(),
            AttributeKind::System => format!("system.{}", self.name),
        }
    }

    /// Its name where there is only the name space of users; by the file `XattrMapping`, ntfs-3g takes it back.
    pub fn portable_name(&self) -> String {
        format!("user.{}", self.name)
    }
}

/// Reads what files have beside their content.
pub struct AttributeReader {
    descriptors: SecurityDescriptors,
    encrypted: Encrypted,
}

impl AttributeReader {
    pub fn new(volume: &Volume<Arc<Device>>, encrypted: Encrypted) -> Self {
        let descriptors = SecurityDescriptors::read(volume).unwrap_or_else(|error| {
            let why = with_causes(&error);
            report::warning(format_args!("security descriptors cannot be read: {why}"));
            SecurityDescriptors::default()
        });
        Self {
            descriptors,
            encrypted,
        }
    }

    /// The extended attributes of a file or directory. Names what cannot be read.
    pub fn read(
        &self,
        volume: &Volume<Arc<Device>>,
        (path, record): (&str, RecordNumber),
        details: &Details,
        tally: &Tally,
    ) -> Vec<ExtendedAttribute> {
        let mut attributes = Vec::new();
        let mut add = |kind, name: &str, value: Vec<u8>| {
            attributes.push(ExtendedAttribute {
                kind,
                name: name.to_owned(),
                value,
            });
        };
        // An encrypted file has its streams in its content.
        let streams = match self.encrypted.is_raw(details) {
            true => &[],
            false => &details.streams[..],
        };
        for stream in streams {
            let name = stream.name.to_string();
            if name == WOF_STREAM {
                continue;
            }
            match read_stream(volume, record, &name, stream) {
                Ok(value) => add(AttributeKind::Stream, &name, value),
                Err(why) => tally.fail(&format!("{path}:{name}"), why),
            }
        }
        match self.descriptors.of_file(volume, record) {
            Ok(Some(descriptor)) => add(AttributeKind::System, SECURITY_DESCRIPTOR, descriptor),
            Ok(None) => {}
            Err(error) => {
                let why = with_causes(&error);
                tally.fail(path, format_args!("its security descriptor: {why}"));
            }
        }
        let is_directory = details.kind.is_directory();
        let flags = details.attributes | if is_directory { DIRECTORY } else { 0 };
        let created = details.times.created.to_be_bytes();
        let flags = flags.to_be_bytes();
        add(AttributeKind::System, DOS_ATTRIBUTES, flags.to_vec());
        add(AttributeKind::System, CREATION_TIME, created.to_vec());
        attributes
    }
}

fn read_stream(
    volume: &Volume<Arc<Device>>,
    record: RecordNumber,
    name: &str,
    stream: &StreamSize,
) -> Result<Vec<u8>, String> {
    if stream.size > MAX_VALUE {
        return Err(
            "a stream of more than 64 KiB is not an extended attribute; use cat".to_owned(),
        );
    }
    // With the name space.
    if name.len() > MAX_NAME - "user.".len() || name.contains('\0') {
        return Err("the name is not one of an extended attribute; use cat".to_owned());
    }
    if [SECURITY_DESCRIPTOR, DOS_ATTRIBUTES, CREATION_TIME].contains(&name) {
        return Err(
            "the name is that of another extended attribute where files go; use cat".to_owned(),
        );
    }
    let content = open_content(volume, volume.source().index(), record, name);
    let content = content.map_err(|error| with_causes(&error).to_string())?;
    read_all(volume, &content).map_err(|error| with_causes(&error).to_string())
}

/// The whole content, with zeros for holes. Its size was checked.
fn read_all(
    volume: &Volume<Arc<Device>>,
    content: &Content,
) -> ntfsclone_core::error::Result<Vec<u8>> {
    let mut all = Vec::new();
    append_all(&mut ContentReader::new(volume, content), &mut all)?;
    Ok(all)
}

/// Appends the rest of some content, with zeros for holes. Its size was checked.
pub fn append_all(
    reader: &mut ContentReader<'_, Arc<Device>>,
    all: &mut Vec<u8>,
) -> ntfsclone_core::error::Result<()> {
    let mut bytes = Vec::new();
    while let Some(part) = reader.next(READ_BYTES, &mut bytes)? {
        match part {
            Part::Bytes => all.extend_from_slice(&bytes),
            Part::Hole(len) => all.resize(all.len() + len as usize, 0),
        }
    }
    Ok(())
}
