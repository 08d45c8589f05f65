//! Moving what is read to the output: the part that copies and restores share.

use crate::bulk::pipeline::{self, Filled, Filler, Flow};
use crate::error::Result;
use crate::host::progress::{Phase, Progress};
use crate::options::{self, NewSerial, WriteOptions};
use crate::original_report::Copied;
use crate::report::{self, Reports};
use crate::serial::SerialChange;
use crate::sink::{self, Destination, Needs, Sink, Target};

/// What is written, whatever its form.
pub struct Transfer<'a> {
    pub writing: &'a WriteOptions,
    pub new_serial: Option<NewSerial>,
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
        let reports = Reports::beside(&self.writing.output);
        let mut serial = SerialChange::new(self.new_serial, reports)?;
        let progress = Progress::start(self.how, self.phase, self.bytes);
        let batches = pipeline::start("reads", flow, fill)?;
        let written = sink::write_all(&mut sink, batches, &mut serial, progress, |progress| {
            self.copied.is_written(reports, || progress.end_percent());
        })?;
        let remark = sink.remark();
        let line = report::done_with(self.done, written.bytes, &remark, written.took);
        reports.line(line);
        if self.writing.verify {
            reports.line(report::VERIFIED);
        }
        Ok(())
    }
}
