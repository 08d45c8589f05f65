//! Attributes of a record, resident and non-resident.

use crate::runlist::{Run, encode_mapping_pairs, total_length};

/// The types of attributes, as they stand on disk.
pub mod attribute_type {
    #![allow(missing_docs)]
    pub const STANDARD_INFORMATION: u32 = 0x10;
    pub const ATTRIBUTE_LIST: u32 = 0x20;
    pub const FILE_NAME: u32 = 0x30;
    pub const OBJECT_ID: u32 = 0x40;
    pub const SECURITY_DESCRIPTOR: u32 = 0x50;
    pub const VOLUME_NAME: u32 = 0x60;
    pub const VOLUME_INFORMATION: u32 = 0x70;
    pub const DATA: u32 = 0x80;
    pub const INDEX_ROOT: u32 = 0x90;
    pub const INDEX_ALLOCATION: u32 = 0xa0;
    pub const BITMAP: u32 = 0xb0;
    pub const REPARSE_POINT: u32 = 0xc0;
    pub const EA_INFORMATION: u32 = 0xd0;
    pub const EA: u32 = 0xe0;
    pub const LOGGED_UTILITY_STREAM: u32 = 0x100;
    pub const END: u32 = 0xffff_ffff;
}

pub(crate) const FLAG_COMPRESSED: u16 = 0x0001;
pub(crate) const FLAG_SPARSE: u16 = 0x8000;

#[derive(Clone, Debug)]
pub(crate) struct Attribute {
    pub(crate) kind: u32,
    pub(crate) name: String,
    pub(crate) flags: u16,
    pub(crate) body: Body,
}

#[derive(Clone, Debug)]
pub(crate) enum Body {
    Resident { value: Vec<u8>, indexed: bool },
    NonResident(Extent),
}

/// The part of a non-resident attribute that one record maps.
#[derive(Clone, Debug)]
pub(crate) struct Extent {
    pub(crate) lowest_vcn: u64,
    pub(crate) runs: Vec<Run>,
    pub(crate) compression_unit: u8,
    pub(crate) sizes: Sizes,
}

/// Sizes in bytes of a non-resident attribute.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sizes {
    pub(crate) allocated: u64,
    pub(crate) data: u64,
    pub(crate) initialized: u64,
    /// Bytes of the clusters that are not holes; on disk only for compressed and sparse attributes.
    pub(crate) mapped: u64,
}

impl Attribute {
    pub(crate) fn resident(kind: u32, name: &str, value: Vec<u8>) -> Self {
        let body = Body::Resident {
            value,
            indexed: kind == attribute_type::FILE_NAME,
        };
        Self {
            kind,
            name: name.to_owned(),
            flags: 0,
            body,
        }
    }

    /// A non-resident attribute without holes that is filled to its `data` bytes.
    pub(crate) fn plain(
        kind: u32,
        name: &str,
        runs: Vec<Run>,
        data: u64,
        cluster_size: u32,
    ) -> Self {
        let allocated = total_length(&runs) * u64::from(cluster_size);
        let sizes = Sizes {
            allocated,
            data,
            initialized: data,
            mapped: allocated,
        };
        Self::non_resident(kind, name, 0, runs, 0, sizes)
    }

    pub(crate) fn non_resident(
        kind: u32,
        name: &str,
        flags: u16,
        runs: Vec<Run>,
        unit: u8,
        sizes: Sizes,
    ) -> Self {
        let body = Body::NonResident(Extent {
            lowest_vcn: 0,
            runs,
            compression_unit: unit,
            sizes,
        });
        Self {
            kind,
            name: name.to_owned(),
            flags,
            body,
        }
    }

    pub(crate) fn lowest_vcn(&self) -> u64 {
        match &self.body {
            Body::Resident { .. } => 0,
            Body::NonResident(extent) => extent.lowest_vcn,
        }
    }

    pub(crate) fn runs(&self) -> &[Run] {
        match &self.body {
            Body::Resident { .. } => &[],
            Body::NonResident(extent) => &extent.runs,
        }
    }

    pub(crate) fn encoded_len(&self) -> usize {
        self.encode(0).len()
    }

    /// Bytes of the attribute before its mapping pairs.
    pub(crate) fn non_resident_header_len(&self) -> usize {
        let fixed = if self.has_mapped_size() { 0x48 } else { 0x40 };
        (fixed + 2 * self.name.encode_utf16().count()).next_multiple_of(8)
    }

    pub(crate) fn encode(&self, instance: u16) -> Vec<u8> {
        let mut out = match &self.body {
            Body::Resident { value, indexed } => self.encode_resident(value, *indexed, instance),
            Body::NonResident(extent) => self.encode_non_resident(extent, instance),
        };
        out.resize(out.len().next_multiple_of(8), 0);
        let length = out.len() as u32;
        out[4..8].copy_from_slice(&length.to_le_bytes());
        out
    }

    fn encode_resident(&self, value: &[u8], indexed: bool, instance: u16) -> Vec<u8> {
        let mut out = self.encode_common(0, 0x18, instance);
        let value_offset = (0x18 + 2 * self.name.encode_utf16().count()).next_multiple_of(8);
        out.extend((value.len() as u32).to_le_bytes());
        out.extend((value_offset as u16).to_le_bytes());
        out.extend([u8::from(indexed), 0]);
        self.encode_name(&mut out);
        out.resize(value_offset, 0);
        out.extend(value);
        out
    }

    fn encode_non_resident(&self, extent: &Extent, instance: u16) -> Vec<u8> {
        let name_offset = if self.has_mapped_size() { 0x48 } else { 0x40 };
        let pairs_offset = self.non_resident_header_len();
        let mut out = self.encode_common(1, name_offset, instance);
        out.extend(extent.lowest_vcn.to_le_bytes());
        out.extend(
            (extent.lowest_vcn + total_length(&extent.runs))
                .wrapping_sub(1)
                .to_le_bytes(),
        );
        out.extend((pairs_offset as u16).to_le_bytes());
        out.extend([extent.compression_unit, 0, 0, 0, 0, 0]);
        // Only the first extent carries the sizes.
        let sizes = if extent.lowest_vcn == 0 {
            extent.sizes
        } else {
            Sizes::default()
        };
        out.extend(sizes.allocated.to_le_bytes());
        out.extend(sizes.data.to_le_bytes());
        out.extend(sizes.initialized.to_le_bytes());
        if self.has_mapped_size() {
            out.extend(sizes.mapped.to_le_bytes());
        }
        self.encode_name(&mut out);
        out.resize(pairs_offset, 0);
        out.extend(encode_mapping_pairs(&extent.runs));
        out
    }

    fn encode_common(&self, non_resident: u8, name_offset: u16, instance: u16) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend(self.kind.to_le_bytes());
        out.extend([0; 4]);
        out.extend([non_resident, self.name.encode_utf16().count() as u8]);
        out.extend(name_offset.to_le_bytes());
        out.extend(self.flags.to_le_bytes());
        out.extend(instance.to_le_bytes());
        out
    }

    fn encode_name(&self, out: &mut Vec<u8>) {
        out.extend(self.name.encode_utf16().flat_map(u16::to_le_bytes));
    }

    fn has_mapped_size(&self) -> bool {
        self.flags & (FLAG_COMPRESSED | FLAG_SPARSE) != 0
    }
}
