//! Reading an image and writing nothing.

use std::time::Instant;

use super::restore::describe;
use crate::error::Result;
use crate::options::{self, Input};
use crate::progress::{Phase, Progress};
use crate::report::{self, Reports};
use crate::source::ImageStream;

pub fn run(input: &Input, how: options::Progress) -> Result<()> {
    let reports = Reports::ToStdout;
    let started = Instant::now();
    let image = ImageStream::open(input)?;
    describe(&image, reports);
    let progress = Progress::start(how, Phase::Check, image.expected_bytes());
    let bytes = image.check(progress)?;
    reports.line(report::done("Checked", bytes, started.elapsed()));
    Ok(())
}
