//! Where a card's time goes.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// All calls of one kernel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KernelTime {
    /// The kernel; all matrix products are one.
    pub kernel: &'static str,
    /// How often it was called.
    pub calls: u64,
    /// Seconds from each call to its end, added up.
    pub seconds: f64,
}

/// Calls and their time by kernel.
#[derive(Debug, Default)]
pub(super) struct Times(Mutex<BTreeMap<&'static str, (u64, Duration)>>);

impl Times {
    pub fn add(&self, kernel: &'static str, time: Duration) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (calls, sum) = all.entry(kernel).or_default();
        *calls += 1;
        *sum += time;
    }

    /// All of them, the longest first.
    pub fn all(&self) -> Vec<KernelTime> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let time = |(&kernel, &(calls, sum)): (_, &(u64, Duration))| KernelTime {
            kernel,
            calls,
            seconds: sum.as_secs_f64(),
        };
        let mut all: Vec<KernelTime> = all.iter().map(time).collect();
        all.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        all
    }
}
