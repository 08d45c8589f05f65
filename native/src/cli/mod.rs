//! The command line, as typed.

mod abbreviation;
mod verify;

use std::ffi::OsString;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process;

use clap::{Arg, ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::visible::Visible;

pub use verify::{Info, Verify};

use crate::report;

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

/// The options of `map`.
#[derive(Debug, Args)]
#[command(after_help = MAP_HELP)]
pub struct Map {
    /// The NTFS volume to read, or what holds it: an image, a compressed file
    #[arg(value_name = "SOURCE")]
    pub source: PathBuf,

    /// Write to FILE, which must not exist; - is standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    pub output: PathBuf,

    /// Read partition N of SOURCE, which is a whole disk
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub partition: Option<u32>,

    /// Format of the map: for ddrescue (--domain-mapfile), for bmaptool (--bmap),
    /// or JSON for scripts
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = MapFormat::Ddrescue)]
    pub format: MapFormat,

    /// Continue after read errors
    #[arg(long)]
    pub rescue: bool,

    /// Continue if the consistency check of the clusters fails
    #[arg(long)]
    pub ignore_fs_check: bool,

    /// Accept a volume that is mounted read-write
    #[arg(short, long)]
    pub force: bool,

    /// Threads of the scan, at most 8; the default is one for each processor
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,

    /// Show no progress
    #[arg(short, long)]
    pub quiet: bool,

    /// How progress is shown on standard error: auto is a bar on a terminal and
    /// nothing elsewhere; json is a line for each step
    #[arg(long, value_name = "HOW", value_enum)]
    pub progress: Option<ProgressStyle>,
}

const MAP_HELP: &str = "\
Examples:
  ntfsclone map -o used.map /dev/sda1
  ddrescue -m used.map /dev/sda1 sda1.raw rescue.map

  ntfsclone map --format bmap -o sda1.bmap sda1.raw
  bmaptool copy --bmap sda1.bmap sda1.raw /dev/sdb1";

/// See `map --format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MapFormat {
    Ddrescue,
    Bmap,
    Json,
}

/// The original's options, and ours beside them.
#[derive(Debug, Args)]
pub struct Copy {
    /// The NTFS volume to read, or an image of it, which may be compressed or in
    /// pieces; with --restore-image, - is standard input
    #[arg(value_name = "SOURCE", required_unless_present = "generate")]
    pub source: Option<PathBuf>,

    /// Write to FILE, which must not exist; - is standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Write to FILE, which may exist; required for a block device
    #[arg(short = 'O', long, value_name = "FILE")]
    pub overwrite: Option<PathBuf>,

    /// With --overwrite: write into the existing file, instead of replacing it
    /// when the new one is complete
    #[arg(long)]
    pub in_place: bool,

    /// Write an image instead of a raw copy
    #[arg(short, long)]
    pub save_image: bool,

    /// Compress the image or raw copy with zstd, at LEVEL 1 to 22, in frames that
    /// can be read and checked separately; zstd -dc decompresses it
    #[arg(
        long,
        value_name = "LEVEL",
        value_parser = clap::value_parser!(i32).range(1..=22),
        default_missing_value = "3",
        num_args = 0..=1,
        require_equals = true
    )]
    pub compress: Option<i32>,

    /// With --compress: store TEXT in the file
    #[arg(long, value_name = "TEXT", requires = "compress")]
    pub note: Option<String>,

    /// Write a checksum file beside the output: FILE.b3 for b3sum -c, or
    /// FILE.sha256 for sha256sum -c
    #[arg(
        long,
        value_name = "HOW",
        value_enum,
        default_missing_value = "b3",
        num_args = 0..=1,
        require_equals = true
    )]
    pub checksum: Option<Algorithm>,

    /// Restore the volume from SOURCE: an image, or a volume in a file or pipe
    #[arg(short, long)]
    pub restore_image: bool,

    /// Read partition N of SOURCE, which is a whole disk
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub partition: Option<u32>,

    /// Continue after read errors; list the files that lost data
    #[arg(long)]
    pub rescue: bool,

    /// With --rescue: try bad sectors again N times, alternately backwards and
    /// forwards
    #[arg(long, value_name = "N", default_value_t = 0, requires = "rescue")]
    pub retries: u32,

    /// With --rescue: record in FILE what is saved, and continue from FILE if it
    /// exists; the format is that of GNU ddrescue
    #[arg(long, value_name = "FILE", requires = "rescue")]
    pub mapfile: Option<PathBuf>,

    /// With --rescue: write a list of the lost data to FILE, as JSON
    #[arg(long, value_name = "FILE", requires = "rescue")]
    pub report: Option<PathBuf>,

    /// Copy metadata only
    #[arg(short, long)]
    pub metadata: bool,

    /// With --restore-image: check the image and write nothing
    #[arg(short, long)]
    pub no_action: bool,

    /// With --metadata or --rescue: continue if the consistency check of the
    /// clusters fails
    #[arg(long)]
    pub ignore_fs_check: bool,

    /// With --metadata: keep the timestamps
    #[arg(short = 't', long)]
    pub preserve_timestamps: bool,

    /// With --metadata: copy the whole $LogFile
    #[arg(long)]
    pub full_logfile: bool,

    /// Give the copy a new serial number
    #[arg(long)]
    pub new_serial: bool,

    /// Give the copy a new serial number with the same lower half
    #[arg(long)]
    pub new_half_serial: bool,

    /// Whether a raw copy in a file shares its blocks with SOURCE: auto if the
    /// file system can; never for a backup, since damage to a shared block
    /// damages both
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Reflink::Auto)]
    pub reflink: Reflink,

    /// Also leave holes in a raw file for clusters in use that hold only zeros
    #[arg(long)]
    pub sparse: bool,

    /// Discard (TRIM) the free clusters on the target device; their old content
    /// is lost
    #[arg(long)]
    pub discard: bool,

    /// Read the output back from the disk and compare it with what was written
    #[arg(long)]
    pub verify: bool,

    /// Accept a volume that is dirty, or may be in use; write to a whole disk with
    /// a partition table, or raw metadata to a device
    #[arg(short, long)]
    pub force: bool,

    /// Refuse a volume with clusters that only $Bitmap marks as used, instead of
    /// copying them
    #[arg(long)]
    pub strict: bool,

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

    /// Threads of the scan, at most 8, and of compression; the default is one for
    /// each processor
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,

    /// Show no progress
    #[arg(short, long)]
    pub quiet: bool,

    /// How progress is shown on standard error: auto is a bar on a terminal and
    /// nothing elsewhere; json is a line for each step
    #[arg(long, value_name = "HOW", value_enum)]
    pub progress: Option<ProgressStyle>,

    /// Print the manual page, or the completions of a shell, and exit
    #[arg(long, value_name = "WHAT", value_enum, exclusive = true)]
    pub generate: Option<Generated>,
}

/// See `--generate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Generated {
    Man,
    CompleteBash,
    CompleteFish,
    CompleteZsh,
}

/// See `--direct`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Direct {
    Auto,
    Always,
    Never,
}

/// See `--checksum`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Algorithm {
    B3,
    Sha256,
}

/// See `--reflink`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Reflink {
    Auto,
    Never,
}

/// See `--progress`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProgressStyle {
    Auto,
    Bar,
    Json,
    None,
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
