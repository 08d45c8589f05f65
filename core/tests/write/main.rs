//! Volumes written into virtual disks and images of partclone: read again here, and by the
//! programs that these formats are of.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod encoding;
mod limits;
#[path = "../support/oracle.rs"]
mod oracle;
mod partclone;
mod partitions;
mod qemu;
mod read_again;
#[path = "../support/run.rs"]
mod run;
