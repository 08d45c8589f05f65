//! Divides the memory that the process may use among the parts of a run: as much
//! as speed needs, less where memory is limited.

use crate::device;

/// Buffers that go round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buffers {
    pub count: usize,
    /// Bytes of each.
    pub bytes: usize,
}

impl Buffers {
    /// These, or smaller ones of at least `least` bytes, or fewer, but two, where
    /// they would take more than one part in `share` of the memory.
    pub fn within(self, least: usize, share: u64) -> Self {
        self.within_budget(least, device::usable_memory() / share)
    }

    fn within_budget(self, least: usize, budget: u64) -> Self {
        let fits =
            |count: usize, bytes: usize| (count as u64).saturating_mul(bytes as u64) <= budget;
        let mut bytes = self.bytes;
        while !fits(self.count, bytes) && bytes / 2 >= least {
            bytes /= 2;
        }
        let mut count = self.count;
        while !fits(count, bytes) && count > 2 {
            count -= 1;
        }
        Self { count, bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smaller_before_fewer() {
        const MIB: usize = 1 << 20;
        let wanted = Buffers {
            count: 6,
            bytes: 4 * MIB,
        };
        for (budget, least, count, bytes) in [
            (u64::MAX, 65536, 6, 4 * MIB),
            (24 << 20, 65536, 6, 4 * MIB),
            (23 << 20, 65536, 6, 2 * MIB),
            (3 << 20, 65536, 6, 512 << 10),
            (5 << 20, 2 * MIB, 2, 2 * MIB),
            (9 << 20, 2 * MIB, 4, 2 * MIB),
            (0, 65536, 2, 65536),
        ] {
            let found = wanted.within_budget(least, budget);
            assert_eq!(found, Buffers { count, bytes }, "{budget}");
        }
    }
}
