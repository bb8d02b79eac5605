//! Telling how an experiment goes.

/// Follows an experiment: its phases, one after the other.
pub trait Follow {
    /// A phase of `total` units begins.
    fn begin(&mut self, phase: &str, total: usize);
    /// `done` units of the phase are done.
    fn advance(&mut self, done: usize, message: &str);
    /// The phase is over.
    fn end(&mut self);
    /// One line for the user.
    fn note(&mut self, message: &str);
    /// Whether to stop.
    fn cancelled(&self) -> bool;
}

/// Reports nothing, never stops.
#[derive(Debug, Default, Clone, Copy)]
pub struct Quiet;

impl Follow for Quiet {
    fn begin(&mut self, _phase: &str, _total: usize) {}
    fn advance(&mut self, _done: usize, _message: &str) {}
    fn end(&mut self) {}
    fn note(&mut self, _message: &str) {}
    fn cancelled(&self) -> bool {
        false
    }
}
