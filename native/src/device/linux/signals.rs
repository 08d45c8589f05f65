//! Signals as Linux has them.

use std::time::Duration;
use std::{fs, io, thread};

use signal_hook::consts::SIGABRT;

/// How long the thread that waits for signals has to clean up after an abort.
const ABORT_DELAY: Duration = Duration::from_secs(3);

/// Signals that are ignored or handled already, which is to stay so: `nohup`
/// ignores some, and a profiler that was loaded with the program handles some.
/// As a mask: bit 0 is signal 1.
pub fn handled_signals() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask_after = |name: &str| {
        let mask = status.lines().find_map(|line| line.strip_prefix(name));
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
            .unwrap_or(0)
    };
    mask_after("SigIgn:") | mask_after("SigCgt:")
}

/// Signals that end a program, and that not all platforms have: of a lost
/// power supply, of an old coprocessor, and those for real-time programs.
pub fn other_ending_signals() -> impl Iterator<Item = i32> {
    [libc::SIGPWR, libc::SIGSTKFLT]
        .into_iter()
        .chain(libc::SIGRTMIN()..=libc::SIGRTMAX())
}

/// Lets an abort, as for want of memory, wait until the thread that waits for
/// signals has cleaned up and ended the process. To be called when that handles
/// `SIGABRT`.
pub fn delay_abort() -> io::Result<()> {
    // SAFETY: a signal may interrupt anything; sleeping is one of the few things
    // that may be done then. It allocates nothing and takes no lock.
    unsafe {
        signal_hook_registry::register_sigaction(SIGABRT, |info| {
            // Of one that another process sends, the thread it interrupts knows
            // nothing: it may hold a lock that the cleaning needs.
            if info.si_code == libc::SI_TKILL {
                thread::sleep(ABORT_DELAY);
            }
        })
    }?;
    Ok(())
}
