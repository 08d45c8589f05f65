//! NTFS volumes, healthy and broken: what is read off them.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod boot_sector;
mod checks;
mod damage;
mod damaged_bitmap;
mod damages;
mod documentation;
mod findings;
mod formats;
mod infos;
mod lost_sectors;
mod opening;
mod partition_table;
mod read_errors;
mod relocated;
mod runlist;
mod salvage;
mod samples;
mod tree;
mod used_clusters;
mod volume_info;

#[path = "../../fuzz/src/lib.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "it is a library of its own for cargo-fuzz"
)]
mod targets;

use ntfsclone_core::Error;
use ntfsclone_core::error::Structure;

/// Which structure an error speaks of, and where it lies.
fn place(error: &Error) -> (Structure, u64) {
    match *error {
        Error::Io {
            structure, offset, ..
        }
        | Error::Corrupt {
            structure, offset, ..
        }
        | Error::Unsupported {
            structure, offset, ..
        }
        | Error::Limit {
            structure, offset, ..
        } => (structure, offset),
        _ => panic!("an error without a place: {error}"),
    }
}
