//! Signals that would end the program.

use std::sync::Arc;
use std::time::Duration;
use std::{fs, io, thread};

use signal_hook::consts::{
    SIGABRT, SIGALRM, SIGHUP, SIGINT, SIGIO, SIGPIPE, SIGPROF, SIGQUIT, SIGSYS, SIGTERM, SIGTRAP,
    SIGUSR1, SIGUSR2, SIGVTALRM, SIGXCPU, SIGXFSZ,
};
use signal_hook::flag;
use signal_hook::iterator::Signals;

/// Signals that end a program which does not handle them, but for those that
/// tell of a defect in it and those that cannot be handled. The last two are of
/// a lost power supply, and of an old coprocessor.
const ENDING: [i32; 17] = [
    SIGHUP,
    SIGINT,
    SIGQUIT,
    SIGTRAP,
    SIGABRT,
    SIGUSR1,
    SIGUSR2,
    SIGPIPE,
    SIGALRM,
    SIGTERM,
    SIGXCPU,
    SIGVTALRM,
    SIGPROF,
    SIGIO,
    SIGSYS,
    libc::SIGPWR,
    libc::SIGSTKFLT,
];

/// How long the thread that waits for signals has to clean up after an abort.
const ABORT_DELAY: Duration = Duration::from_secs(3);

/// The exit status of a program that a signal ended is this and its number, by
/// the convention of shells.
const EXIT_STATUS: i32 = 128;

/// Signals that end the program are handled as long as this is there.
pub struct EndingSignals(Signals);

impl EndingSignals {
    /// Handles all that end the program, unless it was started with them ignored.
    pub fn handle() -> io::Result<Self> {
        let for_real_time = libc::SIGRTMIN()..=libc::SIGRTMAX();
        let ending = ENDING.into_iter().chain(for_real_time);
        // Handled, too: a file that must not be longer is then an error of the write.
        let all = ending.chain([SIGXFSZ]);
        let handled = handled_signals();
        let signals = Signals::new(all.filter(|&signal| !contains(handled, signal)))?;
        delay_abort()?;
        Ok(Self(signals))
    }

    /// Waits for one, and returns the exit status that tells of it.
    pub fn wait(mut self) -> Option<i32> {
        let ending = self.0.forever().find(|&signal| signal != SIGXFSZ);
        ending.map(|signal| EXIT_STATUS + signal)
    }
}

/// Has a file that must not be longer be an error of the write, instead of the
/// program's end.
pub fn handle_file_size_limit() -> io::Result<()> {
    if !contains(handled_signals(), SIGXFSZ) {
        flag::register(SIGXFSZ, Arc::default())?;
    }
    Ok(())
}

/// Signals that are ignored or handled already, which is to stay so: `nohup`
/// ignores some, and a profiler that was loaded with the program handles some.
/// As a mask: bit 0 is signal 1.
fn handled_signals() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask_after = |name: &str| {
        let mask = status.lines().find_map(|line| line.strip_prefix(name));
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
            .unwrap_or(0)
    };
    mask_after("SigIgn:") | mask_after("SigCgt:")
}

fn contains(mask: u64, signal: i32) -> bool {
    mask >> (signal - 1) & 1 == 1
}

/// Lets an abort, as for want of memory, wait until the thread that waits for
/// signals has cleaned up and ended the process. To be called when that handles
/// `SIGABRT`.
fn delay_abort() -> io::Result<()> {
    // SAFETY: a signal may interrupt anything; sleeping is one of the few things
    // that may be done then. It allocates nothing and takes no lock.
    unsafe {
        signal_hook_registry::register_sigaction(SIGABRT, |info| {
            // Of one that another process sends, the thread it interrupts knows
            // nothing: it may hold a lock that the cleaning needs.
            if !matches!(info.si_code, libc::SI_USER | libc::SI_QUEUE) {
                thread::sleep(ABORT_DELAY);
            }
        })
    }?;
    Ok(())
}
