//! Finding the file that a disk in several files begins with.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::pin::Pin;

use super::Failure;
use super::job::Co;
use super::open::{content_of, open_container};
use crate::disk::GivenFiles;
use crate::open::{Container, Content};

/// Finds the file that refers to others and that no other file refers to: the difference to all its
/// parents, the descriptor of extents, the first segment. Where no file refers to others, it is the
/// first one.
///
/// Boxed, so that it can be loaded together with the readers of virtual disks.
pub(super) fn find_first(co: Co, files: GivenFiles) -> Search {
    Box::pin(async move { search(&co, &files).await })
}

type Search = Pin<Box<dyn Future<Output = Result<usize, Failure>>>>;

async fn search(co: &Co, files: &GivenFiles) -> Result<usize, Failure> {
    let mut is_referred_to = vec![false; files.len()];
    let mut referring = Vec::new();
    for candidate in 0..files.len() {
        if is_referred_to.get(candidate) == Some(&true) {
            continue;
        }
        let files = files.beginning_with(candidate);
        let source = files.first_source();
        // What is damaged is reported if it is opened.
        let Ok(Content::Container(container @ Container::Disk(_))) =
            co.read(|| content_of(&source)).await
        else {
            continue;
        };
        match open_container(co, &source, container, &files).await {
            Ok(contents) if contents.files.is_empty() => {}
            Ok(contents) => {
                referring.push(candidate);
                for name in &contents.files {
                    let referred = files.position(name);
                    if let Some(is) = referred.and_then(|index| is_referred_to.get_mut(index)) {
                        *is = true;
                    }
                }
            }
            Err(Failure::Error(error)) if error.needed_file().is_some() => {
                referring.push(candidate);
            }
            Err(_) => {}
        }
    }
    referring.retain(|&candidate| is_referred_to.get(candidate) == Some(&false));
    Ok(referring.first().copied().unwrap_or(0))
}
