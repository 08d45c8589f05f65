//! Starts threads. A system may allow no more of them, by `ulimit -u` or in a
//! container; the work is then done without them.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Builder, JoinHandle};

/// What a thread ends with; `None` never happens.
pub type Ending<R> = JoinHandle<Option<R>>;

/// Starts a thread that works on `input`.
///
/// # Errors
///
/// `input`, where there can be no thread.
pub fn start<T: Send + 'static, R: Send + 'static>(
    name: &str,
    input: T,
    work: impl FnOnce(T) -> R + Send + 'static,
) -> Result<Ending<R>, T> {
    let ours = Arc::new(Mutex::new(Some(input)));
    let theirs = Arc::clone(&ours);
    let take = |shared: &Mutex<Option<T>>| {
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.take()
    };
    let thread = Builder::new().name(name.to_owned());
    let started = thread.spawn(move || take(&theirs).map(work));
    match started {
        Ok(thread) => Ok(thread),
        // It has not begun, and never will.
        Err(_) => match take(&ours) {
            Some(input) => Err(input),
            None => unreachable!("a thread that did not start took its input"),
        },
    }
}

/// Calls `work` with each of `items`, on so many threads, of which this is one.
pub fn for_each<T: Send>(threads: NonZeroUsize, items: &mut [T], work: fn(&mut T)) {
    let items = Mutex::new(items.iter_mut());
    let next = || {
        let mut items = items.lock().unwrap_or_else(PoisonError::into_inner);
        items.next()
    };
    let work_on_some = || {
        while let Some(item) = next() {
            work(item);
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads.get() {
            let thread = Builder::new().name("encodes".to_owned());
            // Fewer do as well.
            if thread.spawn_scoped(scope, work_on_some).is_err() {
                break;
            }
        }
        work_on_some();
    });
}

/// How many threads can be started beside those there are, of so many `wanted`.
pub fn startable(wanted: usize) -> usize {
    let gate = Arc::new(Mutex::new(()));
    let closed = gate.lock().unwrap_or_else(PoisonError::into_inner);
    let threads: Vec<Ending<()>> = (0..wanted)
        .map_while(|_| {
            let gate = Arc::clone(&gate);
            let wait = |gate: Arc<Mutex<()>>| {
                drop(gate.lock());
            };
            start("counts", gate, wait).ok()
        })
        .collect();
    drop(closed);
    threads
        .into_iter()
        .filter_map(|thread| thread.join().ok())
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_is_worked_on_once() {
        for threads in 1..5 {
            let mut items = [0; 100];
            for_each(NonZeroUsize::new(threads).unwrap(), &mut items, |item| {
                *item += 1;
            });
            assert_eq!(items, [1; 100], "{threads}");
        }
    }

    #[test]
    fn threads_are_counted() {
        assert_eq!(startable(3), 3);
    }
}
