//! Writing an output: what copies and restores have in common.

use crate::bulk::pipeline::{self, Filled, Filler, Flow};
use crate::error::Result;
use crate::host::progress::{Phase, Progress};
use crate::options::{self, Algorithm, Direct, NewSerial};
use crate::report::{self, Reports};
use crate::serial::SerialChange;
use crate::sink::{self, Destination, Needs, Sink, Target};

/// How an output is written, whatever its form.
pub struct Writing {
    pub checksum: Option<Algorithm>,
    /// Read back what was written.
    pub verify: bool,
    pub direct: Direct,
    pub new_serial: Option<NewSerial>,
    pub phase: Phase,
    /// What is reported in the end, as `"Saved"`.
    pub done: &'static str,
    /// Bytes of the volume to write.
    pub bytes: u64,
    pub how: options::Progress,
    pub reports: Reports,
}

impl Writing {
    /// Opens the target.
    pub fn begin(&self, destination: Destination, needs: Needs) -> Result<Target> {
        let mut target = destination.begin(needs)?;
        target.bypass_cache(self.direct);
        if self.verify {
            target.verify(self.how)?;
        }
        if let Some(algorithm) = self.checksum {
            target.make_checksum(algorithm);
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
        let mut serial = SerialChange::new(self.new_serial)?;
        let progress = Progress::start(self.how, self.phase, self.bytes);
        let batches = pipeline::start("reads", flow, fill)?;
        let written = sink::write_all(&mut sink, batches, &mut serial, progress)?;
        let remark = sink.remark();
        let line = report::done_with(self.done, written.bytes, &remark, written.took);
        self.reports.line(line);
        if self.verify {
            self.reports.line(report::VERIFIED);
        }
        Ok(())
    }
}
