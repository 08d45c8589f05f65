//! Sorting with little code, for lists that are short or seldom sorted.

use alloc::collections::BinaryHeap;
use alloc::vec::Vec;

/// The list in ascending order. By a heap: the faster sorts of the standard
/// library take 6 KB for each type of item, in a module that browsers load.
pub(crate) fn sorted<T: Ord>(list: Vec<T>) -> Vec<T> {
    BinaryHeap::from(list).into_sorted_vec()
}
