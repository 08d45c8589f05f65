//! Which system calls a run makes, as strace writes them down, and how each may fail.

use std::collections::BTreeMap;

/// Calls, and the errors that each is made to fail with. Calls that fail in no other way than by strace are left out.
const ERRORS: &[(&str, &[&str])] = &[
    ("openat", &["EIO", "EMFILE", "EACCES"]),
    ("read", &["EIO", "EINTR"]),
    ("readv", &["EIO"]),
    ("pread64", &["EIO", "EINTR"]),
    ("preadv", &["EIO"]),
    ("write", &["EIO", "ENOSPC", "EINTR"]),
    ("writev", &["EIO"]),
    ("pwrite64", &["EIO", "ENOSPC", "EINTR"]),
    ("pwritev", &["EIO"]),
    ("fsync", &["EIO", "ENOSPC", "EINVAL"]),
    ("fdatasync", &["EIO", "ENOSPC"]),
    ("sync_file_range", &["EIO", "ENOSYS"]),
    ("ftruncate", &["EIO", "ENOSPC", "EFBIG"]),
    ("fallocate", &["EOPNOTSUPP", "ENOSPC", "EIO"]),
    ("copy_file_range", &["EXDEV", "EIO", "ENOSPC"]),
    ("ioctl", &["ENOTTY", "EIO"]),
    ("statx", &["EIO", "ENOSYS"]),
    ("newfstatat", &["EIO"]),
    ("fstat", &["EIO"]),
    ("statfs", &["EIO", "ENOSYS"]),
    ("fstatfs", &["EIO"]),
    ("renameat2", &["EIO", "ENOSPC", "EINVAL", "EPERM"]),
    ("rename", &["EIO"]),
    ("renameat", &["EIO"]),
    ("link", &["EPERM"]),
    ("linkat", &["EIO", "EPERM"]),
    ("unlink", &["EIO"]),
    ("unlinkat", &["EIO"]),
    ("close", &["EIO", "EINTR"]),
    ("mmap", &["ENOMEM"]),
    ("mprotect", &["ENOMEM"]),
    ("mremap", &["ENOMEM"]),
    ("madvise", &["ENOMEM"]),
    ("mincore", &["ENOSYS"]),
    ("clone3", &["EAGAIN", "ENOSYS"]),
    ("clone", &["EAGAIN"]),
    ("getrandom", &["ENOSYS", "EINTR"]),
    ("fadvise64", &["EPERM", "EINVAL"]),
    ("lseek", &["EIO", "EINVAL"]),
    ("flock", &["EIO", "ENOSYS"]),
    ("fcntl", &["EINVAL"]),
    ("fchown", &["EPERM"]),
    ("fchmod", &["EPERM"]),
    ("getdents64", &["EIO"]),
    ("readlink", &["EIO"]),
    ("readlinkat", &["EIO"]),
    ("getcwd", &["ENOENT"]),
    ("sched_getaffinity", &["EPERM"]),
    ("socketpair", &["EMFILE"]),
    ("recvfrom", &["EINTR"]),
    ("prctl", &["EPERM"]),
    ("access", &["EIO"]),
    ("umask", &["EPERM"]),
    ("memfd_create", &["ENOSYS"]),
];

/// The calls of one kind that a run makes once `main` is about to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Calls {
    pub(super) name: String,
    /// Ordinals, as each thread counts them.
    pub(super) first: usize,
    pub(super) last: usize,
}

impl Calls {
    pub(super) fn errors(&self) -> &'static [&'static str] {
        ERRORS
            .iter()
            .find(|(name, _)| *name == self.name)
            .map_or(&[], |(_, errors)| errors)
    }
}

/// Reads what strace wrote: `PID call(arguments) = result`.
pub(super) fn parse(log: &str) -> Vec<Calls> {
    let mut started = false;
    // Of each thread and call, how many; of each call, how many before the program's own.
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut before: BTreeMap<&str, usize> = BTreeMap::new();
    for line in log.lines() {
        let Some((thread, call)) = line.split_once(' ') else {
            continue;
        };
        let Some((name, arguments)) = call.trim_start().split_once('(') else {
            continue;
        };
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            continue;
        }
        *counts.entry((thread, name)).or_default() += 1;
        if !started {
            *before.entry(name).or_default() += 1;
            // The last thing that Rust prepares before main: a stack for the handler of stack overflows.
            started = name == "rt_sigaction" && arguments.starts_with("SIGBUS, {");
        }
    }
    let mut last: BTreeMap<&str, usize> = BTreeMap::new();
    for ((_, name), count) in counts {
        let most = last.entry(name).or_default();
        *most = count.max(*most);
    }
    last.into_iter()
        .map(|(name, last)| Calls {
            name: name.to_owned(),
            first: before.get(name).map_or(0, |count| *count) + 1,
            last,
        })
        .filter(|calls| calls.first <= calls.last)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_thread_and_from_main_on() {
        let log = "\
            7 openat(AT_FDCWD, \"/lib\", O_RDONLY) = 3\n\
            7 rt_sigaction(SIGBUS, {sa_handler=0x5}, NULL, 8) = 0\n\
            7 openat(AT_FDCWD, \"volume\", O_RDONLY <unfinished ...>\n\
            8 pread64(3, \"\", 512, 0) = 512\n\
            7 <... openat resumed>) = 3\n\
            7 pread64(3, \"\", 512, 0) = 512\n\
            8 pread64(3, \"\", 512, 512) = 512\n\
            8 +++ exited with 0 +++\n";
        let calls = parse(log);
        let expected = [("openat", 2, 2), ("pread64", 1, 2)].map(|(name, first, last)| Calls {
            name: name.to_owned(),
            first,
            last,
        });
        assert_eq!(calls, expected);
    }
}
