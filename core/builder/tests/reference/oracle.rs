//! What the tools of ntfs-3g say about a volume. A tool that is not installed is skipped with a line on stderr.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ntfs_volume_builder::Volume;

/// A volume in a file of its own, removed at the end.
pub(crate) struct VolumeFile {
    directory: PathBuf,
    pub(crate) path: PathBuf,
}

impl VolumeFile {
    pub(crate) fn new(volume: &Volume) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "ntfs-volume-builder-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let directory = std::env::temp_dir().join(name);
        fs::create_dir(&directory).expect("a directory for the volume");
        let path = directory.join("volume.ntfs");
        fs::write(&path, &volume.bytes).expect("room for the volume");
        Self { directory, path }
    }
}

impl Drop for VolumeFile {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Runs a tool, or says that it is not there.
fn run(tool: &str, arguments: &[&str], file: &Path) -> Option<Output> {
    let places = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];
    let Some(tool_path) = places
        .iter()
        .map(|place| Path::new(place).join(tool))
        .find(|path| path.exists())
    else {
        eprintln!("skipped: {tool} is not installed");
        return None;
    };
    Some(
        Command::new(tool_path)
            .args(arguments)
            .arg(file)
            .output()
            .expect("the tool starts"),
    )
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Clusters of an image with their bytes.
pub(crate) type Clusters = Vec<(u64, Vec<u8>)>;

/// The clusters in the image that `ntfsclone -s` makes, the tail (at `nr_clusters`) among them, each with its bytes.
pub(crate) fn saved_clusters(
    file: &VolumeFile,
    options: &[&str],
) -> Option<Result<Clusters, String>> {
    let arguments: Vec<&str> = options.iter().copied().chain(["-s", "-o", "-"]).collect();
    let output = run("ntfsclone", &arguments, &file.path)?;
    Some(match output.status.success() {
        true => Ok(clusters_of_image(&output.stdout)),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    })
}

/// What `ntfsfix -n` complains about.
pub(crate) fn fix_complaints(file: &VolumeFile) -> Option<Vec<String>> {
    let output = run("ntfsfix", &["-n"], &file.path)?;
    let harmless = |line: &str| {
        line.trim().is_empty()
            || line.ends_with("OK")
            || line.contains("completed successfully")
            || line.contains("was processed successfully")
            || line.starts_with("NTFS volume version is")
    };
    let text = text(&output);
    let mut complaints: Vec<String> = text
        .lines()
        .filter(|line| !harmless(line))
        .map(str::to_owned)
        .collect();
    if !output.status.success() {
        complaints.push(format!("{}", output.status));
    }
    Some(complaints)
}

/// Mounts the volume for writing, adds a file, and unmounts it.
pub(crate) fn write_mounted(name: &str, file: &VolumeFile, written: &str) {
    let Some(mount_point) = mount(name, file, "rw") else {
        return;
    };
    let result = fs::write(mount_point.join(written), vec![0x33; 20_000]);
    unmount(name, &mount_point);
    result.unwrap_or_else(|error| panic!("{name}: {error}"));
}

/// Mounts the volume with ntfs-3g, reads every file and lists every directory.
pub(crate) fn check_mounted(name: &str, volume: &Volume, file: &VolumeFile) {
    let Some(mount_point) = mount(name, file, "ro") else {
        return;
    };
    let seen = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        compare_files(name, volume, &mount_point)
    }));
    unmount(name, &mount_point);
    if let Err(panic) = seen {
        std::panic::resume_unwind(panic);
    }
}

/// Children of parallel tests hold files of the mount until they start their program, so one try is not enough.
fn unmount(name: &str, mount_point: &Path) {
    for _ in 0..100 {
        let output = Command::new("umount")
            .arg(mount_point)
            .output()
            .expect("umount starts");
        if output.status.success() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{name}: {} stays mounted", mount_point.display());
}

/// Mounts the volume on a directory beside it, if this machine can.
fn mount(name: &str, file: &VolumeFile, mode: &str) -> Option<PathBuf> {
    let tool = Path::new("/usr/bin/ntfs-3g");
    if !tool.exists() {
        eprintln!("skipped: ntfs-3g is not installed");
        return None;
    }
    if fs::File::options()
        .read(true)
        .write(true)
        .open("/dev/fuse")
        .is_err()
    {
        eprintln!("skipped: /dev/fuse cannot be opened");
        return None;
    }
    let mount_point = file.directory.join("mnt");
    fs::create_dir_all(&mount_point).expect("a mount point");
    let options = format!("{mode},streams_interface=windows,show_sys_files");
    let output = Command::new(tool)
        .args(["-o", &options])
        .arg(&file.path)
        .arg(&mount_point)
        .output();
    let output = output.expect("ntfs-3g starts");
    assert!(
        output.status.success(),
        "{name}: ntfs-3g does not mount: {}",
        text(&output)
    );
    Some(mount_point)
}

fn compare_files(name: &str, volume: &Volume, mount_point: &Path) {
    for content in &volume.contents {
        let colon = if content.stream.is_empty() { "" } else { ":" };
        let path = mount_point.join(format!("{}{colon}{}", content.path, content.stream));
        let bytes =
            fs::read(&path).unwrap_or_else(|error| panic!("{name}: {}: {error}", path.display()));
        assert!(
            bytes == content.bytes,
            "{name}: {} reads otherwise than built",
            path.display()
        );
    }
    let mut listed = BTreeSet::new();
    list(mount_point, mount_point, &mut listed);
    let expected: BTreeSet<String> = volume.paths().map(|(path, _)| path.to_owned()).collect();
    // ntfs-3g never lists $MFT.
    let unlisted = ["", ".", "$MFT"];
    let missing: Vec<_> = expected
        .difference(&listed)
        .filter(|path| !unlisted.contains(&path.as_str()))
        .collect();
    let extra: Vec<_> = listed.difference(&expected).collect();
    assert!(
        missing.is_empty() && extra.is_empty(),
        "{name}: missing {missing:?}, extra {extra:?}"
    );
}

fn list(root: &Path, directory: &Path, listed: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).expect("a directory that lists") {
        let entry = entry.expect("an entry that reads");
        let path = entry.path();
        listed.insert(
            path.strip_prefix(root)
                .expect("below the root")
                .to_str()
                .expect("UTF-8")
                .to_owned(),
        );
        if entry.file_type().expect("a type").is_dir() {
            list(root, &path, listed);
        }
    }
}

/// Reads the image format: see the specification of the ntfsclone image.
fn clusters_of_image(image: &[u8]) -> Clusters {
    let long = |at: usize| u64::from_le_bytes(image[at..at + 8].try_into().expect("8 bytes"));
    let cluster_size = u64::from(u32::from_le_bytes(
        image[18..22].try_into().expect("4 bytes"),
    ));
    let device_size = long(22);
    let mut at = u32::from_le_bytes(image[46..50].try_into().expect("4 bytes")) as usize;
    let mut position: u64 = 0;
    let mut clusters = Vec::new();
    while at < image.len() {
        if image[at] == 0 {
            position = position.wrapping_add(long(at + 1));
            at += 9;
        } else {
            let last = (position + 1) * cluster_size >= device_size;
            let length = if last {
                device_size - position * cluster_size
            } else {
                cluster_size
            } as usize;
            clusters.push((position, image[at + 1..at + 1 + length].to_vec()));
            position += 1;
            at += 1 + length;
        }
    }
    clusters
}
