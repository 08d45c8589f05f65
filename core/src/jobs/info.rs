//! Describing an image or volume after reading little of it.

use alloc::borrow::ToOwned;
use alloc::sync::Arc;

use super::Failure;
use super::job::Job;
use super::opened::Opened;
use crate::error::with_causes;
use crate::info::{Document, ImageSummary, MAP_PARTS, VolumeLook, why_nothing_is_told};
use crate::io::ReadAt;
use crate::open::Inside;

impl Opened {
    /// Describes it: the document of `ntfsclone info --json`.
    pub fn info(&self) -> Job<Document> {
        let opened = self.clone();
        Job::new(Arc::clone(&self.pages), |co| async move {
            let mut document = Document {
                source: (*opened.name).to_owned(),
                size: Some(opened.size),
                format: opened.format,
                layers: opened.layers.clone(),
                made: None,
                image: None,
                volume: None,
                warnings: opened.warnings.clone(),
            };
            if let Some(seekable) = &opened.seekable {
                document.tell_end_damage(seekable.end_damage());
                document.tell_made(seekable.summary());
            }
            let index = opened.inside.as_ref().and_then(Inside::index);
            document.image = opened.header.map(|header| {
                ImageSummary::new(index.map_or(&header, |index| index.header()), index)
            });
            let Some(inside) = &opened.inside else {
                let why = why_nothing_is_told(opened.bytes.size());
                document.warnings.push(why.to_owned());
                return Ok(document);
            };
            let looked = async {
                let (volume, damage) = co.read(|| inside.open_to_look()).await?;
                let warnings = damage.iter().map(|damage| with_causes(damage));
                document.warnings.extend(warnings);
                let mut look = VolumeLook::new(MAP_PARTS);
                loop {
                    match co.read(|| look.step(&volume)).await? {
                        None => co.progress(0, 0),
                        summary => return Ok(summary),
                    }
                }
            };
            match looked.await {
                Ok(summary) => document.volume = summary,
                Err(Failure::Error(error)) => document.warnings.push(with_causes(&error)),
                Err(failure) => return Err(failure),
            }
            Ok(document)
        })
    }
}
