//! Converts a whole disk: NTFS partitions by their used clusters, all else as it is.

use std::fs::Metadata;
use std::path::Path;

use ntfsclone_core::open::{Kind, Layer};
use ntfsclone_core::write;
use ntfsclone_core::write::{DiskContent, DiskSupport, Facts, RAW, Shape, Writer};

use super::copying::{disk_sink, not_encoded, writer};
use super::disk_layout;
use super::open_volume::{self, Accepted};
use super::transfer::Transfer;
use crate::bulk::encoding::Encoding;
use crate::bulk::pipeline::Flow;
use crate::compression::{Capacity, Compressor};
use crate::error::{Error, Result};
use crate::facts::add_time_and_host;
use crate::host::progress::Phase;
use crate::options::{self, Compress, ConvertTask, NewFields, Thin};
use crate::original_report::Copied;
use crate::report::{self, Reports};
use crate::sink::{CompressedSink, Destination, Needs, Place, Readers, check_length};
use crate::source::{BLOCK_BYTES, Disk, DiskParts, DiskReader};

/// Bytes of a sector of most disks.
const SECTOR: u32 = 512;

/// Converts `disk`.
pub fn convert(task: &ConvertTask, disk: Disk, how: options::Progress) -> Result<()> {
    let reports = task.writing.reports();
    let name = disk.name().to_owned();
    let writer = writer(&task.kind);
    let remedy = "name the partition: --partition N; or convert it to a virtual disk, or raw";
    refuse_volume_format(task, (&name, "is a whole disk"), remedy)?;
    let accepted = Accepted {
        dirty: task.checks.force,
        mounted: false,
        unknown_use: task.checks.force,
    };
    open_volume::judge_use(&name, &disk.metadata(), accepted)?;
    super::copy::tell_of_checksums(&name, disk.files());
    let sources = disk.metadata();
    // Check the output first: the scans can take minutes.
    let destination = open_destination(task, &sources)?;
    describe(&disk, reports);

    let layout = disk_layout::plan(&disk, task.checks, how, reports)?;
    let mut start = vec![0; write::Disk::start_len(disk.size())];
    disk.read_at(0, &mut start)?;
    let whole = write::Disk::copy_of(disk.table(), disk.size(), &start, writer);
    warn_of_large_sectors(&name, &whole, writer);
    let parts = DiskReader::parts(disk, layout, task.writing.direct);
    let conversion = DiskConversion {
        task,
        source: name.to_string_lossy().into_owned(),
        parts: DiskParts::new(whole, parts),
        how,
    };
    conversion.write(destination)
}

/// A disk that is converted, once all of its parts are known.
pub(super) struct DiskConversion<'a> {
    pub task: &'a ConvertTask,
    /// What it is made from, for the facts.
    pub source: String,
    pub parts: DiskParts,
    pub how: options::Progress,
}

impl DiskConversion<'_> {
    /// Writes the disk to `destination`.
    pub fn write(self, destination: Destination) -> Result<()> {
        let Self {
            task,
            source,
            parts,
            how,
        } = self;
        let (writing, kind) = (&task.writing, &task.kind);
        let writer = writer(kind);
        let (disk, bytes) = (parts.disk(), parts.bytes());
        writing.reports().line(format_args!(
            "To copy: {} of {}; all else becomes zeros",
            report::size(bytes),
            report::size(disk.size)
        ));
        let shape = Shape::Disk(&parts);
        let size = writer.size(&shape);
        if kind.compress.is_some() {
            check_length(&writing.output.name(), size.unwrap_or(bytes))?;
        }
        let transfer = Transfer {
            writing,
            new_fields: NewFields::default(),
            phase: Phase::Convert,
            done: "Converted",
            // The original converts nothing: its lines are not printed.
            copied: Copied::Restored,
            bytes,
            how,
        };
        // Zeros become holes, and how many there are is known in the end.
        let target = transfer.begin(
            destination,
            Needs {
                bytes: 0,
                device_size: 0,
            },
        )?;
        if target.is_file_of_fixed_size() {
            return Err(Error::refused(
                target.name(),
                "is a file whose length cannot be changed: what was there would stay where the \
                 disk has zeros",
                "write it to another file",
            ));
        }
        let thin = if target.is_stream() {
            Thin::No
        } else {
            Thin::Holes
        };
        let name = writing.output.name();
        let is_direct = parts.is_direct();
        let encoding = Encoding::new(writer, &shape, BLOCK_BYTES, is_direct);
        let flow = Flow {
            cluster_size: BLOCK_BYTES,
            is_direct: is_direct || target.is_direct(),
            encoding: encoding
                .map_err(|error| not_encoded(&name, error))?
                .map(|encoding| encoding.on_threads(task.checks.threads)),
        };
        let Some(compress) = &kind.compress else {
            let sink = disk_sink(writer, target, size, BLOCK_BYTES, thin)?;
            return transfer.run(sink, flow, parts.fill());
        };
        let capacity = Capacity::new(compress.level, task.checks.threads)?;
        let compressor = Compressor::start(compress.level, capacity.threads)?;
        let about = (write::Content::without_summary(), facts(source, compress));
        let least_size = if writer == &RAW { disk.size } else { 0 };
        let sink = CompressedSink::new(target, about, least_size, compressor, capacity.frames);
        transfer.run(sink, flow, parts.fill())
    }
}

/// Opens the output of a disk, if it may be written to.
pub(super) fn open_destination(task: &ConvertTask, sources: &[Metadata]) -> Result<Destination> {
    let writing = &task.writing;
    if Place::of(&writing.output, sources)? == Place::BlockDevice {
        return Err(Error::refused(
            &writing.output.name(),
            "is a device: what was there would stay where the disk has zeros",
            "convert the disk to a raw file, and copy that to the device",
        ));
    }
    Place::of_volume(writing, sources, task.checks.force, false)?;
    Destination::open(&writing.output, Readers::Owner, sources)
}

/// Refuses what a whole disk cannot be written as: `found` is what it is, `remedy` names what to
/// convert instead.
pub(super) fn refuse_volume_format(
    task: &ConvertTask,
    (name, found): (&Path, &str),
    remedy: &str,
) -> Result<()> {
    if task.partitioning.is_some() {
        return Err(Error::Usage {
            message: format!(
                "--disk puts one volume into a partition table; {} {found}, which keeps its own",
                name.display()
            ),
        });
    }
    if task.writing.resize.is_some() {
        return Err(Error::Usage {
            message: format!(
                "--size and --sector-size are of one volume; {} {found}: name the partition with \
                 --partition",
                name.display()
            ),
        });
    }
    let writer = writer(&task.kind);
    if writer.disk == DiskSupport::None {
        return Err(Error::refused(
            name,
            format!("{found}, and {} holds one volume", writer.id),
            remedy,
        ));
    }
    Ok(())
}

fn describe(disk: &Disk, reports: Reports) {
    let table = match disk.table().kind {
        Kind::Mbr => "MBR",
        Kind::Gpt => "GPT",
    };
    let layers: Vec<String> = disk.layers().iter().map(Layer::to_string).collect();
    let layers = match layers.is_empty() {
        true => String::new(),
        false => format!(" ({})", layers.join(", ")),
    };
    reports.line(format_args!(
        "Disk: {}{layers}, {} ({table}), {}",
        disk.name().display(),
        report::count(
            disk.table().partitions.len() as u64,
            "partition",
            "partitions"
        ),
        report::size(disk.size())
    ));
}

/// Warns if the table counts in sectors that the format does not describe.
pub(super) fn warn_of_large_sectors(name: &Path, disk: &write::Disk, writer: &Writer) {
    let is_described = matches!(
        writer.disk,
        DiskSupport::DiskWithLargeSectors | DiskSupport::Bytes
    );
    if disk.sector_size == SECTOR || is_described {
        return;
    }
    report::warning(format!(
        "{}: the disk has sectors of {} bytes, and {} does not record that: its partitions are \
         found only where it is attached as such a disk (QEMU: logical_block_size={}); vhdx \
         records it",
        name.display(),
        disk.sector_size,
        writer.id,
        disk.sector_size
    ));
}

fn facts(source: String, compress: &Compress) -> Facts {
    let mut facts = Facts::new(source, compress.level);
    add_time_and_host(&mut facts);
    facts.note.clone_from(&compress.note);
    facts
}
