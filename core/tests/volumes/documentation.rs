//! `docs/findings.md` is made of the table of codes:
//! `UPDATE=1 cargo test -p ntfsclone-core --test volumes documentation` writes it.

use core::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use Code::*;
use ntfsclone_core::check::{Code, Effect, Severity};

const INTRODUCTION: &str = "\
# What `verify` finds

<!-- Made of the table of codes: UPDATE=1 cargo test -p ntfsclone-core --test volumes documentation -->

Each finding has a code, which stays what it is from release to release: programs go by that, not by the text.

| severity | what it means | exit status |
| --- | --- | --- |
| error | something is lost or hidden, or may be; a restored volume would not be whole; or Windows or Linux would not mount it | 1, `not sound` |
| warning | something is not as it should be, and no file is lost or hidden by it; `Sound, with warnings` | 0 |
| note | good to know | 0 |

`verify` exits with 0 only if all was looked at and no finding is an error. What it could not look at is an error, too.

The effect says what becomes of data: it is *lost* (gone, in danger of being overwritten, or not known to be there), *hidden* (there, and
not found, or not by its name), or *untidy* (nothing is lost).

With `--json`, a finding has these fields; the npm package and the page show the same:

| field | what it is |
| --- | --- |
| `code`, `severity`, `effect` | as below |
| `record` | the MFT record concerned, or `null` |
| `in`, `offset`, `length` | where it was found, in bytes: in the `image` (decompressed) or on the `volume`; missing if that is at no one place |
| `also_at` | the same place in the other count, if it is known, or `null`: of a place on the volume, that in the `image`, or on the `disk` of which the volume is a partition (of a virtual disk, as its guest sees it); of a place in the image, that on the `volume` |
| `message` | what was found |
| `meaning`, `systems`, `advice` | what that means; what Windows and Linux do with such a volume, or `null` where they do not get to see it; what to do. Of a volume that is not in an image, the advice does not speak of restoring |
| `files` | the paths of files that it touches, ten at most |

Of each severity, 1000 findings are listed; all are counted.

What Windows and Linux do is by the documentation and messages of chkdsk, of ntfs-3g and of `ntfs3`, the driver in the kernel of Linux; other versions
may do other things. chkdsk stands for `chkdsk /f`.
";

/// All codes, by what they are about.
const SUBJECTS: &[(&str, &[Code])] = &[
    (
        "The image",
        &[
            ImageHeader,
            ImageCommand,
            ImageTruncated,
            ImageTrailing,
            ImageCount,
            ImageWithoutTail,
            ImageUnreadable,
            BlockChecksum,
            Checksum,
            ChecksumOutdated,
            ClusterMissing,
            MetadataOnly,
        ],
    ),
    (
        "Compressed images",
        &[FrameDamaged, StreamEnd, SeekTable, Summary],
    ),
    (
        "Comparing",
        &[
            ContentDiffers,
            OtherVolume,
            SerialDiffers,
            HiddenSectorsDiffer,
            NotCompared,
        ],
    ),
    (
        "The volume as a whole",
        &[
            VolumeUnreadable,
            VolumeNotChecked,
            BootSector,
            BootSectorsDiffer,
            BackupBootSector,
            VolumeInformation,
            Dirty,
            CheckInterrupted,
            Unfinished,
            Hibernated,
            JournalNotClean,
            Journal,
            JournalRestart,
            Upcase,
            UpcaseUnknown,
            AttributeDefinitions,
            Security,
            SecurityMissing,
            ExtendIndex,
        ],
    ),
    (
        "`$MFT` and its records",
        &[
            MftMirror,
            MftSize,
            RecordsLost,
            RecordUnreadable,
            RecordSkipped,
            RecordDamaged,
            RecordHeader,
            RecordOrphaned,
            RecordMarkedFree,
            RecordMarkedUsed,
            LinkCount,
        ],
    ),
    (
        "Attributes and content of files",
        &[
            AttributeOrder,
            AttributeInstance,
            AttributeFlags,
            AttributeInvalid,
            AttributeMissing,
            AttributeSizes,
            CompressedSize,
            AttributeList,
            CompressedUnit,
            RescueMark,
        ],
    ),
    (
        "Directories",
        &[
            RootDirectory,
            IndexDamaged,
            IndexOrder,
            IndexBlockFree,
            IndexBlockUnused,
            EntryWithoutFile,
            EntryStale,
            NameMismatch,
            NotInDirectory,
            DirectoryCycle,
        ],
    ),
    (
        "Clusters",
        &[
            RunPastEnd,
            ClusterClaimedTwice,
            ClusterNotInBitmap,
            ClusterOnlyInBitmap,
            Bitmap,
            BadClusters,
        ],
    ),
];

#[test]
fn findings_are_documented_as_they_are() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = fs::read_to_string(folder.join("src/check/code.rs")).unwrap();
    let described = described(&source);
    let mut text = INTRODUCTION.to_owned();
    let mut left: Vec<&str> = described.iter().map(|(name, _)| *name).collect();
    for (subject, codes) in SUBJECTS {
        write!(text, "\n## {subject}\n").unwrap();
        for &code in *codes {
            let name = format!("{code:?}");
            left.retain(|other| *other != name);
            let found = described.iter().find(|(other, _)| *other == name);
            write_code(&mut text, code, &found.unwrap().1);
        }
    }
    assert!(left.is_empty(), "codes without a subject: {left:?}");

    let path = folder.join("../docs/findings.md");
    if env::var_os("UPDATE").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == text,
        "docs/findings.md is not as the table of codes; \
         UPDATE=1 cargo test -p ntfsclone-core --test volumes documentation"
    );
}

/// What loses or hides a file is an error. Of those that do neither, these are errors
/// since a restore refuses the image, or something of it is not what it was.
#[test]
fn only_errors_lose_or_hide_files() {
    let untidy_errors = [
        ImageTrailing,
        StreamEnd,
        SeekTable,
        Summary,
        ChecksumOutdated,
    ];
    for &code in SUBJECTS.iter().flat_map(|(_, codes)| *codes) {
        let is_error = code.severity() == Severity::Error;
        let is_untidy = code.effect() == Effect::Untidy;
        assert_eq!(
            is_error,
            !is_untidy || untidy_errors.contains(&code),
            "{code:?}"
        );
    }
}

/// The variants of the enum, each with its documentation.
fn described(source: &str) -> Vec<(&str, String)> {
    let (_, variants) = source.split_once("pub enum Code {\n").unwrap();
    let (variants, _) = variants.split_once("\n}\n").unwrap();
    let mut described = Vec::new();
    let mut description = Vec::new();
    for line in variants.lines().map(str::trim) {
        match line.strip_prefix("/// ") {
            Some(words) => description.push(words),
            None => {
                described.push((line.trim_end_matches(','), description.join(" ")));
                description.clear();
            }
        }
    }
    described
}

fn write_code(text: &mut String, code: Code, description: &str) {
    let severity = match code.severity() {
        Severity::Error => "Error",
        Severity::Warning => "Warning",
        Severity::Note => "Note",
    };
    let effect = match code.effect() {
        Effect::Lost => "lost",
        Effect::Hidden => "hidden",
        Effect::Untidy => "untidy",
    };
    let name = kebab(&format!("{code:?}"));
    write!(
        text,
        "\n### `{name}`\n\n{severity}, {effect}. {description}\n\n- What it means: {}.\n",
        code.meaning()
    )
    .unwrap();
    if let Some(systems) = code.systems() {
        writeln!(text, "- What systems do: {systems}.").unwrap();
    }
    let advice = code.advice();
    let end = if advice.ends_with('?') { "" } else { "." };
    writeln!(text, "- What to do: {advice}{end}").unwrap();
}

fn kebab(name: &str) -> String {
    let mut kebab = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.push(letter.to_ascii_lowercase());
    }
    kebab
}
