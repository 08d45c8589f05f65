//! Volumes that Windows and others have written, sound and damaged, from a folder that is not part of the project:
//! `NTFSCLONE_VOLUMES` names it, or it stands beside the checkout.

mod support;

use libtest_mimic::{Arguments, Trial};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::ExitCode,
};
use support::{
    boot_sector::BootSector,
    compare::{assert_same_file, assert_same_volume},
    program::{self, call, finish, ours, reference, succeed, tool},
    requirements::{self, Need},
    scratch_directory,
};
use tempfile::TempDir;

const MODES: [Mode; 5] = [
    Mode {
        name: "image",
        options: "-q -s -o",
        is_raw: false,
    },
    Mode {
        name: "metadata image",
        options: "-q -m -s -o",
        is_raw: false,
    },
    Mode {
        name: "metadata image with times",
        options: "-q -m -s -t -o",
        is_raw: false,
    },
    Mode {
        name: "metadata image with journal",
        options: "-q -m -s --full-logfile -o",
        is_raw: false,
    },
    Mode {
        name: "raw clone",
        options: "-q -o",
        is_raw: true,
    },
];

/// Volumes that the reference refuses and ours copies.
const DIFFERENCES: &[Difference] = &[
    from_backup("ck-m-bs_bytes_per_sector"),
    from_backup("ck-m-bs_index_record_size"),
    from_backup("ck-m-bs_mft_record_size"),
    from_backup("ck-m-bs_sector_per_cluster"),
    from_backup("ck-m-bs_total_sectors"),
];

struct Mode {
    name: &'static str,
    options: &'static str,
    is_raw: bool,
}

struct Difference {
    volume: &'static str,
    reason: &'static str,
    /// Makes of the volume what the reference accepts. Apart from the boot sector, its output is then expected.
    repair: fn(&Path),
}

const fn from_backup(volume: &'static str) -> Difference {
    Difference {
        volume,
        reason: "the first boot sector is damaged; ours takes the backup one",
        repair: copy_backup_boot_sector,
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let folder = env::var_os("NTFSCLONE_VOLUMES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/volumes"),
        PathBuf::from,
    );
    let volumes = match volumes_in(&folder) {
        Ok(volumes) if !volumes.is_empty() => volumes,
        Ok(_) => return without(&folder, "it holds no *.ntfs.zst"),
        Err(error) => return without(&folder, &error.to_string()),
    };
    let trials = volumes
        .into_iter()
        .map(|path| {
            let name = volume_name(&path).to_owned();
            Trial::test(name.clone(), move || {
                if requirements::met(&name, &[Need::Reference, Need::Tool("zstd")]) {
                    check(&name, &path);
                }
                Ok(())
            })
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Absent by design outside of the developers' machines: this skip is never a failure.
fn without(folder: &Path, why: &str) -> ExitCode {
    eprintln!("skipped: real_volumes: {}: {why}", folder.display());
    ExitCode::SUCCESS
}

fn volumes_in(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()?;
    paths.retain(|path| path.to_string_lossy().ends_with(".ntfs.zst"));
    paths.sort();
    Ok(paths)
}

fn volume_name(path: &Path) -> &str {
    let name = path.file_name().and_then(|name| name.to_str());
    name.and_then(|name| name.strip_suffix(".ntfs.zst"))
        .expect("selected by that ending")
}

fn check(name: &str, compressed: &Path) {
    let folder = scratch_directory();
    let volume = folder.path().join("volume");
    let mut unpack = tool("zstd", ["-q", "-d", "--sparse", "--long=27", "-o"]);
    unpack.arg(&volume).arg(compressed);
    succeed(unpack);
    for mode in &MODES {
        check_mode(name, mode, &folder, &volume);
    }
}

fn check_mode(name: &str, mode: &Mode, folder: &TempDir, volume: &Path) {
    let [output, expected] = ["ours", "reference"].map(|suffix| {
        let file = format!("{} {suffix}", mode.name);
        folder.path().join(file)
    });
    let accepted = finish(call(reference, mode.options, &[&expected, volume]));
    if accepted.status.success() {
        succeed(call(ours, mode.options, &[&output, volume]));
        match mode.is_raw {
            true => {
                let minimum = BootSector::read(volume).clusters_size();
                assert_same_volume(mode.name, &output, &expected, minimum);
            }
            false => assert_same_file(mode.name, &output, &expected),
        }
        return;
    }

    let report = finish(call(ours, mode.options, &[&output, volume]));
    let Some(difference) = DIFFERENCES.iter().find(|entry| entry.volume == name) else {
        assert!(
            !report.status.success(),
            "{}: ours succeeds where the reference refuses:\n{}",
            mode.name,
            program::printed(&accepted)
        );
        assert!(
            !output.exists(),
            "{}: a refused run leaves a file",
            mode.name
        );
        return;
    };
    assert!(
        report.status.success(),
        "{}: ours should succeed ({}):\n{}",
        mode.name,
        difference.reason,
        program::printed(&report)
    );
    let repaired = folder.path().join("repaired");
    fs::copy(volume, &repaired).expect("cannot copy a volume");
    (difference.repair)(&repaired);
    let _ = fs::remove_file(&expected);
    succeed(call(reference, mode.options, &[&expected, &repaired]));
    let mut damaged = fs::read(volume).expect("the volume is there");
    damaged.truncate(512);
    let [mut found, mut wanted] =
        [&output, &expected].map(|path| fs::read(path).expect("the output is there"));
    let at = found
        .windows(damaged.len())
        .position(|bytes| bytes == damaged)
        .expect("the damaged boot sector is copied as it is");
    for bytes in [&mut found, &mut wanted] {
        bytes[at..at + damaged.len()].fill(0);
    }
    assert!(
        found == wanted,
        "{}: other bytes than from the repaired volume ({})",
        mode.name,
        difference.reason
    );
}

fn copy_backup_boot_sector(volume: &Path) {
    let mut bytes = fs::read(volume).expect("the volume is there");
    let backup = bytes.len() - 512;
    bytes.copy_within(backup.., 0);
    fs::write(volume, bytes).expect("cannot write a volume");
}
