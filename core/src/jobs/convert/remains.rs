//! Predicting what an image of metadata would hold: it is made and discarded.

use alloc::rc::Rc;

use super::super::job::Job;
use super::super::locate::locate;
use super::super::opened::Opened;
use super::super::used::used;
use super::metadata::MetadataCopy;
use super::output::{Form, Output};
use crate::wipe::Remains;

impl Opened {
    /// Finds what an image of metadata, made now, would hold that identifies
    /// people, and what would be wiped.
    pub fn remains(&self) -> Job<Remains> {
        let opened = self.clone();
        Job::new(Rc::clone(&self.pages), |co| async move {
            let inside = locate(&co, &opened).await?;
            let counted = used(&co, inside, false).await?;
            let copy = MetadataCopy::collect(&co, counted).await?;
            let mut output = Output::new(&co, Form::Discarded);
            let count = copy.write(&co, &mut output).await?;
            Ok(Remains {
                image_size: output.len(),
                sensitive: copy.sensitive,
                wiped: count.wiped,
                damaged_records: count.damaged_records,
            })
        })
    }
}
