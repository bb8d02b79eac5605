//! Many questions at once.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::pace::POLL;

/// Does `work` on every item in `workers` threads and hands each result to `deliver`, on this
/// thread, as soon as it is there: in the order of the items with one worker, in any order with
/// more. Items are taken as workers become free, so the whole list is never held.
///
/// `deliver` is also called with `None` while nothing arrives. When it breaks, `cancel` is set,
/// which `work` is to heed; no further item is taken, and results that are still under way are
/// dropped.
pub fn each<T, R, B>(
    workers: usize,
    items: impl Iterator<Item = T> + Send,
    cancel: &AtomicBool,
    work: impl Fn(T) -> R + Sync,
    mut deliver: impl FnMut(Option<R>) -> ControlFlow<B>,
) -> ControlFlow<B>
where
    T: Send,
    R: Send,
{
    let workers = workers.max(1);
    let items = Mutex::new(items);
    let (send, results) = sync_channel(workers);
    thread::scope(|scope| {
        for _ in 0..workers {
            let send = send.clone();
            let (items, work) = (&items, &work);
            scope.spawn(move || {
                while !cancel.load(Ordering::Relaxed) {
                    let item = items.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(item) = item else { return };
                    if send.send(work(item)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(send);
        // Moved in here, so that workers that still send find nobody once this returns.
        let results = results;
        loop {
            let result = match results.recv_timeout(POLL) {
                Ok(result) => Some(result),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return ControlFlow::Continue(()),
            };
            let flow = deliver(result);
            if flow.is_break() {
                cancel.store(true, Ordering::Relaxed);
                return flow;
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    #[test]
    fn every_item_is_worked_on_once_by_no_more_threads_than_allowed() {
        let (busy, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let work = |i: usize| {
            let now = busy.fetch_add(1, Ordering::SeqCst) + 1;
            most.fetch_max(now, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(2));
            busy.fetch_sub(1, Ordering::SeqCst);
            i
        };
        let mut done = Vec::new();
        let flow: ControlFlow<()> = each(4, 0..40, &AtomicBool::new(false), work, |result| {
            done.extend(result);
            ControlFlow::Continue(())
        });
        assert!(flow.is_continue());
        done.sort_unstable();
        assert_eq!(done, (0..40).collect::<Vec<_>>());
        assert!((2..=4).contains(&most.load(Ordering::SeqCst)));
    }

    #[test]
    fn one_worker_keeps_the_order() {
        let mut done = Vec::new();
        let _: ControlFlow<()> = each(
            1,
            0..20,
            &AtomicBool::new(false),
            |i| i,
            |result| {
                done.extend(result);
                ControlFlow::Continue(())
            },
        );
        assert_eq!(done, (0..20).collect::<Vec<_>>());
    }

    #[test]
    fn a_break_stops_the_workers() {
        let cancel = AtomicBool::new(false);
        let taken = AtomicUsize::new(0);
        let items = (0..).inspect(|_| {
            taken.fetch_add(1, Ordering::Relaxed);
        });
        let flow = each(
            3,
            items,
            &cancel,
            |i: u64| i,
            |result| match result {
                Some(_) => ControlFlow::Break("enough"),
                None => ControlFlow::Continue(()),
            },
        );
        assert_eq!(flow, ControlFlow::Break("enough"));
        assert!(cancel.load(Ordering::Relaxed));
        assert!(taken.load(Ordering::Relaxed) <= 20);
    }

    #[test]
    fn waiting_is_reported() {
        let cancel = AtomicBool::new(false);
        let work = |()| {
            while !cancel.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(1));
            }
        };
        let flow = each(1, std::iter::once(()), &cancel, work, |result| match result {
            None => ControlFlow::Break(()),
            Some(()) => ControlFlow::Continue(()),
        });
        assert!(flow.is_break());
    }
}
