//! The image format of ntfsclone: written, read back, and read when damaged.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod checks;
mod commands;
#[path = "../support/copies.rs"]
mod copies;
mod cut;
mod decoded;
#[path = "../support/decoding.rs"]
mod decoding;
mod discovery;
#[path = "../support/encoded.rs"]
mod encoded;
mod giant;
mod headers;
#[path = "../support/image_decoder.rs"]
mod image_decoder;
mod indexes;
mod reader;
mod roundtrip;
mod salvage;
#[path = "../volumes/samples.rs"]
mod samples;
mod spot_check;
mod volumes;
