//! The options of `mount`.

use std::path::PathBuf;

use clap::Args;

use super::{IndexArgs, ProgressArgs, numbers};

/// The options of `mount`.
#[derive(Debug, Args)]
#[command(after_help = MOUNT_HELP)]
pub struct Mount {
    /// The image, volume, virtual disk or device to mount; - is standard input
    #[arg(value_name = "IMAGE")]
    pub source: PathBuf,

    /// The directory to mount it on
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,

    /// Show one sparse file, volume.ntfs, instead of the files in the volume
    #[arg(long)]
    pub raw: bool,

    /// Let volume.ntfs be written to; what is written is kept in FILE, and IMAGE stays as it is
    ///
    /// FILE is created if it does not exist. Later runs continue with it, for the same
    /// volume in the same state.
    #[arg(long, value_name = "FILE", requires = "raw")]
    pub overlay: Option<PathBuf>,

    /// Return when it is mounted, and continue in the background
    #[arg(long)]
    pub background: bool,

    /// Let all users in, not only the one who mounts
    ///
    /// For others than root, /etc/fuse.conf must have user_allow_other.
    #[arg(long)]
    pub allow_other: bool,

    #[command(flatten)]
    pub index: IndexArgs,

    /// Mount partition N of IMAGE, which is a whole disk [default: the only one with NTFS]
    #[arg(long, value_name = "N", value_parser = numbers::partition)]
    pub partition: Option<u32>,

    /// Accept a volume that is mounted read-write
    #[arg(short, long)]
    pub force: bool,

    #[command(flatten)]
    pub progress: ProgressArgs,
}

const MOUNT_HELP: &str = "\
Mounts the files of the volume by FUSE, read-only. Named streams are extended attributes (user.NAME). What an
image does not hold and what is damaged is a read error, never zeros; encrypted files are not opened.
It ends by a signal (Ctrl-C), or when DIR is unmounted: umount DIR, or fusermount3 -u DIR.

Examples:
  ntfsclone mount backup.img /mnt
  ntfsclone mount --background backup.img.zst /mnt && cp -r /mnt/Users/Anna . && umount /mnt
  ntfsclone mount --raw backup.img /mnt          # the volume, as a restore would write it: /mnt/volume.ntfs
  ntfsclone mount --raw --overlay changes.overlay backup.img /mnt";
