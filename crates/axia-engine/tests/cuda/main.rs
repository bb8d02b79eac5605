//! The card's kernels without a card: compiled for cards by NVRTC, run on the host through a shim,
//! beside their CPU twins and on the reference models; and on a card where there is one.

/// Runs `$body` with `$card`, the card's kernels: on the host, and on a card where there is one.
macro_rules! on_each {
    ($precision:expr, |$card:ident| $body:block) => {{
        if let Some($card) = crate::host_queue::kernels($precision) {
            $body
        }
        if let Some($card) = crate::devices::card($precision) {
            $body
        }
    }};
}

mod attention;
#[path = "../reference/case.rs"]
#[allow(dead_code)] // the other helpers are for `tests/reference`
mod case;
mod compiling;
mod dense;
mod devices;
mod host_build;
mod host_queue;
mod models;
mod stand_in;
mod twins;
mod whole_way;

/// Says that a test was skipped, and why; `cargo test -- --nocapture` shows it.
fn skipped(what: &str, why: &str) {
    eprintln!("skipped: {what}: {why}");
}
