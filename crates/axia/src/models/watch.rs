use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::ModelError;

/// Told how long-running work goes, so that a command line can draw a bar.
///
/// Work is a series of steps, one at a time: `begin`, any number of `advance`,
/// `end`. A step that fails has no `end`.
pub trait Progress {
    /// A step begins; `total` is its size in bytes.
    fn begin(&mut self, label: &str, total: u64);

    /// `done` bytes of the current step are done, counted from its beginning.
    fn advance(&mut self, done: u64);

    /// The current step is complete.
    fn end(&mut self);

    /// One line for the user, such as why nothing moves. Goes to standard
    /// error unless overridden; a bar overrides it to print above itself.
    fn note(&mut self, message: &str) {
        eprintln!("{message}");
    }
}

/// Reports nothing.
#[derive(Debug, Default, Clone, Copy)]
pub struct Quiet;

impl Progress for Quiet {
    fn begin(&mut self, _label: &str, _total: u64) {}
    fn advance(&mut self, _done: u64) {}
    fn end(&mut self) {}
    fn note(&mut self, _message: &str) {}
}

/// What long-running work answers to: someone to report to, and a flag that
/// asks it to stop.
pub struct Watch<'a> {
    progress: &'a mut dyn Progress,
    cancel: &'a AtomicBool,
}

impl<'a> Watch<'a> {
    /// Reports to `progress`; once `cancel` is true the work cleans up and
    /// returns [`ModelError::Cancelled`].
    pub fn new(progress: &'a mut dyn Progress, cancel: &'a AtomicBool) -> Self {
        Self { progress, cancel }
    }

    pub(super) fn begin(&mut self, label: &str, total: u64) {
        self.progress.begin(label, total);
    }

    pub(super) fn advance(&mut self, done: u64) {
        self.progress.advance(done);
    }

    pub(super) fn end(&mut self) {
        self.progress.end();
    }

    pub(super) fn note(&mut self, message: &str) {
        self.progress.note(message);
    }

    pub(super) fn check(&self) -> Result<(), ModelError> {
        match self.cancel.load(Ordering::Relaxed) {
            true => Err(ModelError::Cancelled),
            false => Ok(()),
        }
    }

    /// Sleeps for `length`, but wakes soon after a cancellation.
    pub(super) fn pause(&self, length: Duration) -> Result<(), ModelError> {
        const SLICE: Duration = Duration::from_millis(50);
        let until = Instant::now() + length;
        loop {
            self.check()?;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(SLICE));
        }
    }
}
