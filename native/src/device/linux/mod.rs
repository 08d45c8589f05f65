//! Linux: its system calls, `/proc` and `/sys`.

mod background;
mod block_device;
mod cache;
mod directory;
mod discard;
mod errors;
mod files;
mod fuse;
mod holes;
mod listing;
mod memory;
mod mount_table;
mod mounts;
mod process;
mod reflink;
mod signals;
mod sockets;
mod standard_stream;

pub use background::Forked;
pub use block_device::{
    is_behind_loop_device, is_gone, is_read_only, is_same, open_exclusively, overlap,
    partition_node, partition_start,
};
pub use cache::{
    allocate, begin_writeback, drop_cached, expect_random_reads, forget_cached, is_cached,
    open_direct, reopen_direct, reopen_direct_to_write,
};
pub use directory::{
    Directory, FileTime, Handle, Named, file_system, inode, make_read_only, set_attribute,
    set_times, sync_file_system,
};
pub use discard::{discard, discard_unit};
#[cfg(test)]
pub use errors::gone_silent;
pub use errors::{
    bad_sector, cannot_change_length, cannot_sync, is_bad_sector, is_immutable, refuses_direct,
};
pub use files::{
    FileKind, Mode, allocated_size, change_time, create_new, file_kind, free_space,
    is_device_folder, is_mount_point, is_open_for_writing, is_protected_by_directory, is_terminal,
    lock, may_be_on_ntfs, name_bytes, open_regular, open_to_write, rename_without_replacing,
    sync_directory, take_over_access, write_all_at,
};
pub use fuse::{detach, has_fuse, set_read_ahead, user_and_group};
pub use holes::{allocation_at, punch};
pub use memory::{set_up_heap, try_zeros, usable_memory};
pub use mounts::{MOUNTS_REMEDY, Mount, OtherUse, mounts, other_use};
pub use process::{allow_open_files, boot_id, host_name, is_root};
pub use reflink::{share_range, share_unit};
pub use signals::{EndingSignals, handle_file_size_limit};
pub use sockets::{Connection, Listener};
pub use standard_stream::{
    descriptor_of, is_stdout, is_stdout_closed, stdin, stdout, terminal_width,
};
