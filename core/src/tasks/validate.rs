//! Checking an image or volume to its last byte, and the NTFS in it.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use super::opened::{Bytes, Inside, Opened};
use super::scan::piece_len;
use super::{Failure, Halt, Step, Task, attempt};
use crate::clusters::{Part, Selection, Walk};
use crate::error::{Error, Result, with_causes};
use crate::image::Index;
use crate::info::Format;
use crate::io::ReadAt;
use crate::ntfs::Volume;
use crate::pages::Piece;
use crate::validate::{
    Checking, Code, Finding, Findings, ImageCheck, ImageChecked, Loss, LostFrames, Place, Report,
    VolumeCheck,
};

/// Checks an image or volume, and the NTFS in it.
#[derive(Debug)]
pub struct Validate {
    opened: Opened,
    findings: Findings,
    image: Option<ImageChecked>,
    checksums: Vec<String>,
    /// Frames that cannot be decompressed.
    lost: LostFrames,
    /// What was in them, until their files are known.
    losses: Vec<Loss>,
    report: Option<Report>,
    state: State,
}

#[derive(Debug)]
enum State {
    Start,
    /// All of an image is read, up to there.
    Image(Box<ImageCheck>, u64),
    /// All of a compressed volume is read, up to there: that checks what its
    /// compression has to be checked.
    Through(u64),
    /// The volume is to be opened.
    Volume(Inside),
    Select(Box<Volume<Inside>>, Box<Selection>, Part),
    Check(Box<Volume<Inside>>, Box<Checking>),
    Done,
}

impl Opened {
    /// Checks it.
    pub fn validate(&self) -> Validate {
        Validate {
            opened: self.clone(),
            findings: Findings::default(),
            image: None,
            checksums: Vec::new(),
            lost: LostFrames::default(),
            losses: Vec::new(),
            report: None,
            state: State::Start,
        }
    }
}

impl Validate {
    /// What was found, after the last step.
    pub fn report(&self) -> Option<&Report> {
        self.report.as_ref()
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.opened.name
    }

    /// The next bytes from `offset` on, and where they end; without them, where a
    /// frame ends that cannot be decompressed, which is noted. The error is what
    /// cannot be read.
    fn next_piece(
        opened: &Opened,
        offset: u64,
        lost: &mut LostFrames,
    ) -> Result<(Option<Piece>, u64), Halt> {
        let bytes = &opened.bytes;
        let mut end = offset.saturating_add(piece_len(offset, bytes.size()));
        let mut frame = None;
        if let Bytes::Seekable(seekable) = bytes
            && let Some(number) = seekable.table().frame_at(offset)
            && let Some(found) = seekable.table().frame(number)
        {
            let frame_end = found.offset.saturating_add(found.size);
            end = end.min(frame_end);
            frame = Some((number, found, frame_end));
        }
        let len = end.saturating_sub(offset);
        match (attempt(&opened.pages, || bytes.piece(offset, len)), frame) {
            (Err(Halt::Failed(Failure::Error(error))), Some((number, frame, frame_end)))
                if error.is_damage() =>
            {
                lost.push(number, &frame, &error);
                Ok((None, frame_end))
            }
            (piece, _) => Ok((Some(piece?), end)),
        }
    }

    /// Reads on; the error is what cannot be read, or decompressed.
    fn read_image(&mut self) -> Result<Step, Halt> {
        let State::Image(check, done) = &mut self.state else {
            return Ok(Step::Done);
        };
        let total = self.opened.bytes.size();
        if *done < total {
            let (piece, end) = Self::next_piece(&self.opened, *done, &mut self.lost)?;
            // What follows a lost frame cannot be understood by itself.
            if let Some(piece) = piece
                && check.pushed() == *done
            {
                check.push(&piece)?;
            }
            *done = end;
            return Ok(Step::Progress { done: end, total });
        }
        self.end_image(true)?;
        Ok(Step::Progress { done: 0, total: 0 })
    }

    /// All of the image has been looked at, or as much of it as `is_read`.
    fn end_image(&mut self, is_read: bool) -> Result<(), Failure> {
        let State::Image(check, _) = mem::replace(&mut self.state, State::Done) else {
            return Ok(());
        };
        let bytes = check.taken();
        let (findings, mut index) = check.end()?;
        // That the rest is missing is no news where it could not be read.
        if is_read && self.lost.is_empty() {
            self.findings.append(findings);
        }
        if let Some(first) = self.lost.first() {
            let known = self.opened.inside.as_ref().and_then(Inside::index);
            if known.is_none() {
                let message = format!(
                    "where the clusters after byte {first:#x} of the image are is not known"
                );
                let place = Some(Place::Image { offset: first });
                let finding = Finding::new(Code::ImageUnreadable, place, message);
                self.findings.push(finding);
            }
            index = known.cloned().or(index);
        }
        let lost = mem::take(&mut self.lost);
        self.losses = match &index {
            Some(index) => lost.in_image(index),
            None => lost.in_volume(),
        };
        self.check_summary(index.as_ref());
        self.image = Some(ImageChecked {
            bytes,
            clusters: index.as_ref().map_or(0, Index::len),
        });
        match index {
            Some(index) => {
                let inside = Inside::of_image(self.opened.bytes.clone(), index);
                self.state = State::Volume(inside);
            }
            None => self.finish(None),
        }
        Ok(())
    }

    fn read_through(&mut self) -> Result<Step, Halt> {
        let State::Through(done) = &mut self.state else {
            return Ok(Step::Done);
        };
        let total = self.opened.bytes.size();
        if *done < total {
            let (_, end) = Self::next_piece(&self.opened, *done, &mut self.lost)?;
            *done = end;
            return Ok(Step::Progress { done: end, total });
        }
        self.end_through();
        Ok(Step::Progress { done: 0, total: 0 })
    }

    fn end_through(&mut self) {
        self.losses = mem::take(&mut self.lost).in_volume();
        self.check_summary(None);
        self.state = State::Volume(Inside::Volume(self.opened.bytes.clone()));
    }
    fn check_summary(&mut self, index: Option<&Index>) {
        if let Bytes::Seekable(seekable) = &self.opened.bytes {
            let (findings, checksums) = (&mut self.findings, &mut self.checksums);
            crate::validate::check_end(seekable.end_damage(), findings);
            crate::validate::check_summary(seekable.summary(), index, findings, checksums);
        }
    }

    fn check_volume(&mut self) -> Result<Step, Halt> {
        let pages = &self.opened.pages;
        match &mut self.state {
            State::Volume(inside) => {
                let opened = attempt(pages, || Ok(inside.open_volume()))?;
                match opened {
                    Ok(volume) => {
                        let selection = Box::new(Selection::new(&volume)?);
                        let rest = Part::all(&volume);
                        self.state = State::Select(Box::new(volume), selection, rest);
                    }
                    Err(error) => {
                        let place = Place::Volume {
                            offset: 0,
                            length: None,
                        };
                        let code = Code::VolumeUnreadable;
                        let finding = Finding::of_error(code, Some(place), &error);
                        self.findings.push(finding);
                        self.finish(None);
                    }
                }
            }
            State::Select(volume, selection, rest) if !rest.is_empty() => {
                attempt(pages, || {
                    let mut walk = Walk::new(&**volume);
                    walk.claims_of_some(rest, &mut |claims| selection.add(claims))
                })?;
                return Ok(Step::Progress {
                    done: rest.start().0,
                    total: rest.end().0,
                });
            }
            State::Select(..) => {
                if let State::Select(volume, selection, _) =
                    mem::replace(&mut self.state, State::Done)
                {
                    let losses = mem::take(&mut self.losses);
                    let checking = Checking::new(*selection).with_losses(losses);
                    self.state = State::Check(volume, Box::new(checking));
                }
            }
            State::Check(volume, checking) => {
                let image = volume.source().index();
                if let Some(check) = attempt(pages, || checking.step(&**volume, image))? {
                    self.finish(Some(check));
                }
            }
            _ => {}
        }
        Ok(Step::Progress { done: 0, total: 0 })
    }

    fn unreadable(&mut self, error: &Error) {
        let message = format!("{}: {}", self.opened.name, with_causes(error));
        let finding = Finding::new(Code::ImageUnreadable, None, message);
        self.findings.push(finding);
    }

    fn finish(&mut self, volume: Option<VolumeCheck>) {
        // Of those nothing more is known.
        for loss in mem::take(&mut self.losses) {
            self.findings.push(loss.into_finding());
        }
        let findings = mem::take(&mut self.findings);
        let checksums = mem::take(&mut self.checksums);
        let report = Report::new(findings, self.image, volume, checksums);
        let is_volume = matches!(
            (self.opened.format, &self.opened.bytes),
            (Format::Volume, Bytes::Plain(_))
        );
        self.report = Some(match is_volume {
            true => report.on_volume(),
            false => report,
        });
        self.state = State::Done;
    }

    fn start(&self) -> State {
        match (self.opened.format, &self.opened.bytes) {
            (Format::Image, _) => State::Image(Box::new(ImageCheck::new()), 0),
            (Format::Volume, Bytes::Seekable(_)) => State::Through(0),
            (Format::Volume, bytes) => State::Volume(Inside::Volume(bytes.clone())),
        }
    }
}

impl Task for Validate {
    fn advance(&mut self) -> Result<Step, Halt> {
        let went_on = match &self.state {
            State::Start => {
                self.state = self.start();
                return Ok(Step::Progress { done: 0, total: 0 });
            }
            State::Image(..) => self.read_image(),
            State::Through(_) => self.read_through(),
            State::Volume(_) | State::Select(..) | State::Check(..) => self.check_volume(),
            State::Done => return Ok(Step::Done),
        };
        let error = match went_on {
            Err(Halt::Failed(Failure::Error(error))) => error,
            went_on => return went_on,
        };
        // What cannot be read is a finding.
        self.unreadable(&error);
        match self.state {
            State::Image(..) => self.end_image(false)?,
            State::Through(_) => self.end_through(),
            _ => self.finish(None),
        }
        Ok(Step::Progress { done: 0, total: 0 })
    }
}
