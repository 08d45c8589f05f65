//! Telling a device what a volume leaves free.

use std::fs::File;
use std::ops::Range;

use super::target::Target;
use crate::device;
use crate::error::{Error, Result};
use crate::report;

/// Bytes given up at once, so that an interruption need not wait for all.
const STEP: u64 = 1 << 30;

/// Discards gaps of a device as they become known.
pub struct Discard {
    /// None if the device does not take it.
    device: Option<File>,
    name: String,
    unit: u64,
    discarded: u64,
}

impl Discard {
    pub fn new(target: &Target) -> Result<Self> {
        let device = target.handle()?;
        let unit = device::discard_unit(&device)
            .map_err(|error| Error::io("look at", target.name(), error))?;
        Ok(Self {
            device: Some(device),
            name: target.name().display().to_string(),
            unit,
            discarded: 0,
        })
    }

    pub fn discarded(&self) -> u64 {
        self.discarded
    }

    /// Discards what `gap` holds, which may be nothing: never a byte before or
    /// after it. To fail is no reason not to write the volume.
    pub fn discard(&mut self, gap: Range<u64>) {
        let whole = whole_units(gap, self.unit);
        // Each step a multiple of the unit.
        let step = STEP.next_multiple_of(self.unit);
        let mut start = whole.start;
        while start < whole.end {
            let Some(device) = &self.device else {
                return;
            };
            let end = whole.end.min(start + step);
            if let Err(error) = device::discard(device, start..end) {
                report::warning(format!(
                    "{}: cannot discard what is free: {error}; it keeps what it held",
                    self.name
                ));
                self.device = None;
                return;
            }
            self.discarded += end - start;
            start = end;
        }
    }
}

/// The multiples of `unit` that lie in the range with all of their bytes.
fn whole_units(range: Range<u64>, unit: u64) -> Range<u64> {
    let start = range.start.checked_next_multiple_of(unit);
    start.unwrap_or(u64::MAX)..range.end / unit * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_of_a_gap() {
        let table = [
            (0..8192, 4096, 0..8192),
            (1..8192, 4096, 4096..8192),
            (0..8191, 4096, 0..4096),
            (512..12800, 4096, 4096..12288),
            (100_000..300_000, 65536, 131_072..262_144),
        ];
        for (gap, unit, expected) in table {
            assert_eq!(whole_units(gap.clone(), unit), expected, "{gap:?}");
        }
        // The last one is where an image jumps back.
        for (start, end) in [
            (0, 0),
            (1, 4095),
            (4095, 4097),
            (u64::MAX - 1, u64::MAX),
            (8192, 0),
        ] {
            let whole = whole_units(start..end, 4096);
            assert!(whole.is_empty(), "{start} to {end}: {whole:?}");
        }
    }
}
