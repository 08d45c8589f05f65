//! `$Secure`: the security descriptors that files share, and the two indexes
//! over them, by number (`$SII`) and by hash (`$SDH`).

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use super::code::Code;
use super::finding::Findings;
use super::index::Tree;
use super::slot::key_hash;
use crate::error::Result;
use crate::io::ReadAt;
use crate::ntfs::attribute::AttributeType;
use crate::ntfs::index::Entry;
use crate::ntfs::mft::{RECORD_SECURE, RECORD_VOLUME};
use crate::ntfs::mft_record::FileReference;
use crate::ntfs::record::u32_at;
use crate::ntfs::security::{
    COPY_DISTANCE, DESCRIPTORS, HEADER_BYTES, MAX_DESCRIPTOR, descriptor_hash, descriptor_id,
};
use crate::ntfs::upcase::UpCase;
use crate::ntfs::value::Value;
use crate::ntfs::{FileRecord, Volume, VolumeInfo};
use crate::sorted::sorted;
use crate::units::{RecordNumber, len_usize};

/// `$SII` in UTF-16.
const BY_NUMBER: &[u8] = b"$\0S\0I\0I\0";
/// `$SDH` in UTF-16.
const BY_HASH: &[u8] = b"$\0S\0D\0H\0";

/// The numbers of all descriptors.
#[derive(Debug, Default)]
pub(super) struct SecurityIds {
    /// Sorted; `None` if they are not known.
    ids: Option<Vec<u32>>,
}

impl SecurityIds {
    /// Reports a file whose descriptor is not there, given the value of its
    /// `$STANDARD_INFORMATION`.
    pub(super) fn check(
        &self,
        file: RecordNumber,
        offset: u64,
        value: &[u8],
        findings: &mut Findings,
    ) {
        let (Some(ids), Some(id)) = (&self.ids, descriptor_id(value)) else {
            return;
        };
        if ids.binary_search(&id).is_err() {
            let what = "its security descriptor is not in $Secure";
            findings.report(Code::Security, file, Some(offset), what);
        }
    }
}

/// The check of `$Secure`, step by step.
#[derive(Debug, Default)]
pub(super) struct SecurityCheck {
    file: Option<(FileRecord, Option<Value>)>,
    tree: Option<Tree>,
    ids: Vec<u32>,
    /// The sum of the hashes of the entries of `$SII`, less those of `$SDH`.
    sum: u32,
    is_by_hash: bool,
}

impl SecurityCheck {
    /// Continues; returns the numbers at the end. After an error, it can be
    /// tried again.
    pub(super) fn step<R: ReadAt>(
        &mut self,
        volume: &Volume<R>,
        upcase: &UpCase,
        findings: &mut Findings,
    ) -> Result<Option<SecurityIds>> {
        let Some((file, descriptors)) = &self.file else {
            let file = match FileRecord::salvage(volume, RECORD_SECURE) {
                // The scan found it.
                Err(error) if error.is_damage() => return Ok(Some(SecurityIds::default())),
                file => file?,
            };
            if !has_parts(volume, &file, findings)? {
                return Ok(Some(SecurityIds::default()));
            }
            let descriptors = file.value(AttributeType::DATA, DESCRIPTORS).ok().flatten();
            self.file = Some((file, descriptors));
            return Ok(None);
        };
        let tree = match &mut self.tree {
            Some(tree) => tree,
            None => {
                let name = if self.is_by_hash { BY_HASH } else { BY_NUMBER };
                let tree = Tree::open(volume, file, RECORD_SECURE, name, findings)?;
                self.tree.insert(tree)
            }
        };
        let (ids, sum) = (&mut self.ids, &mut self.sum);
        let is_by_hash = self.is_by_hash;
        let mut visit = |entry: &Entry<'_>, offset: u64, findings: &mut Findings| {
            let data = entry.data().unwrap_or_default();
            let hash = key_hash(FileReference::default(), data);
            let (damage, key) = match is_by_hash {
                true => {
                    *sum = sum.wrapping_sub(hash);
                    (None, data.get(..8))
                }
                false => {
                    let damage = check_descriptor(volume, descriptors.as_ref(), entry)?;
                    *sum = sum.wrapping_add(hash);
                    ids.push(u32_at(entry.key, 0).unwrap_or(0));
                    (damage, data.get(4..8))
                }
            };
            let is_right = key == Some(entry.key);
            let damage = damage.or((!is_right).then_some("an entry has another key than its data"));
            if let Some(what) = damage {
                findings.report(Code::Security, RECORD_SECURE, Some(offset), what);
            }
            Ok(())
        };
        if tree.step(volume, upcase, findings, &mut visit)? {
            return Ok(None);
        }
        let is_lost = tree.is_lost;
        self.tree = None;
        if is_lost {
            return Ok(Some(SecurityIds::default()));
        }
        if !is_by_hash {
            self.is_by_hash = true;
            return Ok(None);
        }
        if self.sum != 0 {
            let offset = volume.mft().record_offset(RECORD_SECURE);
            let what = "its two indexes have different descriptors";
            findings.report(Code::Security, RECORD_SECURE, offset, what);
        }
        let ids = sorted(core::mem::take(&mut self.ids));
        Ok(Some(SecurityIds { ids: Some(ids) }))
    }
}

/// Whether `$Secure` has its descriptors and both indexes, which NTFS has since 3.0.
fn has_parts<R: ReadAt>(
    volume: &Volume<R>,
    file: &FileRecord,
    findings: &mut Findings,
) -> Result<bool> {
    const PARTS: [(AttributeType, &[u8], &str); 3] = [
        (AttributeType::DATA, DESCRIPTORS, "it has no $SDS"),
        (AttributeType::INDEX_ROOT, BY_NUMBER, "it has no index $SII"),
        (AttributeType::INDEX_ROOT, BY_HASH, "it has no index $SDH"),
    ];
    let version = match VolumeInfo::read(volume) {
        Ok(info) => Some((info.major_version, info.minor_version)),
        // It is reported already.
        Err(error) if error.is_loss() || error.is_damage() => None,
        Err(error) => return Err(error),
    };
    let mut found = 0;
    let mut missing = None;
    for (type_code, name, what) in PARTS {
        match file.value(type_code, name) {
            Ok(Some(_)) => found = usize::saturating_add(found, 1),
            Ok(None) => missing = Some(what),
            // The scan found it.
            Err(_) => {}
        }
    }
    let offset = file.base()?.offset();
    match (version, missing) {
        // Versions that are not known are reported already.
        (Some((1, minor @ 0..=2)), None) if found == PARTS.len() => {
            let what = format!("the version is 1.{minor}, and $Secure is that of NTFS 3");
            let place = volume.mft().record_offset(RECORD_VOLUME);
            findings.report(Code::VolumeInformation, RECORD_VOLUME, place, &what);
        }
        (Some((3.., _)), Some(what)) => {
            findings.report(Code::SecurityMissing, RECORD_SECURE, Some(offset), what);
        }
        _ => {}
    }
    Ok(found == PARTS.len())
}

/// What is wrong with the descriptor that an entry of `$SII` names.
fn check_descriptor<R: ReadAt>(
    volume: &Volume<R>,
    descriptors: Option<&Value>,
    entry: &Entry<'_>,
) -> Result<Option<&'static str>> {
    const ABSENT: Option<&str> = Some("a security descriptor is not in $SDS");
    let Some((header, descriptors)) = entry.data().zip(descriptors) else {
        return Ok(ABSENT);
    };
    let position = header.get(8..).and_then(<[u8]>::first_chunk);
    let position = position.map_or(u64::MAX, |found| u64::from_le_bytes(*found));
    let len = u32_at(header, 16).filter(|len| *len <= MAX_DESCRIPTOR);
    let (Some(len), HEADER_BYTES) = (len, header.len()) else {
        return Ok(ABSENT);
    };
    let mut bytes = vec![0; len_usize(len.into())];
    let end = position.saturating_add(len.into());
    if end > descriptors.size() || bytes.len() < HEADER_BYTES {
        return Ok(ABSENT);
    }
    let mut read = |position| {
        let (source, geometry) = (volume.source(), volume.geometry());
        match descriptors.read_exact_at(source, geometry, position, &mut bytes) {
            Err(error) if error.is_loss() => Ok(true),
            Err(error) if error.is_damage() => Ok(false),
            Err(error) => Err(error),
            Ok(()) => Ok(bytes.get(..HEADER_BYTES) == Some(header)
                && Some(descriptor_hash(&bytes)) == u32_at(header, 0)),
        }
    };
    if !read(position)? {
        return Ok(Some("a security descriptor in $SDS is damaged"));
    }
    if end.saturating_add(COPY_DISTANCE) <= descriptors.size()
        && !read(position.saturating_add(COPY_DISTANCE))?
    {
        return Ok(Some("the copy of a security descriptor in $SDS is damaged"));
    }
    Ok(None)
}
