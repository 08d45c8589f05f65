//! Moving what is read to the output: the part that copies and restores share.

use crate::boot_sectors::BootSectorChange;
use crate::bulk::pipeline::{self, Batches, Filled, Filler, Flow};
use crate::error::Result;
use crate::host::progress::{Phase, Progress};
use crate::options::{self, NewFields, WriteOptions};
use crate::original_report::Copied;
use crate::report;
use crate::sink::{self, Destination, Needs, Sink, Target, Written};

/// What is written, whatever its form.
pub struct Transfer<'a> {
    pub writing: &'a WriteOptions,
    pub new_fields: NewFields,
    pub phase: Phase,
    /// What is reported in the end, as `"Saved"`.
    pub done: &'static str,
    /// What the original calls it.
    pub copied: Copied<'a>,
    /// Bytes of the volume to write.
    pub bytes: u64,
    pub how: options::Progress,
}

impl Transfer<'_> {
    /// Opens the target.
    pub fn begin(&self, destination: Destination, needs: Needs) -> Result<Target> {
        let mut target = destination.begin(needs)?;
        target.bypass_cache(self.writing.direct);
        if self.writing.verify {
            target.verify(self.how.without_percent())?;
        }
        if let Some(algorithm) = self.writing.checksum {
            target.make_checksum(algorithm);
        }
        if let Some(size) = self.writing.split {
            target.split(size)?;
        }
        Ok(target)
    }

    /// Lets `sink` write what `fill` reads, and reports that.
    pub fn run(
        &self,
        mut sink: impl Sink,
        flow: Flow,
        fill: impl FnOnce(&mut Filler<'_>) -> Filled + Send + 'static,
    ) -> Result<()> {
        let reports = self.writing.reports();
        let mut boot_sectors = BootSectorChange::new(self.new_fields, reports)?;
        let progress = Progress::start(self.how, self.phase, self.bytes);
        let batches = pipeline::start("reads", flow, fill)?;
        let written = self.write(&mut sink, batches, &mut boot_sectors, progress)?;
        self.report(&written, &sink.remark());
        Ok(())
    }

    /// Lets `sink` write all batches.
    pub fn write(
        &self,
        sink: &mut impl Sink,
        batches: Batches,
        boot_sectors: &mut BootSectorChange,
        progress: Progress,
    ) -> Result<Written> {
        let reports = self.writing.reports();
        sink::write_all(sink, batches, boot_sectors, progress, |progress| {
            if reports.has_original() {
                // The lines of the original may go where the bar is.
                progress.clear();
            }
            self.copied.is_written(reports, || progress.end_percent());
        })
    }

    /// Reports what is written, with a remark.
    pub fn report(&self, written: &Written, remark: &str) {
        let reports = self.writing.reports();
        let line = report::done_with(self.done, written.bytes, remark, written.took);
        reports.line(line);
        if self.writing.verify {
            reports.line(report::VERIFIED);
        }
    }
}
