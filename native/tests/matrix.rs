//! Real volumes of every geometry, device length and kind of content: ours against the original, byte for byte.

mod support;

use libtest_mimic::{Arguments, Trial};
use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};
use support::{
    compare::{self, assert_same_file, assert_same_output, assert_same_volume},
    giant,
    loop_device::LoopDevice,
    mount::Mount,
    pipeline,
    program::{self, Program, call, finish, ours, reference, succeed, tool},
    requirements::{self, DEVICES, VOLUMES},
    tree::Tree,
    volume::{Recipe, Volume},
    volume_table,
};

/// The volume whose directories have shrunk.
const WITH_FREE_INDEX_BLOCKS: &str = "shrunk-directory";

static VOLUMES_DONE: AtomicUsize = AtomicUsize::new(0);
static COMPARISONS: AtomicUsize = AtomicUsize::new(0);

/// Not libtest's `main`: a test for each row of the table, and the count at the end.
fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let giant = volume_table::giant();
    // The longest first, so that it runs beside the others.
    let mut trials = vec![trial(giant, giant::check)];
    trials.extend(
        volume_table::recipes()
            .into_iter()
            .map(|recipe| trial(recipe, check)),
    );
    let conclusion = libtest_mimic::run(&arguments, trials);
    println!(
        "matrix: {} volumes, {} comparisons",
        VOLUMES_DONE.load(Relaxed),
        COMPARISONS.load(Relaxed)
    );
    conclusion.exit_code()
}

fn trial(recipe: Recipe, check: fn(&Recipe) -> usize) -> Trial {
    Trial::test(recipe.name, move || {
        if requirements::met(recipe.name, &[VOLUMES, DEVICES].concat()) {
            COMPARISONS.fetch_add(check(&recipe), Relaxed);
            VOLUMES_DONE.fetch_add(1, Relaxed);
        }
        Ok(())
    })
}

/// Returns how many comparisons it made.
fn check(recipe: &Recipe) -> usize {
    let cell = Cell {
        name: recipe.name,
        volume: &recipe.make(),
    };
    let checks = [
        Cell::images,
        Cell::raw_clones,
        Cell::standard_output,
        Cell::restores,
        Cell::restored_volume,
        Cell::block_devices,
        Cell::metadata,
        Cell::other_sizes,
    ];
    checks.iter().map(|check| check(&cell)).sum()
}

/// One volume with the files made from it. Each check leaves its files to those after it, and returns how many
/// comparisons it made.
struct Cell<'a> {
    name: &'a str,
    volume: &'a Volume,
}

impl Cell<'_> {
    fn images(&self) -> usize {
        let source = self.volume.path();
        let [our_image, image] = self.both("image", |program, output| {
            succeed(call(program, "-q -s -o", &[output, &source]));
        });
        assert_same_file("image", &our_image, &image);
        1
    }

    fn raw_clones(&self) -> usize {
        let source = self.volume.path();
        let [our_clone, clone] = self.both("raw", |program, output| {
            succeed(call(program, "-q -o", &[output, &source]));
        });
        self.assert_same_clone("raw clone", &our_clone, &clone);
        1
    }

    fn standard_output(&self) -> usize {
        let source = self.volume.path();
        assert_same_output(
            "image on standard output",
            call(ours, "-q -s -o -", &[&source]),
            call(reference, "-q -s -o -", &[&source]),
        );
        // By way of files, since one of them may be the longer.
        let [our_clone, clone] = self.both("stdout", |program, output| {
            pipeline::run_into([call(program, "-q -o -", &[&source])], output);
        });
        self.assert_same_clone("raw clone on standard output", &our_clone, &clone);
        2
    }

    /// Each restores the other's image; ours also checks it, and restores it through pipes.
    fn restores(&self) -> usize {
        let [our_image, image] = self.paths("image");
        succeed(call(ours, "-q -r -n", &[&image]));
        let [our_restored, restored] = self.paths("restored");
        succeed(call(ours, "-q -r -o", &[&our_restored, &image]));
        succeed(call(reference, "-q -r -o", &[&restored, &our_image]));
        self.assert_same_clone("restored volume", &our_restored, &restored);
        let [our_clone, _] = self.paths("raw");
        assert_same_file("restored volume and raw clone", &our_restored, &our_clone);

        let piped = self.volume.beside("restored.piped");
        pipeline::run_into(
            [tool("cat", [&image]), call(ours, "-q -r -o - -", &[])],
            &piped,
        );
        assert_same_file("volume restored through pipes", &piped, &our_restored);
        3
    }

    /// It is found in order, mounts, holds the same files, and can be written to.
    fn restored_volume(&self) -> usize {
        let (source, [restored, _]) = (self.volume.path(), self.paths("restored"));
        let [expected, found] = [&source, &restored].map(|path| ntfsfix(path));
        // On a device longer than its volume, ntfsfix looks for the backup boot sector in the wrong place: then
        // the restored volume is found to be better than its source.
        if found.0 != Some(0) {
            assert_eq!(found, expected, "ntfsfix -n (restored, source)");
        }
        let [expected, found] = [&source, &restored].map(|path| tree_of(path));
        found.assert_same("files of the restored volume and of its source", &expected);
        let mount = Mount::read_write(&restored);
        fs::create_dir(mount.path().join("new folder"))
            .or_else(|error| match error.kind() {
                ErrorKind::StorageFull => Ok(()),
                _ => Err(error),
            })
            .expect("cannot write to the restored volume");
        mount.unmount();
        2
    }

    /// The same from a block device, and onto one that holds something else.
    fn block_devices(&self) -> usize {
        let (source, sector_size) = (self.volume.path(), self.volume.boot.sector_size);
        let length = compare::length(&source);
        // A device has whole sectors, and a target needs room for the backup boot sector.
        if !length.is_multiple_of(sector_size) || length == self.volume.boot.clusters_size() {
            return 0;
        }
        let attach = |path: &Path| LoopDevice::with_sector_size(path, sector_size);
        let device = attach(&source);
        assert_same_output(
            "image of a block device",
            call(ours, "-q -s -o -", &[device.path()]),
            call(reference, "-q -s -o -", &[device.path()]),
        );
        let [_, image] = self.paths("image");
        let [our_target, target] = self.both("device", |program, output| {
            fs::write(
                output,
                vec![0xA5; usize::try_from(length).expect("it fits")],
            )
            .expect("cannot write the old contents of a device");
            let device = attach(output);
            succeed(call(program, "-q -r -O", &[device.path(), &image]));
        });
        assert_same_file("image restored to a block device", &our_target, &target);
        2
    }

    /// Images and raw copies of metadata; and a raw copy is what its image restores to.
    fn metadata(&self) -> usize {
        let source = self.volume.path();
        let variants = ["", "-t", "--full-logfile"];
        for options in variants {
            let [our_image, image] = self.both("metadata", |program, output| {
                let options = format!("-q -m -s {options} -o");
                succeed(call(program, options.trim(), &[output, &source]));
            });
            assert_same_file("metadata image", &our_image, &image);
            let [our_raw, raw] = self.both("metadata.raw", |program, output| {
                let options = format!("-q -m {options} -o");
                succeed(call(program, options.trim(), &[output, &source]));
            });
            let restored = self.volume.beside("metadata.restored");
            succeed(call(reference, "-q -r -o", &[&restored, &image]));
            self.assert_same_clone("raw metadata and the restored image", &our_raw, &restored);
            // The original's raw copy keeps the times in directory blocks that are free again, its image does not.
            if self.name != WITH_FREE_INDEX_BLOCKS {
                self.assert_same_clone("raw metadata", &our_raw, &raw);
            }
            for path in [our_image, image, our_raw, raw, restored] {
                fs::remove_file(path).expect("it was just made");
            }
        }
        3 * variants.len()
    }

    /// Copies of other sizes are sound, and have the same files.
    fn other_sizes(&self) -> usize {
        let source = self.volume.path();
        let least = self.volume.beside("least");
        succeed(call(ours, "-q --size=min -o", &[&least, &source]));
        let between = (compare::length(&least) + compare::length(&source)) / 2;
        let larger = compare::length(&source) * 3 / 2;
        let (tree, list) = (tree_of(&source), listed_by_sleuthkit(&source));
        let checks = [None, Some(between), Some(larger)].map(|size| {
            let path = match size {
                None => least.clone(),
                Some(size) => {
                    let path = self.volume.beside("resized");
                    let options = format!("-q --size={size} -o");
                    succeed(call(ours, &options, &[&path, &source]));
                    path
                }
            };
            let verified = finish(call(ours, "verify -q", &[&path]));
            assert!(
                verified.status.success(),
                "{size:?}: {}",
                program::printed(&verified)
            );
            let image = self.volume.beside("resized.image");
            succeed(call(reference, "-q -s -o", &[&image, &path]));
            let fixed = ntfsfix(&path);
            assert_eq!(fixed.0, Some(0), "{size:?}: {}", fixed.1);
            tree_of(&path).assert_same("files in another size, and of the source", &tree);
            assert!(listed_by_sleuthkit(&path) == list, "{size:?}: fls -r -u");
            for path in [image, path] {
                fs::remove_file(path).expect("it was just made");
            }
        });
        checks.len()
    }

    /// Runs `make` for ours and for the reference, each with its output path.
    fn both(&self, name: &str, make: impl Fn(Program, &Path)) -> [PathBuf; 2] {
        let paths = self.paths(name);
        make(ours, &paths[0]);
        make(reference, &paths[1]);
        paths
    }

    fn paths(&self, name: &str) -> [PathBuf; 2] {
        ["ours", "reference"].map(|suffix| self.volume.beside(&format!("{name}.{suffix}")))
    }

    fn assert_same_clone(&self, what: &str, ours: &Path, reference: &Path) {
        assert_same_volume(what, ours, reference, self.volume.boot.clusters_size());
    }
}

fn tree_of(volume: &Path) -> Tree {
    let mount = Mount::read_only(volume);
    let tree = Tree::read(mount.path());
    mount.unmount();
    tree
}

/// All files; `None` if sleuthkit is missing, or cannot read the volume: those on large sectors.
fn listed_by_sleuthkit(volume: &Path) -> Option<Vec<u8>> {
    program::find("fls")?;
    let listed = finish(tool("fls", [Path::new("-r"), Path::new("-u"), volume]));
    listed.status.success().then_some(listed.stdout)
}

/// Exit code and findings, the name of the volume's file aside.
fn ntfsfix(volume: &Path) -> (Option<i32>, String) {
    let output = finish(tool("ntfsfix", [Path::new("--no-action"), volume]));
    let name = volume.display().to_string();
    (
        output.status.code(),
        program::printed(&output).replace(&name, "VOLUME"),
    )
}
