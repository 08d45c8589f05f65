//! The command line, as typed.

mod cat;
mod convert;
mod copy;
mod damage;
mod extract;
mod line;
mod ls;
mod map;
mod mistakes;
mod mount;
mod numbers;
mod parse_error;
mod serve;
mod verify;
mod words;

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process;

use clap::{Arg, ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

pub use cat::{ByteRange, Cat};
pub use convert::{Convert, DiskTable, convertible};
pub use copy::{Algorithm, Copy, Generated, Reflink};
pub use damage::Damage;
pub use extract::{Extract, Links};
pub use ls::{Ls, NamesBy};
pub use map::{Map, MapFormat};
pub use mount::Mount;
pub use numbers::{HiddenSectors, NewSize};
pub use serve::Serve;
pub use verify::{Info, Verify};

use self::line::Line;
use crate::error::Error;
use crate::report;

/// What was typed.
#[derive(Debug, Parser)]
#[command(
    name = "ntfsclone",
    // Programs look for "ntfsclone v".
    version = concat!("v", env!("CARGO_PKG_VERSION")),
    about = "Clone, image, restore, rescue and check NTFS volumes by copying only the clusters in use",
    after_help = AFTER_HELP,
    after_long_help = AFTER_LONG_HELP,
    disable_help_flag = true,
    disable_version_flag = true,
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
One of --output, --overwrite and --no-action is required.
Exit status: 0 done; 1 failed; 2 wrong usage; 3 data was lost (--rescue, damage); 128 + N: signal N.

  ntfsclone --save-image -o backup.img /dev/sda1
  ntfsclone --restore-image --overwrite /dev/sda1 backup.img

--help says more of each option.";

const AFTER_LONG_HELP: &str = "\
One of --output, --overwrite and --no-action is required.

Exit status: 0 done; 1 failed; 2 wrong usage; 3 done with --rescue, but data was lost or may be
wrong, or lost data was found by damage; 128 + N ended by signal N.

Examples:
  ntfsclone --save-image -o backup.img /dev/sda1
  ntfsclone --restore-image --overwrite /dev/sda1 backup.img
  ntfsclone --overwrite /dev/sdb1 /dev/sda1
  ntfsclone --save-image --compress -o backup.img.zst /dev/sda1
  ntfsclone --restore-image --overwrite /dev/sda1 backup.img.zst
  ntfsclone --restore-image --no-action backup.img
  ntfsclone --save-image --split=4G -o backup.img /dev/sda1
  ntfsclone --rescue --mapfile sda1.map -o sda1.raw /dev/sda1";

/// What is not one of the original's options.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Save, check, restore and compare a small volume that comes with the
    /// program
    Demo,

    /// Print which bytes of a volume are in use, for programs that can skip the
    /// rest
    Map(Map),

    /// Name the files that lost data, by the map of a rescue or the marks in a copy
    Damage(Damage),

    /// Write an image, volume or virtual disk in another format
    Convert(Convert),

    /// Check all of an image or volume, and the NTFS in it
    Verify(Verify),

    /// Show label, serial number, sizes and usage of an image or volume
    Info(Info),

    /// Serve the volume in an image, virtual disk or device over NBD
    Serve(Serve),

    /// Mount the files in an image, virtual disk or device, or the volume as a file
    Mount(Mount),

    /// List the files in an image or volume
    Ls(Ls),

    /// Write the content of a file in an image or volume to standard output
    Cat(Cat),

    /// Write files and folders of an image or volume to a folder
    Extract(Extract),
}

/// The heading of what concerns standard output and standard error.
const PRINTED: &str = "What is printed";

/// How progress is shown.
#[derive(Debug, Args)]
pub struct ProgressArgs {
    /// Show no progress
    #[arg(short, long, help_heading = PRINTED)]
    pub quiet: bool,

    /// How progress is shown
    ///
    /// auto is a bar on a terminal, and where programs read the report its lines of
    /// percent, as the original's; json is a line for each step, on standard error.
    #[arg(long, value_name = "HOW", value_enum, help_heading = PRINTED)]
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

/// The index of a compressed file.
#[derive(Debug, Args)]
pub struct IndexArgs {
    /// Keep what is needed to read IMAGE at any place beside it, as IMAGE.index, or in FILE
    ///
    /// That is the index of a file that is compressed with gzip, zstd, xz, bzip2 or lz4. It is made in one pass,
    /// and used from then on. Without this option it is kept in the user's cache folder.
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    pub index: Option<Option<PathBuf>>,
}

/// The heading of what concerns speed.
const SPEED: &str = "Speed";

/// Whether bulk data goes through the kernel's cache.
#[derive(Debug, Args)]
pub struct DirectArgs {
    /// Bypass the kernel's cache
    ///
    /// auto where that is faster, always where it is possible.
    #[arg(
        long,
        value_name = "WHEN",
        value_enum,
        default_value_t = Direct::Auto,
        default_missing_value = "always",
        num_args = 0..=1,
        require_equals = true,
        help_heading = SPEED
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
    match understand(env::args_os()) {
        Ok(typed) => typed,
        Err(Ending::Printed(text)) => print(&text),
        Err(Ending::Wrong(error)) => exit(&error),
    }
}

/// Why there is nothing to be done.
enum Ending {
    /// Help or the version was requested.
    Printed(clap::Error),
    Wrong(Error),
}

fn understand(mut arguments: impl Iterator<Item = OsString>) -> Result<Cli, Ending> {
    let declared = declaration();
    let program = arguments.next().unwrap_or_default();
    let words = words::read(arguments, &declared);
    let line = Line::new(program, words, &declared).map_err(Ending::Wrong)?;
    mistakes::check(&line, &declared).map_err(Ending::Wrong)?;
    let matches = declared.clone().try_get_matches_from(line.arguments());
    let parsed = matches.and_then(|matches| Cli::from_arg_matches(&matches));
    parsed.map_err(|error| match error.use_stderr() {
        true => Ending::Wrong(parse_error::explain(&error, &line, &declared)),
        false => Ending::Printed(error),
    })
}

/// All commands and options, as the parser takes them.
pub fn declaration() -> clap::Command {
    // Flags may be given more than once, as scripts that add to a list of
    // options do.
    let repeatable = |argument: Arg| match argument.get_action() {
        ArgAction::SetTrue => {
            let id = argument.get_id().clone();
            argument.overrides_with(id)
        }
        _ => argument,
    };
    let help = || {
        let help = Arg::new("help").short('h').long("help");
        let help = help.action(ArgAction::Help).help_heading(PRINTED);
        help.help("Print help: -h in short, --help all of it")
    };
    let version = Arg::new("version").short('V').long("version");
    let version = version.action(ArgAction::Version).help_heading(PRINTED);
    let mut command = Cli::command()
        .mut_args(repeatable)
        .mut_subcommands(|subcommand| {
            let subcommand = subcommand.mut_args(repeatable);
            subcommand.disable_help_flag(true).arg(help())
        })
        .args([help(), version.help("Print the version")]);
    command.build();
    command
}

/// Prints help or the version, and ends the process.
fn print(text: &clap::Error) -> ! {
    let printed = text.print().and_then(|()| io::stdout().flush());
    match report::written_to_stdout(printed) {
        Ok(()) => process::exit(0),
        Err(error) => exit(&error),
    }
}

fn exit(error: &Error) -> ! {
    report::error(error);
    process::exit(error.exit_code().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declaration_is_sound() {
        declaration().debug_assert();
    }

    #[test]
    fn every_original_option_exists() {
        let command = declaration();
        for name in words::ORIGINAL_OPTIONS {
            let known = command
                .get_arguments()
                .any(|argument| argument.get_long() == Some(name));
            assert!(known, "--{name}");
        }
    }
}
