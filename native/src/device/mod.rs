//! What only the operating system knows about devices and files. All platform
//! code of the program is in this folder, one file a platform.

mod linux;

pub use linux::{
    cannot_sync, free_space, ignored_signals, is_read_only, is_stdout_closed, metadata_of, mounts,
    open_exclusively, overlap,
};
