//! `$Extend/$Quota`: the quota index `$Q`, whose entries carry a time.

use crate::attribute::{Attribute, attribute_type};
use crate::geometry::Geometry;
use crate::index::{COLLATION_SID, COLLATION_ULONG, Index, IndexEntry, IndexKind};
use crate::standard_information::BASE_TIME;

/// The attributes of `$Quota`: the defaults (owner 1) and one owner, each in a version 2 entry.
pub(crate) fn quota_attributes(geometry: &Geometry) -> Vec<Attribute> {
    let owner = [1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0];
    let limits = vec![
        IndexEntry::of_view(&1u32.to_le_bytes(), &control_entry(1, &[])),
        IndexEntry::of_view(&0x100u32.to_le_bytes(), &control_entry(2, &owner)),
    ];
    let owners = vec![IndexEntry::of_view(&owner, &0x100u32.to_le_bytes())];
    [
        ("$O", COLLATION_SID, owners),
        ("$Q", COLLATION_ULONG, limits),
    ]
    .into_iter()
    .map(|(name, collation, entries)| {
        let kind = IndexKind {
            attribute_type: 0,
            collation,
        };
        let index = Index::build(entries, &kind, geometry, usize::MAX, usize::MAX);
        Attribute::resident(attribute_type::INDEX_ROOT, name, index.root)
    })
    .collect()
}

fn control_entry(flags: u32, owner: &[u8]) -> Vec<u8> {
    let mut out = 2u32.to_le_bytes().to_vec();
    out.extend(flags.to_le_bytes());
    out.extend(4096u64.to_le_bytes());
    out.extend((BASE_TIME + 77).to_le_bytes());
    out.extend((-1i64).to_le_bytes());
    out.extend((-1i64).to_le_bytes());
    out.extend(0u64.to_le_bytes());
    out.extend(owner);
    out
}
