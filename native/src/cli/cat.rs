//! The command line of `cat`.

use std::path::PathBuf;

use clap::Args;

use super::{IndexArgs, numbers};

/// The options of `cat`.
#[derive(Debug, Args)]
#[command(after_help = CAT_HELP)]
pub struct Cat {
    /// The image, volume or device to look into; - is standard input
    #[arg(value_name = "IMAGE")]
    pub source: PathBuf,

    /// The file, or its stream. Separated by / or \, in any case; [record N] is the file of MFT record N
    #[arg(value_name = "PATH[:STREAM]", required_unless_present = "record")]
    pub path: Option<String>,

    /// Write the file of this MFT record, which may be deleted: ls --deleted lists those; a stream of it is
    /// named as :STREAM
    ///
    /// If a deleted file has clusters that are in use again, that is an error which names the first byte of
    /// them; --range writes what is sound.
    #[arg(long, value_name = "N")]
    pub record: Option<u64>,

    /// Write these bytes only: from A to B, both included, or LEN bytes from A on
    #[arg(long, value_name = "A-B|A+LEN", value_parser = parse_range)]
    pub range: Option<ByteRange>,

    /// Write an encrypted file (EFS) as Windows backs it up, with all its streams and its encrypted keys
    ///
    /// It is in the EFSRPC raw data format. WriteEncryptedFileRaw of Windows makes the encrypted file of it again, which
    /// opens for those who have one of its keys (an EFS certificate).
    #[arg(long)]
    pub efs_raw: bool,

    #[command(flatten)]
    pub index: IndexArgs,

    /// Look into partition N of IMAGE, which is a whole disk [default: the only one with NTFS]
    #[arg(long, value_name = "N", value_parser = numbers::partition)]
    pub partition: Option<u32>,
}

/// Bytes of a file, from `start` to before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteRange {
    pub start: u64,
    pub end: u64,
}

fn parse_range(text: &str) -> Result<ByteRange, String> {
    let number = |text: &str| text.parse::<u64>().ok();
    let range = if let Some((start, len)) = text.split_once('+') {
        let start = number(start);
        let end = start.and_then(|start| start.checked_add(number(len)?));
        start.zip(end)
    } else if let Some((start, last)) = text.split_once('-') {
        let end = number(last).and_then(|last| last.checked_add(1));
        number(start).zip(end)
    } else {
        None
    };
    match range {
        Some((start, end)) if start <= end => Ok(ByteRange { start, end }),
        _ => Err("a range is A-B or A+LEN, in bytes: 0-511, 4096+512".to_owned()),
    }
}

const CAT_HELP: &str = "\
What the image does not hold and what is damaged is an error, never zeros; so is what is encrypted, without
--efs-raw.

Examples:
  ntfsclone cat backup.img Users/Anna/notes.txt > notes.txt
  ntfsclone cat backup.img.zst 'setup.exe:Zone.Identifier'
  ntfsclone cat --range 0-511 disk.vhdx '$Boot' | xxd
  ntfsclone cat --record 1204 /dev/sda1 > deleted.docx
  ntfsclone cat --efs-raw backup.img Users/Anna/taxes.xlsx > taxes.xlsx.efsraw";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_by_last_byte_or_length() {
        let range = |start, end| Ok(ByteRange { start, end });
        assert_eq!(parse_range("0-511"), range(0, 512));
        assert_eq!(parse_range("4096+512"), range(4096, 4608));
        assert_eq!(parse_range("7+0"), range(7, 7));
        for wrong in [
            "",
            "5",
            "5-3",
            "a-b",
            "1+",
            "18446744073709551615+1",
            "0-18446744073709551615",
        ] {
            assert!(parse_range(wrong).is_err(), "{wrong}");
        }
    }
}
