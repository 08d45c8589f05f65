//! What the integration tests share: the programs they run, the volumes they make, and guards that clean up.
//!
//! Three test binaries compile this module for themselves; two use a part of it.
#![allow(dead_code, reason = "no single test binary uses all of it")]

pub(crate) mod boot_sector;
pub(crate) mod compare;
pub(crate) mod contents;
pub(crate) mod control_group;
pub(crate) mod disk;
pub(crate) mod domain;
pub(crate) mod failing_device;
pub(crate) mod file_system;
pub(crate) mod giant;
pub(crate) mod image;
pub(crate) mod large_volume;
pub(crate) mod loop_device;
pub(crate) mod lying_device;
pub(crate) mod mount;
pub(crate) mod nbd_client;
pub(crate) mod old_device;
pub(crate) mod pipeline;
pub(crate) mod program;
pub(crate) mod requirements;
pub(crate) mod scene;
pub(crate) mod server;
pub(crate) mod small_volume;
pub(crate) mod terminal;
pub(crate) mod tree;
pub(crate) mod verify_report;
pub(crate) mod volume;
pub(crate) mod volume_table;
pub(crate) mod wrapped;

use tempfile::TempDir;

/// A folder of its own below cargo's target directory: test volumes are too large for many a `/tmp`.
pub(crate) fn scratch_directory() -> TempDir {
    tempfile::Builder::new()
        .prefix("ntfsclone-")
        .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
        .expect("cannot make a scratch folder in the target directory")
}
