//! The set-up of HTTP.

use std::time::Duration;

use ureq::Agent;

/// An agent that tells the program's name, uses the proxies of the environment, follows no
/// redirection and leaves statuses to the caller.
///
/// A redirected POST would lose its body or carry the key to another host. `read` bounds the wait
/// for the next byte, `total` the whole exchange.
pub(super) fn agent(connect: Duration, read: Duration, total: Duration) -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_connect(Some(connect))
        .timeout_per_read(Some(read))
        .timeout_global(Some(total))
        .user_agent(concat!("axia/", env!("CARGO_PKG_VERSION")))
        .accept_encoding("identity")
        .build()
        .into()
}
