//! What only the operating system knows about devices and files. All platform
//! code of the program is in this folder, one folder a platform.

mod linux;

pub use linux::{
    Mount, OtherUse, allocate, allow_open_files, bad_sector, begin_writeback, cannot_change_length,
    cannot_sync, delay_abort, discard, discard_unit, drop_cached, expect_random_reads,
    fit_in_address_space, forget_cached, free_space, handled_signals, is_bad_sector,
    is_behind_loop_device, is_cached, is_gone, is_mount_point, is_open_for_writing,
    is_protected_by_directory, is_read_only, is_same, is_stdout_closed, lock, metadata_of, mounts,
    open_direct, open_exclusively, open_regular, open_to_write, other_ending_signals, other_use,
    overlap, partition_node, rename_without_replacing, reopen_direct, reopen_direct_to_write,
    share_range, share_unit, sync_directory, try_zeros, usable_memory,
};
