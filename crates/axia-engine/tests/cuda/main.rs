//! The card's kernels without a card: compiled for cards by NVRTC, run on the host through a shim,
//! beside their CPU twins and on the reference models; and on a card where there is one.

#[path = "../reference/case.rs"]
#[allow(dead_code)] // the other helpers are for `tests/reference`
mod case;
mod compiling;
mod devices;
mod host_queue;
mod models;
mod twins;

/// Says that a test was skipped, and why; `cargo test -- --nocapture` shows it.
fn skipped(what: &str, why: &str) {
    eprintln!("skipped: {what}: {why}");
}
