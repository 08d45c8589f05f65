//! The small volume that comes with the program: a bit of everything that NTFS has, and as good as nothing to download.

use crate::{mount::Mount, setup, step};
use anyhow::{Result, ensure};
use std::{
    fs::{self, File},
    io::Write,
    os::unix::fs::FileExt,
    path::Path,
    process::Command,
};

const SIZE: u64 = 48 << 20;
const CLUSTER: usize = 4096;
const LARGEST: u64 = 300_000;

/// The time that stands still while the volume is made: the same bytes come out on every day.
const DATE: &str = "2024-07-01 12:00:00";

const COMPRESSED_DIRECTORY: u32 = 0x0000_0810;

pub(crate) fn run() -> Result<()> {
    let output = step::root().join("native/demo/volume.ntfs.zst");
    let folder = tempfile::tempdir()?;
    let volume = folder.path().join("volume.ntfs");
    File::create_new(&volume)?.set_len(SIZE)?;
    if setup::find("faketime").is_none() {
        setup::install(&["faketime"])?;
    }
    step::run(
        at_date("mkntfs")
            .args(["--quick", "--force", "--quiet"])
            .args(["--label", "Demo", "--sector-size", "512"])
            .args(["--cluster-size", &CLUSTER.to_string()])
            .args(["--partition-start", "2048", "--heads", "255"])
            .args(["--sectors-per-track", "63"])
            .arg(&volume),
    )?;

    let mount = Mount::new(at_date("ntfs-3g"), &volume)?;
    fill(mount.path())?;
    mount.unmount()?;

    step::run(
        Command::new("zstd")
            .args(["-q", "--ultra", "-22", "--long=26", "--force", "-o"])
            .args([&output, &volume]),
    )?;
    let length = fs::metadata(&output)?.len();
    println!("{}: {length} bytes", output.display());
    ensure!(length <= LARGEST, "larger than {LARGEST} bytes");
    Ok(())
}

/// The program, under a clock that shows the same time for ever.
fn at_date(program: &str) -> Command {
    let mut command = Command::new("faketime");
    command.env("TZ", "UTC").args(["-f", DATE, program]);
    command
}

fn fill(root: &Path) -> Result<()> {
    let letters = root.join("Letters");
    fs::create_dir_all(letters.join("2024"))?;
    for month in 1..=12 {
        let name = letters.join(format!("2024/letter {month:02}.txt"));
        fs::write(name, text(month * 700))?;
    }
    fs::write(root.join("Read me.txt"), READ_ME)?;
    fs::write(
        root.join("Grüße aus Köln – Привет – こんにちは 🦀.txt"),
        text(3000),
    )?;

    // Two names for one file; a stream beside its data.
    let report = root.join("Report.txt");
    fs::write(&report, text(150_000))?;
    fs::hard_link(&report, letters.join("The same report.txt"))?;
    xattr::set(
        &report,
        "user.Zone.Identifier",
        b"[ZoneTransfer]\r\nZoneId=3\r\n",
    )?;
    xattr::set(&report, "user.notes", text(9000).as_bytes())?;

    // As large as a photo, and compressible by nobody.
    fs::create_dir(root.join("Pictures"))?;
    fs::write(root.join("Pictures/photo.raw"), noise(60_000))?;

    let disk = File::create(root.join("Virtual disk.img"))?;
    disk.write_all_at(text(20_000).as_bytes(), 0)?;
    disk.write_all_at(text(20_000).as_bytes(), 200 << 20)?;

    let compressed = root.join("Compressed");
    fs::create_dir(&compressed)?;
    xattr::set(
        &compressed,
        "system.ntfs_attrib_be",
        &COMPRESSED_DIRECTORY.to_be_bytes(),
    )?;
    fs::write(compressed.join("log.txt"), text(1_000_000))?;

    fragment(root)?;

    let photos = root.join("Pictures/Thumbnails");
    fs::create_dir(&photos)?;
    for number in 0..300 {
        fs::write(photos.join(format!("thumbnail {number:04}.txt")), text(200))?;
    }
    fs::write(root.join("Deleted letter.txt"), text(40_000))?;
    fs::remove_file(root.join("Deleted letter.txt"))?;
    Ok(())
}

/// Files that grow by turns, of which one stays. Of two, ntfs-3g would keep each in a zone of its own.
fn fragment(root: &Path) -> Result<()> {
    let names = ["Fragmented database.db", "1", "2", "3", "4", "5", "6", "7"];
    let mut files = names
        .iter()
        .map(|name| File::create(root.join(name)))
        .collect::<Result<Vec<_>, _>>()?;
    let page = text(CLUSTER);
    for _ in 0..100 {
        for file in &mut files {
            file.write_all(page.as_bytes())?;
        }
    }
    drop(files);
    for name in &names[1..] {
        fs::remove_file(root.join(name))?;
    }
    Ok(())
}

fn text(length: usize) -> String {
    let lines =
        (1..).map(|line| format!("{line}. Only the clusters that something uses are copied.\n"));
    let mut text = String::with_capacity(length + 80);
    for line in lines {
        if text.len() >= length {
            break;
        }
        text.push_str(&line);
    }
    text.truncate(length);
    text
}

/// By Knuth's linear congruential generator: the same on every machine.
fn noise(length: usize) -> Vec<u8> {
    let mut state: u64 = 1;
    std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    })
    .take(length)
    .collect()
}

const READ_ME: &str = "\
This volume comes with ntfsclone. It was made with mkntfs, filled through ntfs-3g, and holds a bit of everything:
folders, a hard link, alternate streams, a sparse file, a compressed one, one in many fragments, names in many
scripts, and a letter that was deleted.
";
