//! `$Secure`: one security descriptor that all files share, and the two indexes over it.

use crate::attribute::{Attribute, attribute_type};
use crate::geometry::Geometry;
use crate::index::{COLLATION_SECURITY_HASH, COLLATION_ULONG, Index, IndexEntry, IndexKind};

/// The key of the only descriptor.
pub(crate) const SECURITY_ID: u32 = 0x100;

/// The attributes of `$Secure`, with the descriptor, or with empty streams.
pub(crate) fn secure_attributes(geometry: &Geometry, filled: bool) -> Vec<Attribute> {
    let descriptor = descriptor();
    let header = header(&descriptor);
    let (sds, sdh, sii) = if filled {
        (
            [header.as_slice(), &descriptor].concat(),
            vec![IndexEntry::of_view(&header[..8], &header)],
            vec![IndexEntry::of_view(&SECURITY_ID.to_le_bytes(), &header)],
        )
    } else {
        Default::default()
    };
    let index = |name, collation, entries| {
        let kind = IndexKind {
            attribute_type: 0,
            collation,
        };
        let index = Index::build(entries, &kind, geometry, usize::MAX, usize::MAX);
        Attribute::resident(attribute_type::INDEX_ROOT, name, index.root)
    };
    vec![
        Attribute::resident(attribute_type::DATA, "$SDS", sds),
        index("$SDH", COLLATION_SECURITY_HASH, sdh),
        index("$SII", COLLATION_ULONG, sii),
    ]
}

/// A self-relative descriptor: owner and group are the administrators, and everyone may do everything.
fn descriptor() -> Vec<u8> {
    let administrators = [1, 2, 0, 0, 0, 0, 0, 5, 0x20, 0, 0, 0, 0x20, 2, 0, 0];
    let everyone = [1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
    let list_offset = 20;
    let list_len = 8 + 8 + everyone.len() as u32;
    let owner_offset = list_offset + list_len;
    let group_offset = owner_offset + administrators.len() as u32;
    let mut out = vec![1, 0, 0x04, 0x80];
    for offset in [owner_offset, group_offset, 0, list_offset] {
        out.extend(offset.to_le_bytes());
    }
    out.extend([2, 0, list_len as u8, 0, 1, 0, 0, 0]);
    out.extend([0, 0, 8 + everyone.len() as u8, 0]);
    out.extend(0x001f_01ff_u32.to_le_bytes());
    out.extend(everyone);
    out.extend(administrators);
    out.extend(administrators);
    out
}

/// The header of the descriptor in `$SDS`, which is also the data of both indexes.
fn header(descriptor: &[u8]) -> Vec<u8> {
    let mut out = hash(descriptor).to_le_bytes().to_vec();
    out.extend(SECURITY_ID.to_le_bytes());
    out.extend(0u64.to_le_bytes());
    out.extend((20 + descriptor.len() as u32).to_le_bytes());
    out
}

fn hash(descriptor: &[u8]) -> u32 {
    descriptor.chunks_exact(4).fold(0, |hash: u32, word| {
        hash.rotate_left(3)
            .wrapping_add(u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
    })
}
