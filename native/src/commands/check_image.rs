//! Reading an image and writing nothing.

use std::time::Instant;

use super::lost_data;
use super::restore::describe;
use crate::error::Result;
use crate::options::{self, Direct, Input, Rescue};
use crate::progress::{Phase, Progress};
use crate::report::{self, Reports};
use crate::source::ImageStream;

pub fn run(
    input: &Input,
    rescue: Option<&Rescue>,
    direct: Direct,
    how: options::Progress,
) -> Result<()> {
    let reports = Reports::ToStdout;
    lost_data::check_report(rescue, None)?;
    let started = Instant::now();
    let mut image = ImageStream::open(input, rescue)?;
    image.bypass_cache(direct);
    describe(&image, reports);
    let progress = Progress::start(how, Phase::Check, image.expected_bytes());
    let damaged = image.damaged();
    let bytes = image.check(progress)?;
    reports.line(report::done("Checked", bytes, started.elapsed()));
    lost_data::tell_of_image(&input.name(), damaged.as_deref(), rescue)
}
