//! When the next request may be sent.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::RemoteError;

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
