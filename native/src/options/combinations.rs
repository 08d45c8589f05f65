//! What goes with what on the command line.

use std::path::Path;

use super::{OUT_OF_ORDER, usage};
use crate::cli::Copy;
use crate::error::Result;

/// The original's rules of what goes with what.
pub(super) fn check(typed: &Copy) -> Result<()> {
    let has_output = typed.output.is_some() || typed.overwrite.is_some();
    let to_stdout = [&typed.output, &typed.overwrite]
        .iter()
        .any(|output| output.as_deref() == Some(Path::new("-")));
    let thin = typed.sparse || typed.discard;
    let from_stdin = typed.source.as_deref() == Some(Path::new("-"));
    let rules = [
        (
            typed.output.is_some() && typed.overwrite.is_some(),
            "--output and --overwrite exclude each other",
        ),
        (
            typed.in_place && typed.overwrite.is_none(),
            "--in-place goes with --overwrite only",
        ),
        (
            typed.save_image && typed.restore_image,
            "--save-image and --restore-image exclude each other",
        ),
        (
            typed.metadata && typed.restore_image,
            "--metadata has no meaning with --restore-image; an image of metadata is restored \
             as any other",
        ),
        (
            typed.no_action && !typed.restore_image,
            "--no-action goes with --restore-image only",
        ),
        (
            typed.no_action && has_output,
            "--no-action writes nothing: leave out --output and --overwrite",
        ),
        (
            !typed.no_action && !has_output,
            "say where to write, with --output or --overwrite",
        ),
        (
            typed.ignore_fs_check && !typed.metadata && !typed.rescue,
            "--ignore-fs-check goes with --metadata or --rescue only",
        ),
        (
            typed.metadata && !typed.save_image && to_stdout,
            "raw metadata cannot go to standard output; use --save-image too",
        ),
        (
            typed.ignore_fs_check && typed.strict,
            "--ignore-fs-check and --strict exclude each other",
        ),
        (
            typed.check && typed.restore_image,
            "--check goes with a copy of a volume; ntfsclone verify IMAGE checks an image",
        ),
        (
            typed.check && typed.rescue,
            "--check reads all directories first, which a failing disk may not survive; check the \
             copy with ntfsclone verify",
        ),
        (
            typed.mapfile.is_some() && !typed.rescue,
            "--mapfile goes with --rescue only",
        ),
        (
            typed.report.is_some() && !typed.rescue,
            "--report goes with --rescue only",
        ),
        (
            typed.retries > 0 && !typed.rescue,
            "--retries goes with --rescue only",
        ),
        (
            typed.note.is_some() && typed.compress.is_none(),
            "--note goes with --compress only",
        ),
        (
            typed.mapfile.is_some() && (typed.save_image || typed.metadata || typed.restore_image),
            "--mapfile goes with a raw copy of a volume; make an image of that when it is complete",
        ),
        (
            typed.mapfile.is_some() && to_stdout,
            "--mapfile goes with a file or device; a later run could not go on with standard output",
        ),
        (
            typed.mapfile.is_some() && (typed.new_serial || typed.new_half_serial),
            "--mapfile and a new serial number exclude each other: a later run could not tell \
             that the copy is of the same volume",
        ),
        (
            typed.mapfile.is_some() && typed.hidden_sectors.is_some(),
            "--mapfile and --hidden-sectors exclude each other: a later run could not tell that \
             the copy is of the same volume",
        ),
        (
            typed.hidden_sectors.is_some() && (typed.save_image || typed.no_action),
            "--hidden-sectors goes with raw copies and restores: an image keeps the boot sectors \
             as they are",
        ),
        (
            typed.mapfile.is_some() && typed.in_place,
            "--in-place has no meaning with --mapfile, which never gives up what is there",
        ),
        (
            typed.sparse && typed.discard,
            "--sparse goes with a file, --discard with a block device",
        ),
        (
            thin && (typed.save_image || typed.no_action),
            "--sparse and --discard go with raw copies and restores",
        ),
        (
            thin && to_stdout,
            "standard output takes every byte; --sparse and --discard have no meaning there",
        ),
        (
            typed.discard && typed.metadata,
            "--discard would give up the content of files, which --metadata leaves out",
        ),
        (
            thin && typed.rescue && !typed.restore_image,
            "--sparse and --discard go with --rescue in a restore only",
        ),
        (
            typed.compress.is_some() && typed.restore_image,
            "--compress goes with a copy of a volume; what is restored is written as it was",
        ),
        (
            typed.compress.is_some() && typed.metadata && !typed.save_image,
            "raw metadata cannot be compressed, since it is not written in order; use \
             --save-image too",
        ),
        (
            typed.compress.is_some() && thin,
            "what is compressed takes no room for zeros; --sparse and --discard have no meaning \
             with --compress",
        ),
        (
            typed.compress.is_some() && typed.mapfile.is_some(),
            "--mapfile goes with a raw copy; compress that when it is complete",
        ),
        (
            typed.checksum.is_some() && typed.no_action,
            "--checksum is of what is written, and --no-action writes nothing",
        ),
        (
            typed.checksum.is_some() && to_stdout,
            "--checksum needs the name of a file; of a stream, tee can make one: ntfsclone -o - \
             ... | tee FILE | b3sum",
        ),
        (
            typed.checksum.is_some()
                && (typed.metadata || typed.rescue)
                && !typed.save_image
                && !typed.restore_image
                && typed.compress.is_none(),
            OUT_OF_ORDER,
        ),
        (
            typed.checksum.is_some() && typed.discard,
            "--checksum goes with a file, --discard with a block device",
        ),
        (
            typed.verify && (to_stdout || typed.no_action),
            "--verify reads back what was written to a file or device",
        ),
        (
            typed.verify && typed.rescue && !typed.save_image && !typed.restore_image,
            "--verify has no meaning with a raw rescue, which goes on where it ended; compare with \
             verify --against",
        ),
        (
            typed.size.is_some() && typed.no_action,
            "--size is of what is written, and --no-action writes nothing",
        ),
        (
            typed.size.is_some() && typed.metadata,
            "--size goes with a whole copy; metadata is copied in its size",
        ),
        (
            typed.size.is_some() && typed.rescue,
            "--size needs a volume that can be read; rescue it in its size, and copy that with \
             --size",
        ),
        (
            typed.sector_size.is_some() && typed.no_action,
            "--sector-size is of what is written, and --no-action writes nothing",
        ),
        (
            typed.sector_size.is_some() && typed.metadata,
            "--sector-size goes with a whole copy; metadata is copied with the sectors that it has",
        ),
        (
            typed.sector_size.is_some() && typed.rescue,
            "--sector-size needs a volume that can be read; rescue it as it is, and copy that with \
             --sector-size",
        ),
        (
            typed.split.is_some() && typed.no_action,
            "--split is of what is written, and --no-action writes nothing",
        ),
        (
            typed.split.is_some() && to_stdout,
            "--split goes with a file; of a stream, split makes pieces: ntfsclone -o - ... | split \
             -b SIZE - FILE.",
        ),
        (
            typed.split.is_some() && !typed.save_image && typed.compress.is_none(),
            "--split goes with --save-image or --compress: a raw copy has holes, and is not written \
             from its start to its end",
        ),
        (
            typed.split.is_some() && typed.verify,
            "--verify does not read pieces back; ntfsclone verify FILE checks them",
        ),
        (
            typed.split.is_some() && typed.in_place,
            "--in-place goes with one file, and --split writes several",
        ),
        (
            from_stdin && !typed.restore_image,
            "only an image can be read from standard input, with --restore-image",
        ),
    ];
    if let Some((_, message)) = rules.into_iter().find(|(broken, _)| *broken) {
        return usage(message);
    }
    Ok(())
}
