//! The check of the volume of 16 TiB: whatever is not sparse is streamed, and time and memory are stated.

use super::{
    compare::{assert_same_file, assert_same_output},
    mount::Mount,
    pipeline::{self, Stage},
    program::{call, ours, reference},
    tree::Tree,
    volume::{MIB, Recipe, Volume},
};
use std::{
    fs,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// What a run may take in memory beside one bit for each cluster.
const MEMORY: u64 = 64 * MIB;

/// Returns how many comparisons it made.
pub(crate) fn check(recipe: &Recipe) -> usize {
    let volume = recipe.make();
    let source = volume.path();

    let started = Instant::now();
    let length = assert_same_output(
        "image of 16 TiB on standard output",
        call(ours, "-q -s -o -", &[&source]),
        call(reference, "-q -s -o -", &[&source]),
    );
    println!(
        "16 TiB: both images of {} MiB in {:.1} s, side by side",
        length / MIB,
        started.elapsed().as_secs_f64()
    );

    let [our_clone, clone] = ["raw.ours", "raw.reference"].map(|name| volume.beside(name));
    let mut theirs = pipeline::start(
        vec![call(reference, "-q -o", &[&clone, &source])],
        Stdio::null(),
    );
    run_measured(&volume, call(ours, "-q -o", &[&our_clone, &source]));
    theirs.drain(..).for_each(Stage::succeed);
    assert_same_file("raw clone of 16 TiB", &our_clone, &clone);

    // Each restores the other's image, both at once; the images exist in the pipes only.
    let [our_restored, restored] =
        ["restored.ours", "restored.reference"].map(|n| volume.beside(n));
    let stages = [
        pipeline::start(
            vec![
                call(reference, "-q -s -o -", &[&source]),
                call(ours, "-q -r -o", &[&our_restored, "-".as_ref()]),
            ],
            Stdio::null(),
        ),
        pipeline::start(
            vec![
                call(ours, "-q -s -o -", &[&source]),
                call(reference, "-q -r -o", &[&restored, "-".as_ref()]),
            ],
            Stdio::null(),
        ),
    ];
    stages.into_iter().flatten().for_each(Stage::succeed);
    assert_same_file("restored volume of 16 TiB", &our_restored, &restored);
    assert_same_file(
        "restored volume and raw clone of 16 TiB",
        &our_restored,
        &clone,
    );

    let [expected, found] = [&source, &our_restored].map(|path| {
        let mount = Mount::read_only(path);
        let tree = Tree::read(mount.path());
        mount.unmount();
        tree
    });
    found.assert_same(
        "files of the restored volume of 16 TiB and of its source",
        &expected,
    );
    5
}

/// States time and peak memory, and fails when it is more memory than promised.
fn run_measured(volume: &Volume, command: Command) {
    let started = Instant::now();
    let mut stages = pipeline::start(vec![command], Stdio::null());
    let process = &mut stages[0].process;
    let mut peak = 0;
    while process
        .try_wait()
        .expect("cannot wait for a program")
        .is_none()
    {
        // The kernel keeps the highest value; what a program takes in its last moments may be missed.
        peak = peak.max(peak_memory(process.id()).unwrap_or(0));
        thread::sleep(Duration::from_millis(10));
    }
    stages.into_iter().for_each(Stage::succeed);
    println!(
        "16 TiB: raw clone in {:.1} s beside the reference, peak memory {} MiB",
        started.elapsed().as_secs_f64(),
        peak / MIB
    );
    let bitmap = volume.boot.nr_clusters / 8;
    assert!(
        peak <= MEMORY + bitmap,
        "peak memory {} MiB; promised are 64 MiB and a bit for each cluster, {} MiB",
        peak / MIB,
        bitmap / MIB
    );
}

fn peak_memory(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
