//! Names and fixed contents of the system files.

/// The numbers of the system records.
pub(crate) mod number {
    pub(crate) const MFT: u64 = 0;
    pub(crate) const MFT_MIRROR: u64 = 1;
    pub(crate) const LOG_FILE: u64 = 2;
    pub(crate) const VOLUME: u64 = 3;
    pub(crate) const ATTRIBUTE_DEFINITIONS: u64 = 4;
    pub(crate) const ROOT: u64 = 5;
    pub(crate) const BITMAP: u64 = 6;
    pub(crate) const BOOT: u64 = 7;
    pub(crate) const BAD_CLUSTERS: u64 = 8;
    pub(crate) const SECURE: u64 = 9;
    pub(crate) const UPCASE: u64 = 10;
    pub(crate) const EXTEND: u64 = 11;
    /// The first record that is in use but belongs to no file.
    pub(crate) const FIRST_RESERVED: u64 = 12;
    /// The first record that is kept for extensions of `$MFT`.
    pub(crate) const FIRST_EXTENSION: u64 = 16;
    /// The first record for files.
    pub(crate) const FIRST_USER: u64 = 24;
}

/// The name of a system record; before NTFS 3.0 record 9 was `$Quota` and record 11 had none.
pub(crate) fn name(number: u64, major_version: u8) -> Option<&'static str> {
    Some(match number {
        number::MFT => "$MFT",
        number::MFT_MIRROR => "$MFTMirr",
        number::LOG_FILE => "$LogFile",
        number::VOLUME => "$Volume",
        number::ATTRIBUTE_DEFINITIONS => "$AttrDef",
        number::ROOT => ".",
        number::BITMAP => "$Bitmap",
        number::BOOT => "$Boot",
        number::BAD_CLUSTERS => "$BadClus",
        number::SECURE if major_version >= 3 => "$Secure",
        number::SECURE => "$Quota",
        number::UPCASE => "$UpCase",
        number::EXTEND if major_version >= 3 => "$Extend",
        _ => return None,
    })
}

/// The content of `$AttrDef`: name, type, flags, least and greatest size of each attribute type.
pub(crate) fn attribute_definitions() -> Vec<u8> {
    const INDEXABLE: u32 = 0x02;
    const RESIDENT: u32 = 0x40;
    const MAY_BE_NON_RESIDENT: u32 = 0x80;
    let rows: [(&str, u32, u32, i64, i64); 15] = [
        ("$STANDARD_INFORMATION", 0x10, RESIDENT, 0x30, 0x48),
        ("$ATTRIBUTE_LIST", 0x20, MAY_BE_NON_RESIDENT, 0, -1),
        ("$FILE_NAME", 0x30, RESIDENT | INDEXABLE, 0x44, 0x242),
        ("$OBJECT_ID", 0x40, RESIDENT, 0, 0x100),
        ("$SECURITY_DESCRIPTOR", 0x50, MAY_BE_NON_RESIDENT, 0, -1),
        ("$VOLUME_NAME", 0x60, RESIDENT, 2, 0x100),
        ("$VOLUME_INFORMATION", 0x70, RESIDENT, 12, 12),
        ("$DATA", 0x80, 0, 0, -1),
        ("$INDEX_ROOT", 0x90, RESIDENT, 0, -1),
        ("$INDEX_ALLOCATION", 0xa0, MAY_BE_NON_RESIDENT, 0, -1),
        ("$BITMAP", 0xb0, MAY_BE_NON_RESIDENT, 0, -1),
        ("$REPARSE_POINT", 0xc0, MAY_BE_NON_RESIDENT, 0, 0x4000),
        ("$EA_INFORMATION", 0xd0, RESIDENT, 8, 8),
        ("$EA", 0xe0, 0, 0, 0x1_0000),
        (
            "$LOGGED_UTILITY_STREAM",
            0x100,
            MAY_BE_NON_RESIDENT,
            0,
            0x1_0000,
        ),
    ];
    let mut out = Vec::new();
    for (name, kind, flags, least, greatest) in rows {
        let start = out.len();
        out.extend(name.encode_utf16().flat_map(u16::to_le_bytes));
        out.resize(start + 128, 0);
        for word in [kind, 0, 0, flags] {
            out.extend(word.to_le_bytes());
        }
        out.extend(least.to_le_bytes());
        out.extend(greatest.to_le_bytes());
    }
    out.resize(out.len() + 160, 0);
    out
}

/// The value of `VOLUME_INFORMATION`.
pub(crate) fn volume_information(version: (u8, u8), flags: u16) -> Vec<u8> {
    let mut out = vec![0; 8];
    out.extend([version.0, version.1]);
    out.extend(flags.to_le_bytes());
    out
}
