//! Documents that only seldom needed work makes, as JSON. These functions are in the deferred part of this module: they
//! are only called through a pointer.

use std::hint::black_box;

use ntfsclone_core::Result;
use ntfsclone_core::check::{Document, Report};
use ntfsclone_core::relocate::{ResizeLimits, Resized};
use ntfsclone_core::wipe::Remains;

/// Makes JSON of a result.
pub(crate) type ToJson<T> = Box<dyn Fn(&T) -> Result<String>>;

/// What `ntfsclone verify --json` tells of the source with that name.
pub(crate) fn of_report(source: String) -> ToJson<Report> {
    Box::new(move |report| {
        let document = Document {
            source: source.clone(),
            against: None,
            compared: None,
            report,
        };
        document.to_json()
    })
}

/// What an image of metadata would hold that tells of people.
pub(crate) fn of_remains() -> ToJson<Remains> {
    Box::new(|remains| remains.to_json())
}

/// What another size of the volume needs, and loses.
pub(crate) fn of_resize_limits() -> ToJson<ResizeLimits> {
    Box::new(|limits| limits.to_json())
}

/// What was changed to give the volume another size.
pub(crate) fn of_resized(resized: &Resized) -> Result<String> {
    // The compiler would call it directly.
    black_box(resized_to_json as fn(&Resized) -> Result<String>)(resized)
}

fn resized_to_json(resized: &Resized) -> Result<String> {
    resized.to_json()
}
