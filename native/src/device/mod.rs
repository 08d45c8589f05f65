//! What only the operating system knows about devices and files. All platform
//! code of the program is in this folder, one folder a platform.

mod linux;

pub use linux::{
    allow_open_files, available_memory, begin_writeback, cannot_sync, discard, discard_unit,
    expect_random_reads, forget_cached, free_space, ignored_signals, is_bad_sector, is_cached,
    is_gone, is_read_only, is_stdout_closed, lock, metadata_of, mounts, open_direct,
    open_exclusively, open_regular, overlap, partition_node, reopen_direct, reopen_direct_to_write,
    share_range, share_unit, sync_directory,
};
