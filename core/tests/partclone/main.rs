//! Images of partclone: made here in every version and mode, and real ones.

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

mod backup;
mod checks;
mod damage;
mod decoded;
#[path = "../support/decoding.rs"]
mod decoding;
mod extents;
mod headers;
#[path = "../support/image_decoder.rs"]
mod image_decoder;
mod modes;
#[path = "../support/oracle.rs"]
mod oracle;
mod real;
