//! What only the operating system knows about devices and files. All platform
//! code of the program is in this folder, one file a platform.

mod linux;
mod linux_cache;

pub use linux::{
    cannot_sync, free_space, ignored_signals, is_bad_sector, is_gone, is_read_only,
    is_stdout_closed, lock, metadata_of, mounts, open_exclusively, overlap, sync_directory,
};
pub use linux_cache::{
    available_memory, begin_writeback, expect_random_reads, is_cached, open_direct, reopen_direct,
    reopen_direct_to_write,
};
