//! Files, devices and the process: all platform code of the program. There is one
//! folder a platform, each with the same names.

mod gone;
mod linux;

pub use gone::DeviceGone;
#[cfg(test)]
pub use linux::gone_silent;
pub use linux::{
    Connection, Directory, EndingSignals, FileKind, FileTime, Forked, Handle, Listener,
    MOUNTS_REMEDY, Mode, Mount, Named, OtherUse, allocate, allocated_size, allocation_at,
    allow_open_files, bad_sector, begin_writeback, boot_id, cannot_change_length, cannot_sync,
    change_time, create_new, descriptor_of, detach, discard, discard_unit, drop_cached,
    expect_random_reads, file_kind, file_system, forget_cached, free_space, handle_file_size_limit,
    has_fuse, host_name, inode, is_bad_sector, is_behind_loop_device, is_cached, is_device_folder,
    is_gone, is_immutable, is_mount_point, is_open_for_writing, is_protected_by_directory,
    is_read_only, is_root, is_same, is_stdout, is_stdout_closed, is_terminal, lock, make_read_only,
    may_be_on_ntfs, mounts, name_bytes, open_direct, open_exclusively, open_regular, open_to_write,
    other_use, overlap, partition_node, partition_start, punch, refuses_direct,
    rename_without_replacing, reopen_direct, reopen_direct_to_write, set_attribute, set_read_ahead,
    set_times, set_up_heap, share_range, share_unit, stdin, stdout, sync_directory,
    sync_file_system, take_over_access, terminal_width, try_zeros, usable_memory, user_and_group,
    write_all_at,
};

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    /// What only one platform has. Tests run on Linux, and may use it.
    const PLATFORM: [&str; 9] = [
        "std::os::",
        "rustix::",
        "libc::",
        "signal_hook",
        "/proc/",
        "/sys/",
        "target_os",
        "cfg(unix",
        "cfg(windows",
    ];

    fn sources_below(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .flat_map(|path| {
                if path.is_dir() {
                    sources_below(&path)
                } else {
                    vec![path]
                }
            })
            .collect()
    }

    #[test]
    fn platform_code_is_in_this_folder_only() {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let outside = sources_below(&sources);
        let outside = outside
            .iter()
            .filter(|path| !path.starts_with(sources.join("device")));
        for path in outside {
            let text = fs::read_to_string(path).unwrap();
            let code = text.split("\nmod tests {").next().unwrap_or_default();
            for (number, line) in code.lines().enumerate() {
                let found = PLATFORM.iter().find(|name| line.contains(*name));
                assert_eq!(found, None, "{}:{}: {line}", path.display(), number + 1);
            }
        }
    }
}
