//! Answers as server-sent events.

use super::body::Answer;
use super::reader::{Finish, Piece, Reader, Token};
use crate::serve::members::{Asker, Event, Job, Work};
use crate::serve::request::{Kind, Plan, Prompt};
use crate::serve::routes::ApiError;
use crate::serve::service::Service;
use axia_engine::score::{Reading, TextReadings};
use axia_engine::tokenizer::TokenizerError;
use axum::body::Bytes;
use futures_core::Stream as Events;
use serde_json::Value;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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

/// Has `plan` done and gives every piece of its choices to `sink` as it comes, until all are
/// complete. Dropping the future gives the work up.
pub(in crate::serve) async fn follow(
    service: &Service,
    plan: &Plan,
    mut sink: impl FnMut(usize, Piece),
) -> Result<(), ApiError> {
    let (answers, mut events) = unbounded_channel();
    let mut choices: Vec<Choice> = (0..plan.choices())
        .map(|number| Choice::new(service, plan, number, answers.clone()))
        .collect();
    drop(answers);
    let mut open = 0;
    for choice in &mut choices {
        if let Some(piece) = choice.begin()? {
            sink(choice.number, piece);
        }
        open += usize::from(!choice.is_complete());
    }
    while open > 0 {
        let Some((number, event)) = events.recv().await else {
            return Err(ApiError::failed("the computation ended early"));
        };
        let Some(choice) = choices.get_mut(number).filter(|choice| !choice.is_complete()) else {
            continue;
        };
        let piece = choice.take(event)?;
        open -= usize::from(choice.is_complete());
        sink(number, piece);
    }
    Ok(())
}

/// One choice on its way.
struct Choice<'a> {
    service: &'a Service,
    plan: &'a Plan,
    number: usize,
    reader: Reader<'a>,
    answers: UnboundedSender<(usize, Event)>,
    ended: Arc<AtomicBool>,
}

impl Drop for Choice<'_> {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

impl<'a> Choice<'a> {
    fn new(
        service: &'a Service,
        plan: &'a Plan,
        number: usize,
        answers: UnboundedSender<(usize, Event)>,
    ) -> Self {
        let echoed = if plan.echo { plan.prompt(number).text.chars().count() } else { 0 };
        let reader = Reader::new(service.tokenizer(), &plan.stop, plan.max_tokens, echoed);
        Self { service, plan, number, reader, answers, ended: Arc::default() }
    }

    fn is_complete(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    fn ask(&self, work: Work) -> Result<(), ApiError> {
        let (answers, ended) = (self.answers.clone(), Arc::clone(&self.ended));
        let asker = Asker { member: self.plan.member, choice: self.number, answers, ended };
        self.service.submit(Job { asker, work })
    }

    /// Asks for the first that is to be computed, and gives what need not be.
    fn begin(&mut self) -> Result<Option<Piece>, ApiError> {
        let plan = self.plan;
        if plan.reads_prompt() {
            self.ask(Work::Read(plan.reading(self.number)))?;
            return Ok(None);
        }
        let text = if plan.echo { plan.prompt(self.number).text.clone() } else { String::new() };
        if plan.max_tokens == 0 {
            self.ended.store(true, Ordering::Relaxed);
            return Ok(Some(Piece { text, finish: Some(Finish::Length), ..Piece::default() }));
        }
        self.continue_prompt()?;
        Ok((!text.is_empty()).then(|| Piece { text, ..Piece::default() }))
    }

    fn continue_prompt(&self) -> Result<(), ApiError> {
        self.ask(Work::Continue(self.plan.continuation(self.number), self.plan.top))
    }

    /// The piece that an event makes.
    fn take(&mut self, event: Event) -> Result<Piece, ApiError> {
        let piece = match event {
            Event::Failed(error) => return Err(error),
            Event::Drawn { token, is_end, reading } => self.draw(token, is_end, reading)?,
            Event::Read(readings) => self.read_prompt(readings)?,
        };
        if piece.finish.is_some() {
            self.ended.store(true, Ordering::Relaxed);
        }
        Ok(piece)
    }

    fn draw(
        &mut self,
        token: u32,
        is_end: bool,
        reading: Option<Reading>,
    ) -> Result<Piece, ApiError> {
        self.reader
            .take(token, is_end, reading)
            .map_err(|error| ApiError::failed(error.to_string()))
    }

    /// The prompt, and behind it the token that was drawn in passing.
    fn read_prompt(
        &mut self,
        TextReadings { tokens, next }: TextReadings,
    ) -> Result<Piece, ApiError> {
        let prompt = self.plan.prompt(self.number);
        let tokens = prompt_tokens(self.service, prompt, tokens)
            .map_err(|error| ApiError::failed(error.to_string()))?;
        let mut piece = Piece { text: prompt.text.clone(), tokens, ..Piece::default() };
        if self.plan.max_tokens == 0 {
            piece.finish = Some(Finish::Length);
        }
        match next {
            Some(reading) => {
                let ends = &self.service.members.model().decoder().config().eos_ids;
                let is_end = ends.contains(&reading.token);
                let drawn = self.draw(reading.token, is_end, Some(reading))?;
                piece.text += &drawn.text;
                piece.tokens.extend(drawn.tokens);
                (piece.finish, piece.drawn) = (drawn.finish, drawn.drawn);
            }
            None if self.plan.max_tokens > 0 => self.continue_prompt()?,
            None => {}
        }
        Ok(piece)
    }
}

/// The tokens of a prompt with where they begin in its text.
fn prompt_tokens(
    service: &Service,
    prompt: &Prompt,
    readings: Vec<Reading>,
) -> Result<Vec<Token>, TokenizerError> {
    let tokenizer = service.tokenizer();
    let mut decoder = tokenizer.stream_decoder(false);
    // A token that was put before the text has no place in it.
    let begins_text = |id| prompt.text.as_bytes().starts_with(&tokenizer.token_bytes(id));
    let is_added = |id: &&u32| tokenizer.bos_id() == Some(**id) && !begins_text(**id);
    let added = prompt.tokens.first().filter(is_added).is_some();
    let mut offset = 0;
    let mut tokens = Vec::with_capacity(prompt.tokens.len());
    let mut readings = readings.into_iter();
    for (place, &id) in prompt.tokens.iter().enumerate() {
        let reading = if place > 0 { readings.next() } else { None };
        tokens.push(Token { id, reading, offset });
        let text = decoder.push(id)?;
        if place > 0 || !added {
            offset += text.chars().count();
        }
    }
    Ok(tokens)
}
