//! Predicting what an image of metadata would hold: it is made and discarded.

use alloc::sync::Arc;

use super::super::job::Job;
use super::super::locate::locate;
use super::super::opened::Opened;
use super::super::used::used;
use super::copy::Copy;
use super::output::{Form, Output};
use crate::wipe::Remains;
use crate::write::METADATA;

impl Opened {
    /// Finds what an image of metadata, made now, would hold that identifies
    /// people, and what would be wiped.
    pub fn remains(&self) -> Job<Remains> {
        let opened = self.clone();
        Job::new(Arc::clone(&self.pages), |co| async move {
            let inside = locate(&co, &opened).await?;
            let counted = used(&co, inside, false).await?;
            let (copy, sensitive) = Copy::of_metadata(&co, counted).await?;
            let output = Output::new(&co, Form::Discarded);
            let (report, image_size) = copy.write(&co, (&METADATA).into(), output).await?;
            Ok(Remains {
                image_size,
                sensitive,
                wiped: report.wiped,
                damaged_records: report.damaged_records,
            })
        })
    }
}
