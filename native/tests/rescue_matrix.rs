//! What matters most on a volume, damaged or unreadable, copied in every form: no byte that can be read is lost.

use crate::support::{
    failing_device::{FAILING_DEVICES, FailingDevice},
    loop_device::LoopDevice,
    program::{finish, ours, printed},
    requirements,
    scene::Scene,
    small_volume,
};
use ntfs_volume_builder::Volume;
use std::{fs, ops::Range, path::Path};

const SECTOR: usize = 512;

/// A part of the volume that tells where the others are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Boot,
    Backup,
    Record,
    Mirror,
    Bitmap,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Damaged,
    Unreadable,
}

use Part::{Backup, Bitmap, Boot, Mirror, Record};
use State::{Damaged, Unreadable};

const PARTS: [Part; 5] = [Boot, Backup, Record, Mirror, Bitmap];

/// The exit status of a copy if one part is not sound: plain, and with --rescue.
const VERDICTS: [(Part, State, i32, i32); 10] = [
    (Boot, Damaged, 0, 0),
    (Boot, Unreadable, 1, 3),
    (Backup, Damaged, 0, 0),
    (Backup, Unreadable, 1, 3),
    (Record, Damaged, 1, 0),
    (Record, Unreadable, 1, 3),
    (Mirror, Damaged, 1, 0),
    (Mirror, Unreadable, 1, 3),
    (Bitmap, Damaged, 1, 0),
    (Bitmap, Unreadable, 1, 3),
];

/// How a copy is made, and whether it has to be restored to be compared.
const FORMS: [(&str, Content, bool); 7] = [
    ("-o", Content::Used, false),
    ("--in-place -O", Content::Used, false),
    ("-s -o", Content::Used, true),
    ("--compress -o", Content::Used, true),
    ("-s --compress -o", Content::Used, true),
    ("-m -o", Content::Metadata, false),
    ("-m -s -o", Content::Metadata, true),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    Used,
    Metadata,
}

/// A volume of which some parts are not sound.
struct Case {
    faults: Vec<(Part, State)>,
    /// As it is on the disk.
    volume: Volume,
    /// What cannot be read of it, in bytes.
    unreadable: Vec<Range<usize>>,
    scene: Scene,
}

impl Case {
    fn new(faults: &[(Part, State)]) -> Self {
        Self::of(small_volume::volume(), faults)
    }

    fn of(mut volume: Volume, faults: &[(Part, State)]) -> Self {
        let mut unreadable = Vec::new();
        for &(part, state) in faults {
            let place = place(&volume, part, state);
            match state {
                Damaged => volume.bytes[place].fill(0x5a),
                Unreadable => unreadable.push(place),
            }
        }
        unreadable.sort_by_key(|range| range.start);
        Self {
            faults: faults.to_vec(),
            scene: Scene::with_volume(&volume.bytes),
            volume,
            unreadable,
        }
    }

    /// The volume, on a device.
    fn failing_device(&self) -> FailingDevice {
        let bad = self.unreadable.iter();
        let bad: Vec<_> = bad.map(|bad| bad.start as u64..bad.end as u64).collect();
        FailingDevice::new(&self.scene.path("volume"), &bad)
    }

    fn has(&self, part: Part) -> bool {
        self.faults.iter().any(|(faulty, _)| *faulty == part)
    }

    /// False where records are damaged that tell of metadata, and are nowhere else.
    fn has_all_metadata(&self) -> bool {
        let has_records = !self.has(Record) || !self.has(Mirror);
        has_records && !self.faults.contains(&(Bitmap, Damaged))
    }

    /// The exit status of a copy.
    fn verdict(&self, rescue: bool) -> i32 {
        if self.has(Boot) && self.has(Backup) {
            return 1;
        }
        let verdicts = self.faults.iter().map(|&(part, state)| {
            let found = VERDICTS.iter().find(|row| (row.0, row.1) == (part, state));
            let &(_, _, plain, rescued) = found.expect("it is in the table");
            if rescue { rescued } else { plain }
        });
        verdicts.max().unwrap_or(0)
    }

    /// What a copy has of a sector.
    fn expected(&self, sector: usize) -> Vec<u8> {
        let bytes = sector..sector + SECTOR;
        let is_bad = |bad: &Range<usize>| bad.contains(&sector);
        match self.unreadable.iter().any(is_bad) {
            true => mark(),
            false => self.volume.bytes[bytes].to_vec(),
        }
    }

    /// Compares a copy with the source, byte by byte; `free` is what is in place of free clusters.
    fn check(&self, what: &str, copy: &[u8], free: u8) {
        let name = format!("{:?}, {what}", self.faults);
        assert_eq!(copy.len(), self.volume.bytes.len(), "{name}: its length");
        let cluster = self.volume.geometry.cluster_size as usize;
        let mut must_have = vec![false; copy.len()];
        let tail = self.volume.geometry.volume_size() as usize;
        must_have[tail..].fill(true);
        for lcn in self.volume.used_clusters() {
            must_have[lcn as usize * cluster..][..cluster].fill(true);
        }
        for sector in (0..copy.len()).step_by(SECTOR) {
            let found = &copy[sector..sector + SECTOR];
            let is_free = !must_have[sector] && found.iter().all(|&byte| byte == free);
            let is_same = found == self.expected(sector);
            assert!(
                is_same || is_free,
                "{name}: byte {sector:#x}: {:x?}",
                &found[..16]
            );
        }
    }

    /// What is not anonymised is as on the source.
    fn check_metadata(&self, what: &str, copy: &[u8]) {
        let name = format!("{:?}, {what}", self.faults);
        assert_eq!(copy.len(), self.volume.bytes.len(), "{name}: its length");
        let has_backup = self.volume.geometry.backup_boot_sector_offset().is_some();
        for part in PARTS {
            if part == Backup && !has_backup {
                continue;
            }
            let place = place(&self.volume, part, Unreadable);
            let found = &copy[place.clone()];
            if matches!(part, Record | Mirror) && !self.has(part) {
                assert!(found.starts_with(b"FILE"), "{name}: {part:?}");
                continue;
            }
            for (sector, found) in place.step_by(SECTOR).zip(found.chunks(SECTOR)) {
                assert_eq!(found, self.expected(sector), "{name}: {part:?}");
            }
        }
    }

    /// Copies from `source` in every form, plain and with --rescue.
    fn check_forms(&self, source: &str) {
        for rescue in [false, true] {
            for (form, content, is_image) in FORMS {
                if content == Content::Metadata && !self.has_all_metadata() {
                    continue;
                }
                let flag = if rescue { "--rescue" } else { "" };
                let what = format!("-q {flag} {form}");
                // For what is written in place: it is longer, and nothing of it stays.
                match form.ends_with("-O") {
                    true => self
                        .scene
                        .write("out", vec![0xee; self.volume.bytes.len() + 5000]),
                    false => remove(&self.scene.path("out")),
                }
                let line = format!("{what} out {source}");
                if self.run(&line, self.verdict(rescue)) == 1 {
                    continue;
                }
                let copy = match is_image {
                    false => self.scene.read("out"),
                    true => {
                        remove(&self.scene.path("restored"));
                        self.run("-q -r -o restored out", 0);
                        self.scene.read("restored")
                    }
                };
                match content {
                    Content::Used => self.check(&what, &copy, 0),
                    Content::Metadata => self.check_metadata(&what, &copy),
                }
            }
        }
    }

    /// Rescues with a map file, in one run, in more, and in the end from a disk that has a better day.
    fn check_map(&self, source: &str) {
        let verdict = self.verdict(true);
        let line = |more: &str, source: &str| {
            format!("-q --rescue {more} --mapfile map -o mapped {source}")
        };
        if self.run(&line("", source), verdict) == 1 {
            assert!(!self.scene.path("map").exists());
            return;
        }
        self.check("with a map", &self.scene.read("mapped"), 0);
        self.check_claims();
        self.run(&line("", source), verdict);
        self.check("run again", &self.scene.read("mapped"), 0);

        self.forget_from(self.volume.bytes.len() as u64 / 2);
        self.run(&line("", source), verdict);
        self.check("resumed", &self.scene.read("mapped"), 0);
        self.check_claims();

        self.run(&line("--retries 1", "volume"), 0);
        let better = Self {
            unreadable: Vec::new(),
            faults: self.faults.clone(),
            volume: self.volume.clone(),
            scene: Scene::new(),
        };
        better.check("from a better disk", &self.scene.read("mapped"), 0);
    }

    /// Bad in the map is what is unreadable, and finished what is as on the source.
    fn check_claims(&self) {
        let copy = self.scene.read("mapped");
        let mut bad = Vec::new();
        for (range, status) in self.map() {
            let range = range.start as usize..range.end as usize;
            match status {
                '+' => assert!(
                    copy[range.clone()] == self.volume.bytes[range.clone()],
                    "{:?}: {range:x?} is not finished",
                    self.faults
                ),
                '-' => bad.push(range),
                _ => assert_eq!(status, '?', "{:?}: {range:x?}", self.faults),
            }
        }
        assert_eq!(bad, self.unreadable, "{:?}", self.faults);
    }

    fn map(&self) -> Vec<(Range<u64>, char)> {
        let text = String::from_utf8(self.scene.read("map")).expect("it is text");
        let lines = text.lines().filter(|line| !line.starts_with('#')).skip(1);
        let areas = lines.map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let number = |field: &str| {
                u64::from_str_radix(field.trim_start_matches("0x"), 16).expect("a number")
            };
            let start = number(fields[0]);
            let status = fields[2].chars().next().expect("a status");
            (start..start + number(fields[1]), status)
        });
        areas.collect()
    }

    /// Makes the map and the output those of a run that came up to `end`.
    fn forget_from(&self, end: u64) {
        let mut text = "0x0 ? 1\n".to_owned();
        for (range, status) in self.map() {
            let len = range.end.min(end).saturating_sub(range.start);
            if len > 0 {
                text.push_str(&format!("{:#x} {len:#x} {status}\n", range.start));
            }
        }
        self.scene.write("map", text);
        self.scene
            .write("mapped", &self.scene.read("mapped")[..end as usize]);
    }

    /// Runs it; `code` is the exit status that is expected.
    #[track_caller]
    fn run(&self, line: &str, code: i32) -> i32 {
        let outcome = finish(self.scene.command(ours, line));
        let said = printed(&outcome);
        let name = format!("{:?}: {line}", self.faults);
        assert_eq!(outcome.status.code(), Some(code), "{name}:\n{said}");
        let are_marked = said.contains("marked with BadSectoR");
        assert_eq!(are_marked, code == 3, "{name}:\n{said}");
        code
    }
}

/// The bytes of a part that are damaged or unreadable.
fn place(volume: &Volume, part: Part, state: State) -> Range<usize> {
    let record = volume.geometry.mft_record_size as usize;
    let (start, len) = match (part, state) {
        (Boot, _) => (0, SECTOR),
        (Backup, _) => {
            let backup = volume.geometry.backup_boot_sector_offset();
            (backup.expect("it has one") as usize, SECTOR)
        }
        (Record, _) => (volume.record_offset(0) as usize, record),
        (Mirror, _) => (volume.mirror_record_offset(0) as usize, record),
        // Of its record nothing is copied elsewhere.
        (Bitmap, Damaged) => (volume.record_offset(6) as usize, record),
        (Bitmap, Unreadable) => {
            let cluster = volume.geometry.cluster_size as usize;
            (volume.stream_offset(6, 0x80, "", 0) as usize, cluster)
        }
    };
    start..start + len
}

fn mark() -> Vec<u8> {
    let mut mark = vec![b'?'; SECTOR];
    mark[..10].copy_from_slice(b"BadSectoR\0");
    mark
}

fn remove(path: &Path) {
    if path.exists() {
        fs::remove_file(path).expect("it is there");
    }
}

#[test]
fn sound_or_one_part_damaged() {
    let singles = PARTS.map(|part| vec![(part, Damaged)]);
    for faults in [vec![]].iter().chain(&singles) {
        let case = Case::new(faults);
        case.check_forms("volume");
        case.check_map("volume");
    }
}

/// A device as long as its volume, and one with sectors after the last cluster.
#[test]
fn other_lengths() {
    let builder = small_volume::builder();
    let short = builder.clone().device_tail(0).build();
    let long = builder.extra_sectors(3).device_tail(2048).build();
    for (volume, faults) in [
        (&short, vec![]),
        (&short, vec![(Record, Damaged)]),
        (&short, vec![(Bitmap, Damaged)]),
        (&long, vec![]),
        (&long, vec![(Boot, Damaged)]),
        (&long, vec![(Record, Damaged)]),
    ] {
        let case = Case::of(volume.clone(), &faults);
        case.check_forms("volume");
        case.check_map("volume");
    }
}

#[test]
fn two_parts_damaged() {
    for (index, &first) in PARTS.iter().enumerate() {
        for &second in &PARTS[index + 1..] {
            let case = Case::new(&[(first, Damaged), (second, Damaged)]);
            case.check_forms("volume");
            case.check_map("volume");
        }
    }
}

#[test]
fn parts_unreadable() {
    if !requirements::met_here(FAILING_DEVICES) {
        return;
    }
    let singles = PARTS.map(|part| vec![(part, Unreadable)]);
    // Some that have to do with each other.
    let more = [
        vec![(Boot, Unreadable), (Backup, Unreadable)],
        vec![(Boot, Unreadable), (Record, Unreadable)],
        vec![(Boot, Unreadable), (Record, Damaged)],
        vec![(Record, Unreadable), (Mirror, Unreadable)],
        vec![(Record, Damaged), (Bitmap, Unreadable)],
    ];
    for faults in singles.iter().chain(&more) {
        let case = Case::new(faults);
        let device = case.failing_device();
        let source = device.path().display().to_string();
        case.check_forms(&source);
        case.check_map(&source);
    }
}

/// A device keeps what it had in free clusters, and cannot grow or shrink.
#[test]
fn to_devices() {
    if !requirements::met_here(FAILING_DEVICES) {
        return;
    }
    for faults in [
        [(Boot, Damaged)],
        [(Record, Damaged)],
        [(Bitmap, Damaged)],
        [(Boot, Unreadable)],
        [(Backup, Unreadable)],
    ] {
        let case = Case::new(&faults);
        let source = case.failing_device();
        for more in ["", "--rescue", "--rescue --mapfile map"] {
            case.scene
                .write("disk", vec![0xee; case.volume.bytes.len()]);
            let disk = LoopDevice::attach(&case.scene.path("disk"));
            let [disk, source] = [disk.path(), source.path()].map(|path| path.display());
            let line = format!("-q {more} -O {disk} {source}");
            if case.run(&line, case.verdict(!more.is_empty())) != 1 {
                let copy = fs::read(disk.to_string()).expect("it can be read");
                case.check(more, &copy, 0xee);
            }
        }
    }
}
