//! The command line, as typed.

mod abbreviation;
mod copy;
mod map;
mod verify;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process;

use clap::{Arg, ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

pub use copy::{Algorithm, Copy, Generated, Reflink};
pub use map::{Map, MapFormat};
pub use verify::{Info, Verify};

use crate::report;
use crate::visible::Visible;

/// What was typed.
#[derive(Debug, Parser)]
#[command(
    name = "ntfsclone",
    version,
    about = "Clone, image, restore, rescue and check NTFS volumes by copying only the clusters in use",
    after_help = AFTER_HELP,
    infer_long_args = true,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    disable_help_subcommand = true
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,

    #[command(flatten)]
    pub copy: Copy,
}

const AFTER_HELP: &str = "\
Either --output or --overwrite is required, unless --no-action is given.

Exit status: 0 done; 1 failed; 2 wrong usage; 3 done with --rescue, but data was lost or may be
wrong; 128 + N ended by signal N.

Examples:
  ntfsclone --save-image -o backup.img /dev/sda1
  ntfsclone --restore-image --overwrite /dev/sda1 backup.img
  ntfsclone --overwrite /dev/sdb1 /dev/sda1
  ntfsclone --save-image --compress -o backup.img.zst /dev/sda1
  ntfsclone --restore-image --overwrite /dev/sda1 backup.img.zst
  ntfsclone --restore-image --no-action backup.img";

/// What is not one of the original's options.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Save, check, restore and compare a small volume that comes with the
    /// program
    Demo,

    /// Print which bytes of a volume are in use, for programs that can skip the
    /// rest
    Map(Map),

    /// Check all of an image or volume, and the NTFS in it
    Verify(Verify),

    /// Show label, serial number, sizes and usage of an image or volume
    Info(Info),
}

/// How progress is shown.
#[derive(Debug, Args)]
pub struct ProgressArgs {
    /// Show no progress
    #[arg(short, long)]
    pub quiet: bool,

    /// How progress is shown on standard error: auto is a bar on a terminal and
    /// nothing elsewhere; json is a line for each step
    #[arg(long, value_name = "HOW", value_enum)]
    pub progress: Option<ProgressStyle>,
}

/// See `--progress`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProgressStyle {
    Auto,
    Bar,
    Json,
    None,
}

/// Whether bulk data goes through the kernel's cache.
#[derive(Debug, Args)]
pub struct DirectArgs {
    /// Bypass the kernel's cache: auto where that is faster, always where it is
    /// possible
    #[arg(
        long,
        value_name = "WHEN",
        value_enum,
        default_value_t = Direct::Auto,
        default_missing_value = "always",
        num_args = 0..=1,
        require_equals = true
    )]
    pub direct: Direct,
}

/// See `--direct`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Direct {
    Auto,
    Always,
    Never,
}

/// Parses the arguments of this process. Prints and exits where they are
/// wrong, and for `--help` and `--version`.
pub fn parse() -> Cli {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    // Flags may be given more than once, as scripts that add to a list of
    // options do.
    let repeatable = |argument: Arg| match argument.get_action() {
        ArgAction::SetTrue => {
            let id = argument.get_id().clone();
            argument.overrides_with(id)
        }
        _ => argument,
    };
    let command = Cli::command()
        .mut_args(repeatable)
        .mut_subcommands(|subcommand| subcommand.mut_args(repeatable));
    let parse = |arguments: Vec<OsString>| {
        let matches = command
            .clone()
            .try_get_matches_from(abbreviation::expand(arguments));
        matches.and_then(|matches| Cli::from_arg_matches(&matches))
    };
    parse(arguments.clone()).unwrap_or_else(|error| {
        // An error quotes what was typed, or what a script made of a name.
        let visible = arguments.iter().map(|argument| {
            let text = argument.to_string_lossy();
            OsString::from(Visible(text).to_string())
        });
        exit(&parse(visible.collect()).err().unwrap_or(error))
    })
}

/// Prints what is wrong, or `--help` or `--version`, and ends the process.
fn exit(error: &clap::Error) -> ! {
    if error.use_stderr() {
        error.exit();
    }
    let printed = error.print().and_then(|()| io::stdout().flush());
    let status = match report::written_to_stdout(printed) {
        Ok(()) => 0,
        Err(error) => {
            report::error(&error);
            error.exit_code().into()
        }
    };
    process::exit(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declaration_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_original_option_exists() {
        let command = Cli::command();
        for name in abbreviation::ORIGINAL_OPTIONS {
            let known = command
                .get_arguments()
                .any(|argument| argument.get_long() == Some(name));
            assert!(known || ["help", "version"].contains(name), "--{name}");
        }
    }

    #[test]
    fn every_option_with_a_value_is_known_as_such() {
        let command = Cli::command();
        let all = command.get_subcommands().chain([&command]);
        for argument in all.flat_map(clap::Command::get_arguments) {
            if let Some(name) = argument.get_long() {
                let takes_next =
                    argument.get_action().takes_values() && !argument.is_require_equals_set();
                assert_eq!(
                    takes_next,
                    abbreviation::LONG_WITH_VALUE.contains(&name),
                    "--{name}"
                );
            }
        }
    }
}
