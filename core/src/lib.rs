//! NTFS parsing, used-cluster selection and the ntfsclone image format.
//!
//! This crate does no I/O of its own. It reads metadata through [`io::ReadAt`],
//! *plans* what to copy ([`plan`]) and *transforms* buffers
//! ([`image::ntfsclone`]); moving the bulk data is the caller's business, so
//! that a native program can do it with threads and a browser without.
//!
//! Invariants:
//!
//! - no path, thread, clock or terminal is known here;
//! - bytes read are untrusted: whatever they are, no function panics, loops
//!   for ever, or allocates beyond what is really there;
//! - `image` does not know `ntfs`: [`plan`], [`discovery`] and the callers join
//!   them.
//!
//! The way of the data when a volume is saved: [`ntfs::Volume::open`] ->
//! [`clusters::select_used`] -> [`clusters::audit`] -> [`plan::Plan`] ->
//! [`write::Encode`]. And back: [`image::ntfsclone::Decoder`].
//!
//! What has to be waited for, in a browser or over a network, is read through
//! `pages`, by `jobs` that go on step by step.
//!
//! And to look into an image: [`image::Index::discover`] or, where that
//! declines, [`image::Index::scan`] -> [`image::Reader`] -> [`ntfs::Volume`].

// The derives of its one test dependency are written for std.
#![cfg_attr(not(feature = "typescript"), no_std)]

extern crate alloc;

pub mod backup_boot_sector;
pub mod check;
pub mod clusters;
pub mod discovery;
pub mod disk;
pub mod error;
pub mod image;
pub mod info;
pub mod io;
#[cfg(feature = "jobs")]
pub mod jobs;
pub mod ntfs;
pub mod open;
#[cfg(feature = "jobs")]
pub mod pages;
pub mod piece;
pub mod plan;
pub mod ranges;
pub mod relocate;
pub mod salvage;
mod sorted;
pub mod stream;
pub mod tree;
pub mod units;
pub mod wipe;
pub mod write;
pub mod zeros;

pub use error::{Error, Result};
