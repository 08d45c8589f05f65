//! Jobs, driven as JavaScript drives them: each page is missing until it is
//! supplied.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod before_damage;
mod checking;
mod compressing;
mod contents;
mod converting;
#[path = "../support/copies.rs"]
mod copies;
mod damaged;
mod decompressing;
mod driver;
#[path = "../support/encoded.rs"]
mod encoded;
mod indexing;
mod nesting;
mod opening;
mod pages;
mod partclone;
mod reader;
mod resizing;
mod samples;
mod several_files;
mod surveying;
mod trees;
mod virtual_disk;
mod whole_disk;
mod wof;
