//! The spot check of an index: does the image have commands where the index says?

use super::index::{Index, Run, stride};
use super::ntfsclone::{COMMAND_GAP, COMMAND_NEXT, corrupt, cut_short};
use crate::error::{Error, Result, Structure};
use crate::io::ReadAt;
use crate::units::{Extent, Lcn, len_u64, len_usize};

/// The most gaps that are checked. Each costs a seek; nearly every wrong index
/// shifts all later offsets, so a sample finds it.
const PLACES: u64 = 256;

impl Index {
    /// Checks a sample of the gaps in the image, and the commands before and after
    /// them, against this index; all gaps if there are no more than 255.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] with the byte position in the image; [`Error::Io`].
    pub fn spot_check(&self, source: &(impl ReadAt + ?Sized)) -> Result<()> {
        if self.stream_size() > source.size() {
            return Err(cut_short(source.size()));
        }
        let gaps = len_u64(self.stream().len());
        let places = gaps.saturating_add(1).min(PLACES);
        for place in 0..places {
            let number = place
                .saturating_mul(gaps)
                .checked_div(places.saturating_sub(1));
            self.check_gap(source, len_usize(number.unwrap_or(0)))?;
        }
        Ok(())
    }

    /// Checks the end of the run before, the gap, and the start of the run with
    /// that number; the one after the last is the tail.
    fn check_gap(&self, source: &(impl ReadAt + ?Sized), number: usize) -> Result<()> {
        let header = self.header();
        let before = number.checked_sub(1);
        let before = before.and_then(|number| self.stream().get(number));
        let run = self.stream().get(number).copied();
        let has_next = run.map_or(header.has_tail(), |run| run.extent.len > 0);
        let run = run.unwrap_or(self.end());

        let end = before.map_or(
            Run {
                extent: Extent::new(Lcn(0), 0),
                offset: header.data_offset.into(),
            },
            |before| before.from(header, before.extent.end()),
        );
        if before.is_some_and(|before| before.extent.len > 0) {
            let offset = end.offset.saturating_sub(stride(header));
            check_command(source, offset, COMMAND_NEXT)?;
        }
        // A jump back wraps to the negative number that it is.
        let gap = run.extent.start.0.wrapping_sub(end.extent.start.0);
        if gap != 0 {
            check_command(source, end.offset, COMMAND_GAP)?;
            let mut count = [0; 8];
            read(source, end.offset.saturating_add(1), &mut count)?;
            let found = header.gap_count(count);
            if found != gap.cast_signed() {
                return Err(corrupt(
                    end.offset,
                    "a gap's count",
                    found.cast_unsigned(),
                    "that of the index",
                ));
            }
        }
        if has_next {
            check_command(source, run.offset, COMMAND_NEXT)?;
        }
        Ok(())
    }
}

fn check_command(source: &(impl ReadAt + ?Sized), offset: u64, expected: u8) -> Result<()> {
    let mut command = [0];
    read(source, offset, &mut command)?;
    let [command] = command;
    if command != expected {
        let expected = "that of the index";
        return Err(corrupt(offset, "a command", command.into(), expected));
    }
    Ok(())
}

fn read(source: &(impl ReadAt + ?Sized), offset: u64, buf: &mut [u8]) -> Result<()> {
    let len = len_u64(buf.len());
    source
        .read_exact_at(offset, buf)
        .map_err(|error| Error::Io {
            structure: Structure::ImageCommand,
            offset,
            len,
            source: error,
        })
}
