//! Virtual disks: made here, damaged, and written by qemu-img.

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

mod chains;
mod damage;
mod disk_files;
mod ewf;
mod files;
mod made;
#[path = "../support/oracle.rs"]
mod oracle;
mod qemu;
mod read;
mod refused;
#[path = "../support/run.rs"]
mod run;
mod several_files;
mod vhdx_log;
mod waiting;
