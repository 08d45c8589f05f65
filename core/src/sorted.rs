//! Sorting what is short.

use alloc::collections::BinaryHeap;
use alloc::vec::Vec;

/// The list in order. For short ones: `sort_unstable` is faster on long ones,
/// and some 5 KiB of WebAssembly for each type that it sorts, ten times this.
pub(crate) fn sorted<T: Ord>(list: Vec<T>) -> Vec<T> {
    BinaryHeap::from(list).into_sorted_vec()
}
