//! Bits as extents.

use crate::units::{Extent, Lcn};

/// Joins bits of ascending words to their longest extents.
#[derive(Debug, Default)]
pub(crate) struct Extender {
    last: Option<Extent>,
}

impl Extender {
    /// Takes the bits of the 64 clusters from `first` on, the first lowest.
    /// `emit` gets what is known to go no further.
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

    /// The last extent.
    pub(crate) fn finish(self) -> Option<Extent> {
        self.last
    }
}
