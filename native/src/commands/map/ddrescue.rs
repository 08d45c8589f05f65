//! A mapfile of GNU ddrescue, as its manual describes it ("Mapfile
//! structure"), to be used as a domain: it reads what is marked `+`.

use std::io::{self, Write};

use super::{Area, Domain};

const IN_USE: char = '+';
const UNUSED: char = '?';

pub fn write(domain: &Domain<'_>, out: &mut impl Write) -> io::Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    writeln!(out, "# Mapfile. Created by ntfsclone version {version}")?;
    // In quotes and escaped: a name may have lines.
    let source = domain.source;
    writeln!(out, "# What is in use ({IN_USE}) of {source:?}")?;
    writeln!(out, "# current_pos  current_status  current_pass")?;
    writeln!(out, "0x00000000     {IN_USE}               1")?;
    writeln!(out, "#      pos        size  status")?;
    let mut position = 0;
    for area in domain.areas() {
        unused(out, position, area.offset)?;
        line(out, area, IN_USE)?;
        position = area.end();
    }
    // The blocks must be contiguous, and end where the device ends.
    unused(out, position, domain.size)
}

fn unused(out: &mut impl Write, offset: u64, end: u64) -> io::Result<()> {
    match end.saturating_sub(offset) {
        0 => Ok(()),
        length => line(out, Area { offset, length }, UNUSED),
    }
}

fn line(out: &mut impl Write, area: Area, status: char) -> io::Result<()> {
    let Area { offset, length } = area;
    writeln!(out, "0x{offset:08X}  0x{length:08X}  {status}")
}
