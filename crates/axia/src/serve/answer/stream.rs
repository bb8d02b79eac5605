//! Answers as server-sent events.

use super::body::Answer;
use super::follow::follow;
use super::reader::Piece;
use crate::serve::request::{Kind, Plan};
use crate::serve::service::Service;
use axum::body::Bytes;
use futures_core::Stream as Events;
use serde_json::Value;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The events of one answer. They are made by a task that ends when nobody takes them any more.
pub(in crate::serve) struct Stream(UnboundedReceiver<Bytes>);

impl Events for Stream {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|event| event.map(Ok))
    }
}

impl Stream {
    /// Begins to answer; `permit` is given back at the end.
    pub fn begin(service: Arc<Service>, plan: Plan, permit: OwnedSemaphorePermit) -> Self {
        // What waits here is bounded by the tokens that a request may ask for.
        let (events, receiver) = unbounded_channel();
        tokio::spawn(async move {
            let gone = events.clone();
            tokio::select! {
                () = send_all(&service, &plan, &events) => {}
                () = gone.closed() => {}
            }
            drop(permit);
        });
        Self(receiver)
    }
}

async fn send_all(service: &Service, plan: &Plan, events: &UnboundedSender<Bytes>) {
    let mut answer = Answer::new(service, plan);
    if plan.kind == Kind::Chat {
        (0..plan.choices()).for_each(|choice| send(events, &answer.opening(choice)));
    }
    let followed = follow(service, plan, |choice, piece| {
        answer.count(&piece);
        if is_telling(&piece) {
            send(events, &answer.part(choice, &piece));
        }
    });
    if let Err(error) = followed.await {
        send(events, &error.to_json());
        return;
    }
    if plan.include_usage {
        send(events, &answer.closing());
    }
    // Whoever is gone need not be told.
    let _ = events.send(Bytes::from_static(b"data: [DONE]\n\n"));
}

/// Text that is held back makes no event.
fn is_telling(piece: &Piece) -> bool {
    !piece.text.is_empty() || !piece.tokens.is_empty() || piece.finish.is_some()
}

fn send(events: &UnboundedSender<Bytes>, event: &Value) {
    // Whoever is gone need not be told.
    let _ = events.send(Bytes::from(format!("data: {event}\n\n")));
}
