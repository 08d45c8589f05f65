//! Every rule of the command line, and where the original has the same one.

use crate::support::{
    program::reference,
    requirements::{Need, met_here},
    scene::Scene,
    small_volume,
};

/// What ours does with a command line.
enum Ours {
    /// Writes a raw copy, an image or nothing, successfully.
    Clones,
    Saves,
    Checks,
    /// Writes to standard output.
    Streams,
    /// Writes what other tests look into.
    Writes,
    /// It is refused, in these words.
    Refuses(&'static str),
}

/// What the original does.
#[derive(PartialEq)]
enum Original {
    Accepts,
    Refuses,
    /// Ours differs on purpose, for this reason.
    Differs(&'static str),
}

use Original::{Accepts, Differs, Refuses as Rejects};
use Ours::{Checks, Clones, Refuses, Saves, Streams, Writes};

const NO_SOURCE: &str = "no SOURCE is named: what is to be read, a volume or an image";
const EXCLUSIVE: &str = "--output and --overwrite exclude each other";
const SAVE_AND_RESTORE: &str = "--save-image and --restore-image exclude each other";
const NO_OUTPUT: &str = "say where to write, with --output or --overwrite";
const ONLY_RESTORE: &str = "--no-action goes with --restore-image only";
const NOTHING_WRITTEN: &str = "--no-action writes nothing: leave out --output and --overwrite";
const CHECK_NEEDS: &str = "--ignore-fs-check goes with --metadata or --rescue only";
const CHECK_OR_STRICT: &str = "--ignore-fs-check and --strict exclude each other";
const METADATA_RESTORE: &str = "--metadata has no meaning with --restore-image; an image of \
                                metadata is restored as any other";
const METADATA_STDOUT: &str = "raw metadata cannot go to standard output; use --save-image too";
const STDIN: &str = "only an image can be read from standard input, with --restore-image";
const THIN_IMAGE: &str = "--sparse and --discard go with raw copies and restores";
const THIN_STDOUT: &str =
    "standard output takes every byte; --sparse and --discard have no meaning there";
const THIN_RESCUE: &str = "--sparse and --discard go with --rescue in a restore only";
const SPARSE_OR_DISCARD: &str = "--sparse goes with a file, --discard with a block device";
const DISCARD_METADATA: &str =
    "--discard would give up the content of files, which --metadata leaves out";
const DISCARD_FILE: &str =
    "--discard goes with a block device; in a file what is free is a hole anyway";
const COMPRESS_RESTORE: &str =
    "--compress goes with a copy of a volume; what is restored is written as it was";
const COMPRESS_METADATA: &str = "raw metadata cannot be compressed, since it is not written in \
                                 order; use --save-image too";
const COMPRESS_THIN: &str = "what is compressed takes no room for zeros; --sparse and --discard \
                             have no meaning with --compress";
const COMPRESS_MAPFILE: &str = "--mapfile goes with a raw copy; compress that when it is complete";
const CHECKSUM_NOTHING: &str = "--checksum is of what is written, and --no-action writes nothing";
const CHECKSUM_STDOUT: &str = "--checksum needs the name of a file; of a stream, tee can make \
                               one: ntfsclone -o - ... | tee FILE | b3sum";
const CHECKSUM_ORDER: &str = "raw metadata and raw copies with --rescue are not written in \
                              order, so that --checksum cannot be made meanwhile; use \
                              --save-image too, or b3sum afterwards";
const CHECKSUM_DISCARD: &str = "--checksum goes with a file, --discard with a block device";
const SPLIT_RAW: &str = "--split goes with --save-image or --compress: a raw copy has holes, and is \
                         not written from its start to its end";
const SPLIT_STDOUT: &str = "--split goes with a file; of a stream, split makes pieces: ntfsclone -o - \
                            ... | split -b SIZE - FILE.";
const OURS_ONLY: Original = Differs("an option of ours");

/// `volume` and `image` are there, and standard input is the image.
#[rustfmt::skip]
const TABLE: &[(&str, Ours, Original)] = &[
    // one of -o and -O
    ("-o out volume", Clones, Accepts),
    ("--output out volume", Clones, Accepts),
    ("--output=out volume", Clones, Accepts),
    ("-oout volume", Clones, Accepts),
    ("-O out volume", Clones, Accepts),
    ("--overwrite out volume", Clones, Accepts),
    ("-s -o out volume", Saves, Accepts),
    ("--save-image -O out volume", Saves, Accepts),
    ("-r -o out image", Clones, Accepts),
    ("--restore-image --overwrite out image", Clones, Accepts),
    ("volume", Refuses(NO_OUTPUT), Rejects),
    ("-s volume", Refuses(NO_OUTPUT), Rejects),
    ("-r image", Refuses(NO_OUTPUT), Rejects),
    ("-o out -O out volume", Refuses(EXCLUSIVE), Rejects),
    ("-o out -o other volume", Refuses("'--output' is given more than once"), Rejects),
    ("-O out -O other volume", Refuses("'--overwrite' is given more than once"), Rejects),
    // standard output
    ("-o - volume", Streams, Accepts),
    ("-O - volume", Streams, Accepts),
    ("-s -o - volume", Streams, Accepts),
    ("-m -s -o - volume", Streams, Accepts),
    ("-r --output=- image", Streams, Accepts),
    // one source
    ("-o out", Refuses(NO_SOURCE), Rejects),
    ("", Refuses(NO_SOURCE), Rejects),
    ("-o out volume extra", Refuses("two sources are named, 'volume' and 'extra'; one run reads one"), Rejects),
    ("-o", Refuses("'--output' needs a value, FILE"), Rejects),
    // save, restore and the test of a restore
    ("-s -r -o out image", Refuses(SAVE_AND_RESTORE), Rejects),
    ("-n -r image", Checks, Accepts),
    ("--no-action --restore-image image", Checks, Accepts),
    ("-n image", Refuses(ONLY_RESTORE), Rejects),
    ("-n -o out volume", Refuses(ONLY_RESTORE), Rejects),
    ("-n -r -o out image", Refuses(NOTHING_WRITTEN), Rejects),
    ("-n -r -O out image", Refuses(NOTHING_WRITTEN), Rejects),
    ("-n -r -o - image", Refuses(NOTHING_WRITTEN), Rejects),
    // standard input
    ("-r -o out -", Clones, Accepts),
    ("-r -n -", Checks, Accepts),
    ("-o out -", Refuses(STDIN), Rejects),
    ("-s -o out -", Refuses(STDIN), Rejects),
    // metadata and rescue
    ("-m -o out volume", Writes, Accepts),
    ("--metadata --save-image -O out volume", Writes, Accepts),
    ("-m -s -o out volume", Writes, Accepts),
    ("-m -o - volume", Refuses(METADATA_STDOUT), Rejects),
    ("-m -r -o out image", Refuses(METADATA_RESTORE), Rejects),
    ("-m -r -n image", Refuses(METADATA_RESTORE), Rejects),
    ("--rescue -o out volume", Clones, Accepts),
    ("--rescue -s -o out volume", Saves, Accepts),
    ("--rescue -r -n image", Checks, Accepts),
    ("--ignore-fs-check -m -o out volume", Writes, Accepts),
    ("--ignore-fs-check --rescue -o out volume", Clones, Accepts),
    ("--ignore-fs-check -o out volume", Refuses(CHECK_NEEDS), Rejects),
    ("--ignore-fs-check -r -n image", Refuses(CHECK_NEEDS), Rejects),
    ("--ignore-fs-check --strict -m -o out volume", Refuses(CHECK_OR_STRICT), OURS_ONLY),
    ("-t -o out volume", Clones, Accepts),
    ("--preserve-timestamps -s -o out volume", Saves, Accepts),
    ("--full-logfile -o out volume", Clones, Accepts),
    ("-t --full-logfile -m -o out volume", Writes, Accepts),
    // the others
    ("-f -o out volume", Clones, Accepts),
    ("--force -r -n image", Checks, Accepts),
    ("-q -o out volume", Clones, Accepts),
    ("--quiet -s -o out volume", Saves, Accepts),
    // short options combine, in any order with the source
    ("-fqo out volume", Clones, Accepts),
    ("-sqfo out volume", Saves, Accepts),
    ("-soout volume", Saves, Accepts),
    ("-rn image", Checks, Accepts),
    ("-fvo out volume", Refuses("there is no option '-v'; -V prints the version"), Rejects),
    ("-Z -o out volume", Refuses("there is no option '-Z'"), Rejects),
    ("volume -s -o out -f", Saves, Accepts),
    ("-s -s -qqf -o out volume", Saves, Accepts),
    ("--save-image=yes -o out volume", Refuses("'--save-image' takes no value, and is given 'yes'"), Rejects),
    // abbreviations
    ("--outp out volume", Clones, Accepts),
    ("--ou=out volume", Clones, Accepts),
    ("--ov out volume", Clones, Accepts),
    ("--sa -o out volume", Saves, Accepts),
    ("--s --q -o out volume", Saves, Accepts),
    ("--rest --no image", Checks, Accepts),
    ("--resc -o out volume", Clones, Accepts),
    ("--pr -o out volume", Clones, Accepts),
    ("--p -o out volume", Clones, Accepts),
    ("--fo --fu -o out volume", Clones, Accepts),
    ("--me -o out volume", Writes, Accepts),
    ("--re -o out volume", Refuses("'--re' may be any of --restore-image, --reflink, --rescue, --retries, --report"), Rejects),
    ("--new -o out volume", Refuses("'--new' may be any of --new-serial, --new-half-serial"), Rejects),
    ("--n -o out volume", Refuses("'--n' may be any of --no-action, --note, --new-serial, --new-half-serial"), Rejects),
    ("--o out volume", Refuses("'--o' may be any of --output, --overwrite"), Rejects),
    ("--f -o out volume", Refuses("'--f' may be any of --force, --full-logfile"), Rejects),
    ("--bogus -o out volume", Refuses("there is no option '--bogus'"), Rejects),
    // the end of the options
    ("-o out -- volume", Clones, Differs("the original takes -- for a source")),
    ("-- -o out volume", Refuses("two sources are named, '-o' and 'out'; the output goes with -o: ntfsclone -o out -o"), Rejects),
    // ours
    ("--strict -o out volume", Clones, OURS_ONLY),
    ("--progress=none -o out volume", Clones, OURS_ONLY),
    ("--progress auto -o out volume", Clones, OURS_ONLY),
    ("--progress=loud -o out volume", Refuses("'--progress' takes one of auto, bar, json, none, and not 'loud'"), OURS_ONLY),
    ("--in-place -o out volume", Refuses("--in-place goes with --overwrite only"), OURS_ONLY),
    ("--in-place -O out volume", Clones, OURS_ONLY),
    ("--reflink=never -o out volume", Clones, OURS_ONLY),
    ("--reflink auto -o out volume", Clones, OURS_ONLY),
    ("--refl never -s -o out volume", Saves, OURS_ONLY),
    ("--reflink=always -o out volume", Refuses("'--reflink' takes one of auto, never, and not 'always'"), OURS_ONLY),
    ("--reflink --sp volume", Refuses("the value of '--reflink' begins as an option does; write --reflink=--sp"), OURS_ONLY),
    ("--sparse -o out volume", Clones, OURS_ONLY),
    ("--spa -r -o out image", Clones, OURS_ONLY),
    ("--sparse -s -o out volume", Refuses(THIN_IMAGE), OURS_ONLY),
    ("--discard -s -o out volume", Refuses(THIN_IMAGE), OURS_ONLY),
    ("--sparse -r -n image", Refuses(THIN_IMAGE), OURS_ONLY),
    ("--sparse -o - volume", Refuses(THIN_STDOUT), OURS_ONLY),
    ("--discard -r -O - image", Refuses(THIN_STDOUT), OURS_ONLY),
    ("--sparse --rescue -o out volume", Refuses(THIN_RESCUE), OURS_ONLY),
    ("--sparse --rescue -r -o out image", Clones, OURS_ONLY),
    ("--sparse --discard -o out volume", Refuses(SPARSE_OR_DISCARD), OURS_ONLY),
    ("--sparse -m -o out volume", Writes, OURS_ONLY),
    ("--discard -m -o out volume", Refuses(DISCARD_METADATA), OURS_ONLY),
    ("--dis -o out volume", Refuses(DISCARD_FILE), OURS_ONLY),
    ("--compress -s -o out volume", Writes, OURS_ONLY),
    ("--compress=22 -o out volume", Writes, OURS_ONLY),
    ("--comp --rescue -o out volume", Writes, OURS_ONLY),
    ("--compress --note text -o out volume", Writes, OURS_ONLY),
    ("--compress -m -s -o out volume", Writes, OURS_ONLY),
    ("--compress -s -o - volume", Streams, OURS_ONLY),
    ("--compress -O - volume", Streams, OURS_ONLY),
    ("--compress=0 -s -o out volume", Refuses("'--compress' takes a LEVEL from 1 to 22, and not '0'"), OURS_ONLY),
    ("--compress=23 -s -o out volume", Refuses("'--compress' takes a LEVEL from 1 to 22, and not '23'"), OURS_ONLY),
    ("--compress=fast -s -o out volume", Refuses("'--compress' takes a LEVEL from 1 to 22, and not 'fast'"), OURS_ONLY),
    ("--compress 5 -s -o out volume", Refuses("'5' is taken for a file; write --compress=5"), OURS_ONLY),
    ("--note text -s -o out volume", Refuses("--note goes with --compress only"), OURS_ONLY),
    ("--compress -r -o out image", Refuses(COMPRESS_RESTORE), OURS_ONLY),
    ("--compress -r -n image", Refuses(COMPRESS_RESTORE), OURS_ONLY),
    ("--compress -m -o out volume", Refuses(COMPRESS_METADATA), OURS_ONLY),
    ("--compress --sparse -o out volume", Refuses(COMPRESS_THIN), OURS_ONLY),
    ("--compress --rescue --mapfile map -o out volume", Refuses(COMPRESS_MAPFILE), OURS_ONLY),
    ("--checksum -r -n image", Refuses(CHECKSUM_NOTHING), OURS_ONLY),
    ("--checksum -s -o - volume", Refuses(CHECKSUM_STDOUT), OURS_ONLY),
    ("--checksum=sha256 -r -O - image", Refuses(CHECKSUM_STDOUT), OURS_ONLY),
    ("--checksum -m -o out volume", Refuses(CHECKSUM_ORDER), OURS_ONLY),
    ("--checksum --rescue -o out volume", Refuses(CHECKSUM_ORDER), OURS_ONLY),
    ("--checksum --discard -o out volume", Refuses(CHECKSUM_DISCARD), OURS_ONLY),
    ("--checksum=md5 -s -o out volume", Refuses("'--checksum' takes one of b3, sha256, and not 'md5'"), OURS_ONLY),
    ("--direct -o out volume", Clones, OURS_ONLY),
    ("--dir=never -s -o out volume", Saves, OURS_ONLY),
    ("--direct=sometimes -o out volume", Refuses("'--direct' takes one of auto, always, never, and not 'sometimes'"), OURS_ONLY),
    ("--split=64K -o out volume", Refuses(SPLIT_RAW), OURS_ONLY),
    ("--split=64K -r -o out image", Refuses(SPLIT_RAW), OURS_ONLY),
    ("--split=64K -s -o - volume", Refuses(SPLIT_STDOUT), OURS_ONLY),
    ("--split=64K -r -n image", Refuses("--split is of what is written, and --no-action writes nothing"), OURS_ONLY),
    ("--split=64K -s --verify -o out volume", Refuses("--verify does not read pieces back; ntfsclone verify FILE checks them"), OURS_ONLY),
    ("--split=64K -s --in-place -O out volume", Refuses("--in-place goes with one file, and --split writes several"), OURS_ONLY),
    ("--split=1 -s -o out volume", Refuses("'--split' takes a SIZE such as 4G, 700M or 650MB, from 64K on, and not '1'"), OURS_ONLY),
    ("--mapfile map -o out volume", Refuses("--mapfile goes with --rescue only"), OURS_ONLY),
    ("--report map -o out volume", Refuses("--report goes with --rescue only"), OURS_ONLY),
    ("--retries 2 -o out volume", Refuses("--retries goes with --rescue only"), OURS_ONLY),
    ("--threads 3 -s -o out volume", Saves, OURS_ONLY),
    ("--threads=1 -m -s -o out volume", Writes, OURS_ONLY),
    ("--threads 0 -s -o out volume", Refuses("'--threads' takes a number N, from 1 on, and not '0'"), OURS_ONLY),
];

#[test]
fn every_rule() {
    let (scene, volume) = scene();
    for (line, expected, _) in TABLE {
        let outcome = scene.run_with_input(line, &small_volume::image_of(&volume));
        match expected {
            Clones | Saves => {
                outcome.wrote(&["out"]);
                let content = match expected {
                    Clones => small_volume::clone_of(&volume),
                    _ => small_volume::image_of(&volume),
                };
                assert!(scene.read("out") == content, "{line}: other bytes");
                scene.remove("out");
            }
            Checks => outcome.wrote(&[]),
            Streams => {
                assert_eq!(outcome.code(), Some(0), "{line}: {}", outcome.errors());
                assert!(!outcome.stdout().is_empty(), "{line}");
                outcome.changed_only(&[]);
            }
            Writes => {
                outcome.wrote(&["out"]);
                scene.remove("out");
            }
            Refuses(message) => {
                outcome.failed(
                    2,
                    &format!("ntfsclone: {message}\n  try ntfsclone --help\n"),
                );
                outcome.changed_only(&[]);
            }
        }
    }
}

#[test]
fn the_original_has_the_same_rules() {
    if !met_here(&[Need::Reference]) {
        return;
    }
    let (scene, volume) = scene();
    let image = small_volume::image_of(&volume);
    let accepted_by_ours = |ours: &Ours| matches!(ours, Clones | Saves | Checks | Streams | Writes);
    for (line, ours, original) in TABLE {
        if let Differs(_) = original {
            continue;
        }
        let accepts = *original == Accepts;
        assert_eq!(accepted_by_ours(ours), accepts, "the table, {line}");
        let outcome = scene.run_command(scene.command(reference, line), &image);
        assert_eq!(
            outcome.code() == Some(0),
            accepts,
            "{line}: {}",
            outcome.errors()
        );
        if scene.path("out").exists() {
            scene.remove("out");
        }
    }
}

#[test]
fn help_and_version() {
    let (scene, _) = scene();
    let help = [
        "-h",
        "--help",
        "--he",
        "--h",
        "-qh",
        "-h -o",
        "-h --metadata volume",
    ];
    for line in help {
        let outcome = scene.run(line);
        outcome.wrote(&[]);
        let text = String::from_utf8_lossy(outcome.stdout()).into_owned();
        assert!(text.contains("Usage: ntfsclone"), "{line}: {text}");
        for option in [
            "--save-image",
            "--preserve-timestamps",
            "--in-place",
            "--reflink",
            "--sparse",
            "--discard",
            "--direct",
            "--compress",
            "--note",
            "--checksum",
            "--threads",
            "Exit status",
        ] {
            assert!(text.contains(option), "{line} does not mention {option}");
        }
    }
    for line in ["-V", "--version", "--v", "-fV", "-V volume"] {
        let outcome = scene.run(line);
        outcome.wrote(&[]);
        let text = String::from_utf8_lossy(outcome.stdout()).into_owned();
        let expected = format!("ntfsclone v{}\n", env!("CARGO_PKG_VERSION"));
        assert_eq!(text, expected, "{line}");
    }
}

/// What users mistype, and what is said of it: what was meant, where that can be told.
#[test]
fn mistakes_are_explained() {
    let (scene, _) = scene();
    let table: &[(&str, &str, &str)] = &[
        // (what is typed, what is said, which help is named)
        (
            "volume out.img",
            "two sources are named, 'volume' and 'out.img'; the output goes with -o: ntfsclone -o out.img volume",
            "",
        ),
        (
            "-s b.img /dev/sdz1",
            "two sources are named, 'b.img' and '/dev/sdz1'; the output goes with -o: ntfsclone -s -o b.img /dev/sdz1",
            "",
        ),
        (
            "-s /dev/sdz1 b.img",
            "two sources are named, '/dev/sdz1' and 'b.img'; the output goes with -o: ntfsclone -s -o b.img /dev/sdz1",
            "",
        ),
        (
            "-r image /dev/sdz1",
            "two sources are named, 'image' and '/dev/sdz1'; the output goes with -o: ntfsclone -r --overwrite /dev/sdz1 image",
            "",
        ),
        (
            "-r /dev/sdz1 image",
            "two sources are named, '/dev/sdz1' and 'image'; the output goes with -o: ntfsclone -r --overwrite /dev/sdz1 image",
            "",
        ),
        (
            "out.img volume",
            "two sources are named, 'out.img' and 'volume'; the output goes with -o: ntfsclone -o out.img volume",
            "",
        ),
        // Which of them is written over is not guessed.
        (
            "image volume",
            "two sources are named, 'image' and 'volume'; the output goes with -o if it is new, with --overwrite if it exists",
            "",
        ),
        (
            "-s image volume",
            "two sources are named, 'image' and 'volume'; the output goes with -o if it is new, with --overwrite if it exists",
            "",
        ),
        (
            "/dev/sdy1 /dev/sdz1",
            "two sources are named, '/dev/sdy1' and '/dev/sdz1'; the output goes with -o if it is new, with --overwrite if it exists",
            "",
        ),
        (
            "-r -n image volume",
            "two sources are named, 'image' and 'volume'; one run reads one",
            "",
        ),
        (
            "map volume out.map",
            "two sources are named, 'volume' and 'out.map'; the output goes with -o: ntfsclone map -o out.map volume",
            "map",
        ),
        (
            "verify image volume",
            "two sources are named, 'image' and 'volume'; to compare them: ntfsclone verify image --against volume",
            "verify",
        ),
        (
            "info image volume",
            "two sources are named, 'image' and 'volume'; info reads one",
            "info",
        ),
        (
            "convert volume out.vhdx other",
            "'other' is one name too many: convert takes one to read and one to write",
            "convert",
        ),
        (
            "convert volume",
            "no OUTPUT is named: ntfsclone convert [OPTIONS] SOURCE OUTPUT",
            "convert",
        ),
        (
            "convert",
            "no SOURCE and no OUTPUT is named: ntfsclone convert [OPTIONS] SOURCE OUTPUT",
            "convert",
        ),
        (
            "demo volume",
            "demo reads nothing, and 'volume' is named",
            "demo",
        ),
        (
            "--compress 9 -o out volume",
            "'9' is taken for a file; write --compress=9",
            "",
        ),
        (
            "-o out volume --checksum sha256",
            "'sha256' is taken for a file; write --checksum=sha256",
            "",
        ),
        (
            "--direct never -o out volume",
            "'never' is taken for a file; write --direct=never",
            "",
        ),
        (
            "verfy image",
            "there is no command 'verfy'; did you mean 'verify'?",
            "",
        ),
        (
            "verfy",
            "there is no command 'verfy'; did you mean 'verify'?",
            "",
        ),
        (
            "ifno image",
            "there is no command 'ifno'; did you mean 'info'?",
            "",
        ),
        (
            "ver image",
            "there is no command 'ver'; did you mean 'verify'?",
            "",
        ),
        (
            "help verfy",
            "there is no command 'verfy'; did you mean 'verify'?",
            "",
        ),
        ("help restore", "there is no command 'restore'", ""),
        (
            "restore image /dev/sdz1",
            "there is no command 'restore'; to restore: ntfsclone --restore-image --overwrite DEVICE IMAGE",
            "",
        ),
        (
            "save -o out volume",
            "there is no command 'save'; to save an image: ntfsclone --save-image -o IMAGE VOLUME",
            "",
        ),
        (
            "-save-image -o out volume",
            "'-save-image': long options begin with two dashes: --save-image",
            "",
        ),
        (
            "-rescue -o out volume",
            "'-rescue': long options begin with two dashes: --rescue",
            "",
        ),
        (
            "-output out volume",
            "'-output': long options begin with two dashes: --output",
            "",
        ),
        (
            "\u{2013}s -o out volume",
            "'\u{2013}s' begins with a dash that is not '-', as text processors make it; type -s",
            "",
        ),
        (
            "\u{2014}output out volume",
            "'\u{2014}output' begins with a dash that is not '-', as text processors make it; type --output",
            "",
        ),
        ("--output= volume", "the value of --output is empty", ""),
        (
            "--capacity=10G -o out volume",
            "there is no option '--capacity'",
            "",
        ),
        (
            "--outptu out volume",
            "there is no option '--outptu'; did you mean '--output'?",
            "",
        ),
        (
            "--outptu=out volume",
            "there is no option '--outptu'; did you mean '--output'?",
            "",
        ),
        (
            "--json volume",
            "'--json' is an option of damage, verify, info and ls, and not of a copy or restore",
            "",
        ),
        (
            "verify --rescue image",
            "'--rescue' is an option of a copy or restore and map, and not of verify",
            "verify",
        ),
        (
            "-o out verify image",
            "'-o' is an option of a copy or restore, map and extract, and not of verify",
            "verify",
        ),
        (
            "verify",
            "no IMAGE is named: ntfsclone verify [OPTIONS] IMAGE",
            "verify",
        ),
        (
            "-q verify",
            "no IMAGE is named: ntfsclone verify [OPTIONS] IMAGE",
            "verify",
        ),
        (
            "--partition x -o out volume",
            "'--partition' takes the number N of a partition, from 1 on, and not 'x'",
            "",
        ),
        (
            "--partition 0 -o out volume",
            "'--partition' takes the number N of a partition, from 1 on, and not '0'",
            "",
        ),
        (
            "--retries -1 --rescue -o out volume",
            "the value of '--retries' begins as an option does; write --retries=-1",
            "",
        ),
        (
            "info --partition= image",
            "the value of --partition is empty",
            "info",
        ),
        (
            "--generate",
            "'--generate' needs one of man, complete-bash, complete-fish, complete-zsh",
            "",
        ),
        ("--generate man volume", "'--generate' stands alone", ""),
    ];
    for (line, message, command) in table {
        let outcome = scene.run(line);
        let command = if command.is_empty() {
            String::new()
        } else {
            format!(" {command}")
        };
        outcome.failed(
            2,
            &format!("ntfsclone: {message}\n  try ntfsclone{command} --help\n"),
        );
        outcome.changed_only(&[]);
    }
}

#[test]
fn commands_may_follow_options() {
    let (scene, _) = scene();
    for line in [
        "-q verify image",
        "--json verify image",
        "--threads 1 -q verify image",
        "-q info image --json",
    ] {
        // info knows no -q.
        let expected = if line.contains("-q info") { 2 } else { 0 };
        assert_eq!(scene.run(line).code(), Some(expected), "{line}");
    }
    for line in [
        "help verify",
        "verify --help",
        "--help verify",
        "help -q verify",
    ] {
        let outcome = scene.run(line);
        outcome.wrote(&[]);
        outcome.reported("Usage: ntfsclone verify [OPTIONS] <IMAGE>");
    }
    for line in ["help", "help help", "-q help"] {
        let outcome = scene.run(line);
        outcome.wrote(&[]);
        outcome.reported("Usage: ntfsclone [OPTIONS] [SOURCE]");
    }
}

/// Files of such names are read and written as with the original.
#[test]
fn files_may_be_named_like_commands() {
    let (scene, volume) = scene();
    for name in [
        "map", "verify", "info", "convert", "demo", "help", "restore",
    ] {
        scene.write(name, &volume.bytes);
        for line in [
            format!("-o out {name}"),
            format!("-o out -- {name}"),
            format!("-qO out {name}"),
        ] {
            scene.run(&line).wrote(&["out"]);
            assert!(
                scene.read("out") == small_volume::clone_of(&volume),
                "{line}"
            );
            scene.remove("out");
        }
        scene
            .run(&format!("-s -o {name}.img {name}"))
            .wrote(&[&format!("{name}.img")]);
    }
    scene.write("info", small_volume::image_of(&volume));
    scene.run("-r -n info").wrote(&[]);
    scene.run("verify").failed(
        2,
        "ntfsclone: no IMAGE is named: ntfsclone verify [OPTIONS] IMAGE; the file of the name verify \
         is ./verify\n  try ntfsclone verify --help\n",
    );
}

/// Names that promise what is not written.
#[test]
fn names_of_compressed_files_are_warned_of() {
    let (scene, _) = scene();
    for (line, name, warning) in [
        (
            "-s -o",
            "x.img.gz",
            "it is not compressed, whatever the name says; --compress does that, with zstd",
        ),
        (
            "-O",
            "x.XZ",
            "it is not compressed, whatever the name says; --compress does that, with zstd",
        ),
        (
            "--compress -s -o",
            "x.lz4",
            "it is compressed with zstd, and not with lz4 as the name says",
        ),
    ] {
        scene
            .run(&format!("{line} {name} volume"))
            .wrote_with_warning(&format!("{name}: {warning}"), &[name]);
    }
    let warning = "a volume is restored as it is, and not compressed, whatever the name says";
    scene
        .run("-r -o x.zst image")
        .wrote_with_warning(&format!("x.zst: {warning}"), &["x.zst"]);
    scene
        .run("--compress -s -o y.img.zst volume")
        .wrote(&["y.img.zst"]);
    scene.run("-s -o y.gz.img volume").wrote(&["y.gz.img"]);
}

/// -h is a page, --help says all.
#[test]
fn help_is_short_or_long() {
    let (scene, _) = scene();
    let text = |line| String::from_utf8_lossy(scene.run(line).stdout()).into_owned();
    let (short, long) = (text("-h"), text("--help"));
    assert!(short.lines().count() <= 85, "{short}");
    assert!(long.lines().count() > 2 * short.lines().count(), "{long}");
    for heading in [
        "What is read:",
        "What is written:",
        "Rescue:",
        "Metadata:",
        "Speed:",
        "What is printed:",
    ] {
        assert!(
            short.contains(heading) && long.contains(heading),
            "{heading}"
        );
    }
    // Each option is described in one line.
    assert!(
        short.lines().all(|line| line.chars().count() <= 100),
        "{short}"
    );
}

/// Reports go to standard output, or to standard error where that is taken.
#[test]
fn reports_leave_the_data_alone() {
    let (scene, volume) = scene();
    for (line, content) in [
        ("-o - volume", small_volume::clone_of(&volume)),
        ("-O - volume", small_volume::clone_of(&volume)),
        ("-s -o - volume", small_volume::image_of(&volume)),
        ("-r -o - image", small_volume::clone_of(&volume)),
        ("-r --output=- image", small_volume::clone_of(&volume)),
    ] {
        let outcome = scene.run(line);
        assert_eq!(outcome.code(), Some(0), "{line}: {}", outcome.errors());
        assert!(outcome.stdout() == content, "{line}: other bytes");
        let errors = outcome.errors();
        assert!(
            errors.contains("In use: "),
            "{line} does not report: {errors}"
        );
        assert!(!errors.contains("ntfsclone:"), "{line} complains: {errors}");
        outcome.changed_only(&[]);
    }
}

/// The words of the command are values where an option takes one, whatever they look like.
#[test]
fn names_that_look_like_options() {
    let (scene, volume) = scene();
    let clone = small_volume::clone_of(&volume);
    for (line, written) in [("--output=--sa volume", "--sa"), ("-o./-s -- volume", "-s")] {
        scene.run(line).wrote(&[written]);
        assert!(scene.read(written) == clone, "{line}: other bytes");
        scene.remove(written);
    }
    scene.write("-s", &volume.bytes);
    scene.run("-o out -- -s").wrote(&["out"]);
    assert!(scene.read("out") == clone);
}

fn scene() -> (Scene, ntfs_volume_builder::Volume) {
    let volume = small_volume::volume();
    let scene = Scene::with_volume(&volume.bytes);
    scene.write("image", small_volume::image_of(&volume));
    (scene, volume)
}
