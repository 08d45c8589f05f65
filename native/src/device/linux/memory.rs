//! How much more memory this process may use: what is free, and its limits.

use std::alloc::{Layout, alloc_zeroed};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::process::Resource;

use super::mount_table::{self, Entry};

/// Of a limited address space, what is left for stacks of threads and for code.
const OUTSIDE_OF_BUFFERS: u64 = 16 << 20;

/// Bytes of memory that this process may use beside what it has: those that are
/// free, or can be made free without a loss, and less where a container or
/// `ulimit -v` allows less.
pub fn usable_memory() -> u64 {
    // Buffers are made at the start of a run: the machine is looked at once.
    static OF_MACHINE: OnceLock<u64> = OnceLock::new();
    let of_machine = *OF_MACHINE.get_or_init(|| {
        let limits = [free_memory(), group_memory()];
        limits.into_iter().flatten().min().unwrap_or(u64::MAX)
    });
    address_space().map_or(of_machine, |space| space.min(of_machine))
}

/// Bytes of memory up to which allocations are of the heap, and which it keeps free at its end.
#[cfg(target_env = "gnu")]
const HEAP_BYTES: libc::c_int = 4 << 20;

/// Sets up the heap of glibc. To be called first of all.
///
/// It keeps what is freed, up to [`HEAP_BYTES`]: given back to the kernel, as it would be, the same
/// windows and buffers are zeroed again, page by page, a thousand times in a run. And all threads
/// share it if the address space is limited, of which each would take 64 MiB, used or not.
pub fn set_up_heap() {
    #[cfg(target_env = "gnu")]
    {
        let is_limited = rustix::process::getrlimit(Resource::As).current.is_some();
        let one_heap = is_limited.then_some((libc::M_ARENA_MAX, 1));
        let kept = [libc::M_MMAP_THRESHOLD, libc::M_TRIM_THRESHOLD];
        for (option, value) in kept
            .map(|option| (option, HEAP_BYTES))
            .into_iter()
            .chain(one_heap)
        {
            // SAFETY: only numbers are passed, and there is no other thread yet.
            let done = unsafe { libc::mallopt(option, value) };
            // Without it, a run is slower, or allocations may fail, which they can anyway.
            let _ = done;
        }
    }
}

/// `len` zeros, of which the kernel gives the memory when they are used; `None`
/// where there can be no memory for them.
pub fn try_zeros(len: usize) -> Option<Vec<u8>> {
    let layout = Layout::array::<u8>(len).ok().filter(|_| len > 0)?;
    // SAFETY: the layout has a size.
    let start = unsafe { alloc_zeroed(layout) };
    if start.is_null() {
        return None;
    }
    // SAFETY: the allocator of `Vec` gave the memory, with the layout of so many
    // bytes, and all of them are zeros.
    Some(unsafe { Vec::from_raw_parts(start, len, len) })
}

fn free_memory() -> Option<u64> {
    let table = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = table
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.map(|kib| kib.saturating_mul(1024)).or_else(|| {
        // Where /proc is not mounted. Without what caches hold.
        let info = rustix::system::sysinfo();
        u64::from(info.mem_unit).checked_mul(info.freeram)
    })
}

/// What `ulimit -v` leaves.
fn address_space() -> Option<u64> {
    let limit = rustix::process::getrlimit(Resource::As).current?;
    let sizes = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = sizes
        .split(' ')
        .next()
        .and_then(|size| size.parse::<u64>().ok());
    let used = pages.map_or(0, |pages| pages * rustix::param::page_size() as u64);
    Some(
        limit
            .saturating_sub(used)
            .saturating_sub(OUTSIDE_OF_BUFFERS),
    )
}

/// What the control groups of the process leave, of both versions.
fn group_memory() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let mounts = mount_table::own().ok()?;
    let free = groups.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, group) = (fields.next()?, fields.next()?);
        let version = match controllers {
            // Version 2 has one without a name.
            "" => &VERSION_2,
            _ if controllers.split(',').any(|name| name == "memory") => &VERSION_1,
            _ => return None,
        };
        let mount = mounts.iter().find(|mount| version.is_mount(mount))?;
        version.free_in(&mount.point, &folder_of(group, mount))
    });
    free.min()
}

/// Where a group is found: what is mounted may be a part of all groups, as in a
/// container.
fn folder_of(group: &str, mount: &Entry) -> PathBuf {
    let below = Path::new(group).strip_prefix(&mount.root);
    // `..` is outside of what is mounted.
    match below {
        Ok(below) if !group.contains("..") => mount.point.join(below),
        _ => mount.point.clone(),
    }
}

/// The files of a version of control groups.
struct Version {
    file_system: &'static str,
    limits: &'static [&'static str],
    usage: &'static str,
    /// Lines of `memory.stat`: what of the usage is of files, and is given up
    /// before anything else.
    cache: [&'static str; 2],
}

const VERSION_1: Version = Version {
    file_system: "cgroup",
    limits: &["memory.limit_in_bytes"],
    usage: "memory.usage_in_bytes",
    cache: ["total_inactive_file", "total_active_file"],
};

const VERSION_2: Version = Version {
    file_system: "cgroup2",
    limits: &["memory.max", "memory.high"],
    usage: "memory.current",
    cache: ["inactive_file", "active_file"],
};

impl Version {
    fn is_mount(&self, mount: &Entry) -> bool {
        mount.file_system == self.file_system
            && (self.file_system == "cgroup2" || mount.has_option("memory"))
    }

    /// The least that a group, or one that it is in, leaves; `None` if there is
    /// no limit.
    fn free_in(&self, top: &Path, group: &Path) -> Option<u64> {
        let groups = group
            .ancestors()
            .take_while(|folder| folder.starts_with(top));
        groups.filter_map(|folder| self.free_of(folder)).min()
    }

    fn free_of(&self, folder: &Path) -> Option<u64> {
        let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
        // Without a limit, version 2 says `max`, and version 1 a number beyond
        // all memory.
        let number = |name: &&str| read(name)?.trim().parse::<u64>().ok();
        let limit = self.limits.iter().filter_map(number).min()?;
        let usage = number(&self.usage).unwrap_or(0);
        let stat = read("memory.stat").unwrap_or_default();
        let cache = stat.lines().filter_map(|line| {
            let (name, bytes) = line.split_once(' ')?;
            self.cache
                .contains(&name)
                .then(|| bytes.parse::<u64>().ok())?
        });
        let taken = usage.saturating_sub(cache.sum());
        Some(limit.saturating_sub(taken))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with these files.
    fn group(folder: &Path, files: &[(&str, &str)]) {
        fs::create_dir_all(folder).unwrap();
        for (name, text) in files {
            fs::write(folder.join(name), text).unwrap();
        }
    }

    #[test]
    fn the_tightest_group_counts() {
        let top = tempfile::tempdir().unwrap();
        let top = top.path();
        let stat = "anon 5\ninactive_file 300\nactive_file 200\nfile 900\n";
        group(
            &top.join("a"),
            &[
                ("memory.max", "1000\n"),
                ("memory.current", "600\n"),
                ("memory.stat", stat),
            ],
        );
        group(
            &top.join("a/b"),
            &[("memory.max", "max\n"), ("memory.current", "600\n")],
        );
        group(
            &top.join("a/b/c"),
            &[("memory.max", "5000\n"), ("memory.current", "100\n")],
        );
        group(
            &top.join("d"),
            &[("memory.max", "max\n"), ("memory.high", "max\n")],
        );
        group(
            &top.join("e"),
            &[
                ("memory.max", "70\n"),
                ("memory.high", "50\n"),
                ("memory.current", "90\n"),
            ],
        );
        for (name, expected) in [
            ("a", Some(900)),
            ("a/b", Some(900)),
            ("a/b/c", Some(900)),
            ("d", None),
            ("e", Some(0)),
            ("none", None),
        ] {
            assert_eq!(VERSION_2.free_in(top, &top.join(name)), expected, "{name}");
        }
        let stat = "inactive_file 1\ntotal_inactive_file 30\ntotal_active_file 20\n";
        let files = [
            ("memory.limit_in_bytes", "100"),
            ("memory.usage_in_bytes", "80"),
            ("memory.stat", stat),
        ];
        group(&top.join("old"), &files);
        assert_eq!(VERSION_1.free_in(top, &top.join("old")), Some(70));
    }

    #[test]
    fn there_is_some() {
        assert!(usable_memory() > 0);
    }
}
