//! The command-line tool: clone, image, restore and check NTFS volumes.
//!
//! The way of an invocation: what was typed ([`cli`]) is resolved to a task
//! ([`options`]), which a command ([`commands`]) carries out: it opens a
//! [`source`] and a [`sink`] and joins them with the [`bulk::pipeline`].

mod boot_sectors;
mod bulk;
mod cli;
mod commands;
mod compression;
mod device;
mod error;
mod extract;
mod facts;
mod file_hash;
mod host;
mod input;
mod nbd;
mod options;
mod original_report;
mod overlay;
mod piece_suffix;
mod report;
mod rescue;
mod shell;
mod sink;
mod source;
mod visible;

use std::process::ExitCode;

use crate::error::Error;
use crate::host::signals;

fn main() -> ExitCode {
    device::fit_in_address_space();
    let typed = cli::parse();
    let result = options::resolve(typed).and_then(|options| {
        signals::install()?;
        commands::run(options)
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Also of what failed between that and the first byte.
            let error = match signals::emptied_file() {
                Some(path) => Error::half_written(&path, error),
                None => error,
            };
            report::error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}
