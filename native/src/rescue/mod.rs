//! Saving what can be saved of a device that fails.
//!
//! A [`DamagedSource`] answers reads in spite of bad sectors: it remembers in
//! an [`AreaMap`] which could be read, keeps what was, and never asks twice.
//! It stops when the device goes away. [`passes`] reads all that is wanted
//! through it, the easy parts first. With a [`Mapfile`] on the disk, kept by a
//! [`Checkpoint`], a later run goes on where one ended.

mod area_map;
mod checkpoint;
pub mod continued;
mod damaged_source;
mod failure_run;
mod kept;
pub mod mapfile;
mod mark;
mod medium;
mod missing_clusters;
pub mod passes;
mod reserve;
#[cfg(test)]
mod simulated;
pub mod wanted;

pub use area_map::{AreaMap, Status};
pub use checkpoint::Checkpoint;
pub use continued::Continued;
pub use damaged_source::DamagedSource;
pub use kept::Kept;
pub use mapfile::{Mapfile, RunStatus};
pub use mark::{find_marks, write_marks};
pub use medium::Medium;
pub use missing_clusters::MissingClusters;
