//! What goes wrong in a run, and the command that makes it go wrong.

use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// The call fails, by strace. `when` counts the calls of each thread: `3`, or `3+` for all from there on.
    Call {
        name: String,
        error: &'static str,
        when: String,
    },
    /// A signal arrives in a call.
    Signal {
        name: String,
        signal: &'static str,
        when: usize,
    },
    /// A limit that prlimit sets.
    Limit {
        option: &'static str,
        value: u64,
    },
    /// The folder is a file system of so many bytes.
    SmallDisk {
        kind: &'static str,
        bytes: u64,
    },
    /// A standard stream is not what it should be.
    Stream(Stream),
    /// The volume is read from a device on which these byte ranges cannot be read, or which fails in another way.
    Device(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    StdoutFull,
    StderrFull,
    StdoutClosed,
    /// A pipe that nobody reads.
    StdoutBroken,
}

impl Fault {
    /// The words before the program's name.
    pub(super) fn wrapper(&self, log: Option<&str>) -> Vec<String> {
        // Without the filter of --seccomp-bpf every call stops the process, which is slow; but with it, strace 6.1
        // delivers no signals.
        let filter = if self.is_signal() {
            ""
        } else {
            " --seccomp-bpf"
        };
        let strace = |traced: &str, more: &[String]| {
            let words = match log {
                // A log tells of every call, and which files they concern.
                Some(log) => format!("strace -f -y -s0 -o {log}"),
                None => format!("strace -f{filter} -o /dev/null -e trace={traced}"),
            };
            let words = words.split(' ').map(str::to_owned);
            words.chain(more.iter().cloned()).collect::<Vec<_>>()
        };
        match self {
            Self::Call { name, error, when } => strace(
                name,
                &[
                    "-e".to_owned(),
                    format!("inject={name}:error={error}:when={when}"),
                ],
            ),
            Self::Signal { name, signal, when } => strace(
                name,
                &[
                    "-e".to_owned(),
                    format!("inject={name}:signal={signal}:when={when}"),
                ],
            ),
            Self::Limit { option, value } => {
                vec!["prlimit".to_owned(), format!("--{option}={value}")]
            }
            Self::None if log.is_some() => strace("", &[]),
            Self::None | Self::SmallDisk { .. } | Self::Stream(_) | Self::Device(_) => Vec::new(),
        }
    }

    /// Whether the process is ended from outside, at a moment that it does not choose.
    pub(super) fn is_kill(&self) -> bool {
        matches!(
            self,
            Self::Signal {
                signal: "SIGKILL",
                ..
            }
        )
    }

    pub(super) fn is_signal(&self) -> bool {
        matches!(self, Self::Signal { .. })
    }

    /// Whether the fault keeps the program from removing or renaming a file.
    pub(super) fn hinders_removal(&self) -> bool {
        match self {
            Self::Call { name, .. } => ["unlink", "rename", "link"]
                .iter()
                .any(|call| name.starts_with(call)),
            _ => false,
        }
    }

    /// Whether the fault may keep a message from being printed.
    pub(super) fn hinders_messages(&self) -> bool {
        match self {
            Self::Call { name, .. } => name.starts_with("write"),
            Self::Limit { option, .. } => *option == "fsize",
            Self::Stream(stream) => *stream == Stream::StderrFull,
            _ => false,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => write!(formatter, "no fault"),
            Self::Call { name, error, when } => write!(formatter, "{name} {when}: {error}"),
            Self::Signal { name, signal, when } => write!(formatter, "{signal} in {name} {when}"),
            Self::Limit { option, value } => write!(formatter, "{option}={value}"),
            Self::SmallDisk { kind, bytes } => write!(formatter, "{kind} of {bytes} bytes"),
            Self::Stream(stream) => write!(formatter, "{stream:?}"),
            Self::Device(text) => write!(formatter, "{text}"),
        }
    }
}
