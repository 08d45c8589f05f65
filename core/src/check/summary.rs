//! What a compressed image tells of itself.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use super::code::Code;
use super::finding::{Finding, Findings};
use crate::error::Error;
use crate::image::Index;
use crate::image::seekable::{EndDamage, Summary};

/// Adds what is wrong with a compressed image around the content of its frames: in the
/// `header` of a frame, and behind the frames.
pub fn check_frames(header: Option<&Error>, damage: &EndDamage, findings: &mut Findings) {
    if let Some(error) = header {
        findings.push(Finding::of_error(Code::StreamEnd, None, error));
    }
    if let Some(error) = &damage.table {
        findings.push(Finding::of_error(Code::SeekTable, None, error));
    }
    if let Some(trailing) = &damage.trailing {
        findings.push(Finding::new(
            Code::StreamEnd,
            None,
            trailing_message(trailing),
        ));
    }
}

/// What is said of bytes after the seek table.
pub(crate) fn trailing_message(trailing: &Range<u64>) -> String {
    let (bytes, follow) = match trailing.end.saturating_sub(trailing.start) {
        1 => (1, "byte follows"),
        more => (more, "bytes follow"),
    };
    format!(
        "{bytes} {follow} the end of the compressed image, from byte {:#x} of the file on",
        trailing.start
    )
}

/// Holds what a compressed image tells of itself against what was read, which
/// gave `index` if it is one of an image. Its frames were checked against its
/// checksums when they were decompressed: that is noted in `checksums`.
pub fn check_summary(
    summary: Result<Option<&Summary>, &Error>,
    index: Option<&Index>,
    findings: &mut Findings,
    checksums: &mut Vec<String>,
) {
    let summary = match summary {
        Ok(Some(summary)) => summary,
        Ok(None) => return,
        Err(error) => {
            let finding = Finding::of_error(Code::Summary, None, error);
            return findings.push(finding);
        }
    };
    if summary.stream_hash().is_some() {
        checksums.push("frames".to_owned());
    }
    let told = match summary.index() {
        Ok(None) => return,
        Ok(Some(told)) => told,
        Err(error) => {
            let finding = Finding::of_error(Code::Summary, None, &error);
            return findings.push(finding);
        }
    };
    if findings.is_sound() && index.is_some_and(|index| *index != told) {
        let message = "what it tells of where its clusters are is not where they are";
        let finding = Finding::new(Code::Summary, None, message);
        findings.push(finding);
    }
}
