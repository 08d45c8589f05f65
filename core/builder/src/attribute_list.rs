//! Spreading the attributes of a file over several records, and the `ATTRIBUTE_LIST` that finds them.

use crate::attribute::{Attribute, Body, Extent, attribute_type};
use crate::file_name::record_reference;
use crate::mft_record::{FLAG_IN_USE, MftRecord, RecordFormat};
use crate::runlist::{Run, split_runs, total_length};

/// Where the attribute list of a file stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListForm {
    /// In the base record.
    Resident,
    /// In clusters of its own.
    NonResident,
    /// The same, each cluster a run of its own.
    Fragmented,
}

/// How a file is spread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    /// An attribute list even when one record would do.
    pub(crate) form: Option<ListForm>,
    /// Most runs of one extent.
    pub(crate) runs_per_record: usize,
    /// The first data extent and all bitmaps stay in the base record, as `$MFT` needs it.
    pub(crate) keep_data: bool,
}

/// The records of a file.
pub(crate) struct FileRecords {
    pub(crate) base: MftRecord,
    pub(crate) extensions: Vec<MftRecord>,
    /// Clusters and content of a non-resident attribute list.
    pub(crate) list: Option<(Vec<Run>, Vec<u8>)>,
}

/// Hands out record numbers and clusters while a file is spread.
pub(crate) trait Supply {
    /// Number and sequence number of the next extension record.
    fn extension_record(&mut self) -> (u64, u16);
    /// Clusters for so many bytes, each a run of its own or all in one.
    fn clusters(&mut self, bytes: u64, is_fragmented: bool) -> Vec<Run>;
}

/// Sorts the attributes of `record` and moves to extension records what does not fit or is asked to.
pub(crate) fn spread(
    mut record: MftRecord,
    rules: Spread,
    format: RecordFormat,
    cluster_size: u32,
    supply: &mut dyn Supply,
) -> FileRecords {
    record.attributes.sort_by_key(|attribute| {
        (
            attribute.kind,
            attribute.name.encode_utf16().collect::<Vec<_>>(),
        )
    });
    let needed: usize = record.attributes.iter().map(Attribute::encoded_len).sum();
    let many_runs = record
        .attributes
        .iter()
        .any(|attribute| attribute.runs().len() > rules.runs_per_record);
    if rules.form.is_none() && !many_runs && needed <= format.capacity() {
        return FileRecords {
            base: record,
            extensions: Vec::new(),
            list: None,
        };
    }

    let pieces: Vec<Attribute> = std::mem::take(&mut record.attributes)
        .into_iter()
        .flat_map(|a| split(a, rules, format))
        .collect();
    let list_len: usize = pieces.iter().map(entry_len).sum();
    let mut list = list_attribute(
        list_len,
        &record,
        &pieces,
        rules,
        format,
        cluster_size,
        supply,
    );

    let mut room = format.capacity() - list.encoded_len();
    let mut extensions: Vec<MftRecord> = Vec::new();
    let mut places = Vec::new();
    for piece in pieces {
        let len = piece.encoded_len();
        if belongs_to_base(&piece, rules) && len <= room {
            room -= len;
            places.push(0);
            record.attributes.push(piece);
            continue;
        }
        let fits = extensions.last().is_some_and(|extension| {
            let used: usize = extension
                .attributes
                .iter()
                .map(Attribute::encoded_len)
                .sum();
            piece.runs().is_empty() && used + len <= format.capacity()
        });
        if !fits {
            extensions.push(extension(&record, supply.extension_record()));
        }
        places.push(extensions.len());
        extensions
            .last_mut()
            .expect("pushed above")
            .attributes
            .push(piece);
    }

    let list_at = record
        .attributes
        .iter()
        .take_while(|a| a.kind < attribute_type::ATTRIBUTE_LIST)
        .count();
    record.attributes.insert(list_at, list.clone());
    let content = encode_list(&places, &record, &extensions);
    assert_eq!(content.len(), list_len);
    let content = match &mut list.body {
        Body::Resident { value, .. } => {
            *value = content;
            record.attributes[list_at] = list;
            None
        }
        Body::NonResident(extent) => Some((extent.runs.clone(), content)),
    };
    FileRecords {
        base: record,
        extensions,
        list: content,
    }
}

fn split(attribute: Attribute, rules: Spread, format: RecordFormat) -> Vec<Attribute> {
    let Body::NonResident(whole) = &attribute.body else {
        return vec![attribute];
    };
    let keep = rules.keep_data && attribute.kind == attribute_type::BITMAP;
    let most_runs = if keep {
        usize::MAX
    } else {
        rules.runs_per_record
    };
    let most_bytes = format.capacity() - attribute.non_resident_header_len() - 8;
    let mut lowest_vcn = 0;
    split_runs(&whole.runs, most_runs, most_bytes)
        .into_iter()
        .map(|runs| {
            let extent = Extent {
                lowest_vcn,
                runs,
                ..whole.clone()
            };
            lowest_vcn += total_length(&extent.runs);
            Attribute {
                body: Body::NonResident(extent),
                ..attribute.clone()
            }
        })
        .collect()
}

fn list_attribute(
    list_len: usize,
    base: &MftRecord,
    pieces: &[Attribute],
    rules: Spread,
    format: RecordFormat,
    cluster_size: u32,
    supply: &mut dyn Supply,
) -> Attribute {
    let resident = Attribute::resident(attribute_type::ATTRIBUTE_LIST, "", vec![0; list_len]);
    let must_stay: usize = pieces
        .iter()
        .filter(|p| {
            p.kind < attribute_type::FILE_NAME || (rules.keep_data && belongs_to_base(p, rules))
        })
        .map(Attribute::encoded_len)
        .sum();
    let fits = resident.encoded_len() + must_stay <= format.capacity();
    match rules.form {
        Some(ListForm::Resident) if !fits => {
            panic!(
                "the attribute list of record {} is too long to be resident",
                base.number
            )
        }
        Some(ListForm::Resident) => resident,
        None if fits => resident,
        _ => {
            let is_fragmented = rules.form == Some(ListForm::Fragmented);
            let runs = supply.clusters(list_len as u64, is_fragmented);
            Attribute::plain(
                attribute_type::ATTRIBUTE_LIST,
                "",
                runs,
                list_len as u64,
                cluster_size,
            )
        }
    }
}

fn belongs_to_base(piece: &Attribute, rules: Spread) -> bool {
    match piece.kind {
        attribute_type::DATA => rules.keep_data && piece.lowest_vcn() == 0,
        attribute_type::BITMAP => rules.keep_data,
        kind => kind < attribute_type::DATA || kind == attribute_type::INDEX_ROOT,
    }
}

fn extension(base: &MftRecord, (number, sequence): (u64, u16)) -> MftRecord {
    MftRecord {
        number,
        sequence,
        flags: base.flags & FLAG_IN_USE,
        links: 0,
        base: record_reference(base.number, base.sequence),
        attributes: Vec::new(),
        magic: *b"FILE",
    }
}

fn entry_len(piece: &Attribute) -> usize {
    (26 + 2 * piece.name.encode_utf16().count()).next_multiple_of(8)
}

/// The entries in the order of the pieces; `places` says for each whether it is in the base (0) or in which extension.
fn encode_list(places: &[usize], base: &MftRecord, extensions: &[MftRecord]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut next = vec![0; extensions.len() + 1];
    for &place in places {
        let record = if place == 0 {
            base
        } else {
            &extensions[place - 1]
        };
        if record.attributes[next[place]].kind == attribute_type::ATTRIBUTE_LIST {
            next[place] += 1;
        }
        let instance = next[place];
        next[place] += 1;
        let piece = &record.attributes[instance];
        let start = out.len();
        out.extend(piece.kind.to_le_bytes());
        out.extend((entry_len(piece) as u16).to_le_bytes());
        out.extend([piece.name.encode_utf16().count() as u8, 26]);
        out.extend(piece.lowest_vcn().to_le_bytes());
        out.extend(record_reference(record.number, record.sequence).to_le_bytes());
        out.extend((instance as u16).to_le_bytes());
        out.extend(piece.name.encode_utf16().flat_map(u16::to_le_bytes));
        out.resize(start + entry_len(piece), 0);
    }
    out
}
