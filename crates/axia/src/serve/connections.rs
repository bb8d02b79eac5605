//! Connections: taken in while there is room, served, and cut where a client keeps everybody
//! waiting.

use super::ServeSettings;
use super::patient::Patient;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// How long to rest where the system has no connection to give, say for lack of file handles.
const REST: Duration = Duration::from_millis(100);

/// Serves `app` to everybody who connects until `stopping` is true; then waits for the connections
/// that are left.
pub(super) async fn serve_connections(
    listener: TcpListener,
    app: Router,
    settings: ServeSettings,
    mut stopping: watch::Receiver<bool>,
) {
    let room = Arc::new(Semaphore::new(settings.connections.min(Semaphore::MAX_PERMITS)));
    let mut served = JoinSet::new();
    loop {
        let next = async {
            let place = Arc::clone(&room).acquire_owned().await;
            (place, listener.accept().await)
        };
        tokio::select! {
            (place, accepted) = next => match accepted {
                Ok((stream, _)) => {
                    let connection =
                        serve_one(stream, app.clone(), settings.patience, stopping.clone());
                    served.spawn(async move {
                        connection.await;
                        drop(place);
                    });
                }
                Err(_) => sleep(REST).await,
            },
            Some(_) = served.join_next() => {}
            () = stopped(&mut stopping) => break,
        }
    }
    drop(listener);
    while served.join_next().await.is_some() {}
}

/// Serves one connection. A client has `patience` to send the head of a request, the first as well
/// as the next, and to take each piece of the answer.
async fn serve_one(
    stream: TcpStream,
    app: Router,
    patience: Duration,
    mut stopping: watch::Receiver<bool>,
) {
    // Pieces of a stream are small, and each is to arrive when it is there.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .serve_connection(
            TokioIo::new(Patient::new(stream, patience)),
            TowerToHyperService::new(app),
        );
    let mut connection = pin!(connection);
    // How a connection ended is nobody's concern here: the client is gone.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = stopped(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // It fails only when the sender is gone, and then everything is over too.
    let _ = stopping.wait_for(|stopped| *stopped).await;
}
