//! What the kernel knows of this process, and of the machine it runs on.

use std::fs;

use rustix::process::Resource;

/// Lets this process have so many more files open, if it may.
pub fn allow_open_files(count: usize) {
    const OTHERS: u64 = 64;
    let mut limit = rustix::process::getrlimit(Resource::Nofile);
    let needed = (count as u64).saturating_add(OTHERS);
    if limit.current.is_some_and(|current| current < needed) {
        limit.current = limit.maximum.map(|most| most.min(needed)).or(Some(needed));
        // Where it may not, the files that cannot be opened say so.
        let _ = rustix::process::setrlimit(Resource::Nofile, limit);
    }
}

/// Whether the program may do what the system lets anybody do.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The name of this machine in its network.
pub fn host_name() -> String {
    let host = rustix::system::uname();
    host.nodename().to_string_lossy().into_owned()
}

/// What this start of the kernel has in common with no other; `None` if the kernel does not
/// say.
pub fn boot_id() -> Option<u128> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    u128::from_str_radix(&text.trim().replace('-', ""), 16).ok()
}
