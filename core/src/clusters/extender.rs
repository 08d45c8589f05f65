//! Turns a bitmap, 64 bits at a time, into the longest extents of set bits.

use crate::units::{Extent, Lcn};

/// Collects the set bits of ascending words into extents.
#[derive(Debug, Default)]
pub(crate) struct Extender {
    last: Option<Extent>,
}

impl Extender {
    /// Takes the bits of the 64 clusters from `first` on, the first lowest.
    /// Each extent is passed to `emit` once a clear bit ends it.
    pub(crate) fn add_bits(&mut self, first: Lcn, bits: u64, mut emit: impl FnMut(Extent)) {
        let mut left = bits;
        while left != 0 {
            let start = left.trailing_zeros();
            let len = left.checked_shr(start).unwrap_or(0).trailing_ones();
            let end = start.saturating_add(len);
            left &= u64::MAX.checked_shl(end).unwrap_or(0);

            let found = Extent::new(first.plus(start.into()), len.into());
            match &mut self.last {
                Some(last) if last.end() == found.start => {
                    last.len = last.len.saturating_add(found.len);
                }
                last => {
                    if let Some(done) = last.replace(found) {
                        emit(done);
                    }
                }
            }
        }
    }

    /// The last extent, which no clear bit has ended.
    pub(crate) fn finish(self) -> Option<Extent> {
        self.last
    }
}
