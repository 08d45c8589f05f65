//! A process that continues in the background.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::process;

use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, WaitOptions};

/// By the convention of shells, the exit status of a program that a signal ended is this and its number.
const EXIT_STATUS: i32 = 128;

/// The process that continues; the one that started it waits for a byte.
pub struct Forked {
    waiting: File,
}

impl Forked {
    /// Returns in the new process only. To be called while there is one thread.
    pub fn new() -> io::Result<Self> {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
        // SAFETY: there is one thread, so no lock is held by another one, which the new process would not have.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => Ok(Self {
                waiting: File::from(writer),
            }),
            child => {
                drop(writer);
                wait(File::from(reader), child)
            }
        }
    }

    /// Leaves the terminal, and lets the first process end.
    pub fn leave(mut self) -> io::Result<()> {
        rustix::process::setsid()?;
        let null = File::options().read(true).write(true).open("/dev/null")?;
        // What is read may be a file or pipe on standard input.
        if io::stdin().is_terminal() {
            rustix::stdio::dup2_stdin(&null)?;
        }
        rustix::stdio::dup2_stdout(&null)?;
        rustix::stdio::dup2_stderr(&null)?;
        self.waiting.write_all(&[1])
    }
}

/// Ends as `child` does, or well when that is ready.
fn wait(mut reader: File, child: i32) -> ! {
    let is_ready = reader.read_exact(&mut [0]).is_ok();
    if is_ready {
        process::exit(0);
    }
    let status = rustix::process::waitpid(Pid::from_raw(child), WaitOptions::empty());
    let status = status.ok().flatten().map(|(_, status)| status);
    let code = status.and_then(|status| {
        let by_signal = status
            .terminating_signal()
            .map(|signal| EXIT_STATUS + signal);
        status.exit_status().or(by_signal)
    });
    process::exit(code.unwrap_or(1))
}
