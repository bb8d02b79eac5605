//! The server: its connections, who may connect, and its end.

use super::connections::serve_connections;
use super::members::Job;
use super::routes::ServeError;
use super::routes::router;
use super::service::Service;
use super::worker::Worker;
use super::{Members, ServeSettings};
use sha2::{Digest, Sha256};
use std::fmt;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use subtle::ConstantTimeEq;
use tokio::sync::watch;
use tokio::time::sleep;

/// How often a running server looks whether it is to stop.
const POLL: Duration = Duration::from_millis(50);
/// How long clients have to take the news that the server is gone.
const FAREWELL: Duration = Duration::from_millis(500);
/// Threads that serve connections; computing has its own.
const THREADS: usize = 2;

/// A server that listens already.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    service: Arc<Service>,
    jobs: Receiver<Job>,
}

impl Server {
    /// Listens at `address`; with port 0, at any that is free.
    ///
    /// # Errors
    /// [`ServeError::Open`] for an address that other machines can reach without a key in
    /// `settings`, [`ServeError::Listen`] where the system refuses.
    pub fn bind(
        members: Members,
        settings: ServeSettings,
        address: SocketAddr,
    ) -> Result<Self, ServeError> {
        if !address.ip().is_loopback() && settings.key.is_none() {
            return Err(ServeError::Open(address));
        }
        let refused = |source| ServeError::Listen { address, source };
        let listener = TcpListener::bind(address).map_err(refused)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (sender, jobs) = channel();
        let service = Arc::new(Service::new(members, settings, sender));
        Ok(Self { listener, address, service, jobs })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Names of the models, the base first.
    pub fn models(&self) -> &[String] {
        self.service.members.names()
    }

    /// Answers until `is_stopped` says so. Then requests under way have a few seconds
    /// ([`ServeSettings::grace`]) to finish; what is left is told that the server stops.
    ///
    /// # Errors
    /// [`ServeError::Io`] or [`ServeError::Worker`] where it breaks down.
    pub fn run(self, is_stopped: impl Fn() -> bool) -> Result<(), ServeError> {
        let Self { listener, service, jobs, .. } = self;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("serve")
            .enable_io()
            .enable_time()
            .build()?;
        let served = std::thread::scope(|scope| {
            let worker = scope.spawn(|| Worker::new(&service, jobs).run());
            let is_broken = || worker.is_finished();
            let served = runtime.block_on(serve(listener, &service, is_stopped, is_broken));
            service.close();
            match worker.join() {
                Ok(()) => served,
                Err(_) => Err(ServeError::Worker),
            }
        });
        runtime.shutdown_timeout(FAREWELL);
        served
    }
}

async fn serve(
    listener: TcpListener,
    service: &Arc<Service>,
    is_stopped: impl Fn() -> bool,
    is_broken: impl Fn() -> bool,
) -> Result<(), ServeError> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let (stop, stopping) = watch::channel(false);
    let app = router(Arc::clone(service));
    let serving = serve_connections(listener, app, service.settings.clone(), stopping);
    let serving = tokio::spawn(serving);
    while !is_stopped() {
        if is_broken() || serving.is_finished() {
            return Err(ServeError::Worker);
        }
        sleep(POLL).await;
    }
    stop.send_replace(true);
    let finishing = async {
        while !serving.is_finished() {
            sleep(POLL).await;
        }
    };
    let all_finished = tokio::time::timeout(service.settings.grace, finishing).await.is_ok();
    if !all_finished {
        // The computing thread tells everybody who still waits.
        service.close();
        sleep(FAREWELL).await;
        serving.abort();
    }
    Ok(())
}

/// The key that a server asks for. Only its hash is kept.
#[derive(Clone)]
pub struct AccessKey([u8; 32]);

impl AccessKey {
    /// The key `text`; nothing where it is blank or has characters that no header can carry.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_sendable = !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic());
        is_sendable.then(|| Self(hash(text)))
    }

    /// Whether an `Authorization` header holds the key. Takes the same time wherever a wrong key
    /// differs, because hashes are compared, and all of them.
    pub(super) fn opens(&self, authorization: Option<&str>) -> bool {
        let Some((scheme, key)) = authorization.and_then(|header| header.split_once(' ')) else {
            return false;
        };
        scheme.eq_ignore_ascii_case("bearer") && bool::from(self.0.ct_eq(&hash(key.trim())))
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessKey(…)")
    }
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_opens() {
        let key = AccessKey::new(" sesame\n").unwrap();
        assert!(key.opens(Some("Bearer sesame")) && key.opens(Some("bearer  sesame ")));
        for wrong in [None, Some("sesame"), Some("Basic sesame"), Some("Bearer sesam"), Some("")] {
            assert!(!key.opens(wrong), "{wrong:?}");
        }
        assert_eq!(format!("{key:?}"), "AccessKey(…)");
    }

    #[test]
    fn blank_and_unsendable_keys_are_none() {
        assert!(
            ["", " \n", "two words", "sesamé"].into_iter().all(|k| AccessKey::new(k).is_none())
        );
    }
}
