//! Compressed images: written, read anywhere, and read when damaged. `docs/image-format.md` is what they follow.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod damage;
#[path = "../support/encoded.rs"]
mod encoded;
mod file;
mod foreign;
mod map;
mod passing;
mod reading;
