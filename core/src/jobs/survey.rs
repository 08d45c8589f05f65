//! Surveying the files of a volume and the owners of its clusters.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem;

use super::Step;
use super::job::Job;
use super::locate::locate;
use super::opened::Opened;
use crate::clusters;
use crate::ntfs::Volume;

impl Opened {
    /// Surveys all files in use: [`Step::Files`] and [`Step::Held`].
    pub fn survey(&self) -> Job<()> {
        let opened = self.clone();
        Job::new(Arc::clone(&self.pages), |co| async move {
            let inside = locate(&co, &opened).await?;
            let tolerates_damage = opened.before_damage;
            let volume = co.read(|| match tolerates_damage {
                true => inside.open_to_look().map(|(volume, _)| volume),
                false => Volume::open(Arc::clone(&inside.source)),
            });
            let volume = volume.await?;
            let mut survey = clusters::Survey::new(&volume);
            let (mut files, mut held) = (Vec::new(), Vec::new());
            loop {
                let step = co.read(|| survey.step(&volume, &mut files, &mut held));
                let has_more = step.await?;
                let (done, total) = (survey.rest().start().0, survey.rest().end().0);
                co.set_progress(done, total);
                if !files.is_empty() {
                    co.emit(Step::Files(mem::take(&mut files)));
                }
                if !held.is_empty() {
                    co.emit(Step::Held(mem::take(&mut held)));
                }
                if !has_more {
                    return Ok(());
                }
                co.progress(done, total);
            }
        })
    }
}
