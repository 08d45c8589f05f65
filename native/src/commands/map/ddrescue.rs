//! A mapfile of GNU ddrescue, to be used as a domain: it reads what is finished
//! in it.

use std::io::{self, Write};

use super::domain::{Domain, Part, Positions, VolumePart};
use crate::rescue::mapfile::{write_area, write_head};
use crate::rescue::{RunStatus, Status};

pub fn write(domain: &Domain<'_>, out: &mut impl Write) -> io::Result<()> {
    // In quotes and escaped: a name may have lines.
    let source = format!("{:?}", domain.source);
    let comment = match &domain.positions {
        Positions::Source => match &domain.parts[..] {
            [
                Part::Volume(VolumePart {
                    partition: Some(partition),
                    ..
                }),
            ] => format!(
                "What is in use (+) of partition {} of {source}, by positions on the disk",
                partition.number
            ),
            _ => format!("What is in use (+) of {source}"),
        },
        Positions::Within(layers) => {
            format!("What is in use (+) of the volume in {source} ({layers}), by positions in it")
        }
    };
    write_head(out, &comment, 0, RunStatus::Finished)?;
    let mut position = 0;
    let unused = |out: &mut _, from: u64, to: u64| match from < to {
        true => write_area(out, from..to, Status::NonTried),
        false => Ok(()),
    };
    for area in domain.areas() {
        unused(out, position, area.offset)?;
        write_area(out, area.offset..area.end(), Status::Finished)?;
        position = area.end();
    }
    // The areas must be contiguous, and end where the device ends.
    unused(out, position, domain.size)
}
