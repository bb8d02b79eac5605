//! Many questions at once, no more a second than the server takes.

use super::RemoteError;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

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

/// How often a waiting thread looks for a cancellation.
pub(super) const POLL: Duration = Duration::from_millis(25);

/// Hands out the moments at which requests may be sent, to all threads of a client.
pub(super) struct Pace {
    interval: Duration,
    next: Mutex<Instant>,
}

impl Pace {
    /// At most so many requests a minute, evenly spread; `None` for no limit.
    pub(super) fn new(per_minute: Option<u32>) -> Self {
        let interval = per_minute.map_or(Duration::ZERO, |n| Duration::from_secs(60) / n.max(1));
        Self { interval, next: Mutex::new(Instant::now()) }
    }

    /// Waits for this thread's turn.
    ///
    /// # Errors
    /// [`RemoteError::Cancelled`].
    pub(super) fn wait(&self, cancel: &AtomicBool) -> Result<(), RemoteError> {
        let turn = self.reserve(Instant::now());
        wait_until(turn, cancel)
    }

    /// Nobody's turn comes before `length` has passed: the server said so to one, but meant all.
    pub(super) fn hold(&self, length: Duration) {
        let mut next = self.next();
        *next = (*next).max(Instant::now() + length);
    }

    fn reserve(&self, now: Instant) -> Instant {
        let mut next = self.next();
        let turn = (*next).max(now);
        *next = turn + self.interval;
        turn
    }

    fn next(&self) -> MutexGuard<'_, Instant> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sleeps until `moment`, but wakes soon after a cancellation.
///
/// # Errors
/// [`RemoteError::Cancelled`].
pub(super) fn wait_until(moment: Instant, cancel: &AtomicBool) -> Result<(), RemoteError> {
    loop {
        if cancel.load(Ordering::Relaxed) {
            return Err(RemoteError::Cancelled);
        }
        let left = moment.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        thread::sleep(left.min(POLL));
    }
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

    #[test]
    fn turns_are_an_interval_apart() {
        let pace = Pace::new(Some(120));
        let start = Instant::now() + Duration::from_secs(1);
        let turns: Vec<_> = (0..3).map(|_| pace.reserve(start) - start).collect();
        assert_eq!(turns, [0, 500, 1000].map(Duration::from_millis));
        // A pause is not made up for by a burst.
        let later = start + Duration::from_secs(60);
        assert_eq!(pace.reserve(later), later);
        assert_eq!(pace.reserve(later), later + Duration::from_millis(500));
    }

    #[test]
    fn without_a_limit_turns_come_at_once_unless_held() {
        let pace = Pace::new(None);
        let now = Instant::now();
        assert_eq!(pace.reserve(now), pace.reserve(now));
        pace.hold(Duration::from_secs(60));
        assert!(pace.reserve(now) >= now + Duration::from_secs(60));
        pace.hold(Duration::ZERO);
        assert!(pace.reserve(now) >= now + Duration::from_secs(60));
    }

    #[test]
    fn a_cancelled_wait_ends() {
        let far = Instant::now() + Duration::from_secs(3600);
        let cancelled = wait_until(far, &AtomicBool::new(true));
        assert!(matches!(cancelled, Err(RemoteError::Cancelled)));
    }
}
