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
mod failed_requests;
mod file_hash;
mod host;
mod input;
mod mount;
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
use crate::host::{background, signals};

fn main() -> ExitCode {
    device::set_up_heap();
    let typed = cli::parse();
    let result = options::resolve(typed).and_then(|options| {
        if options.task.is_background() {
            let begun = background::begin();
            begun.map_err(|error| Error::io("continue in the", "background".as_ref(), error))?;
        }
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
