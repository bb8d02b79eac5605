//! The model and its adapters under their names, and the jobs they have.

use super::ServeError;
use super::routes::ApiError;
use axia_engine::Model;
use axia_engine::chat::{ChatError, ChatTemplate};
use axia_engine::decoder::Decoder;
use axia_engine::generate::Request;
use axia_engine::kernels::DeviceKernels;
use axia_engine::lora::Adapter;
use axia_engine::score::{Reading, Text, TextReadings};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::sync::mpsc::UnboundedSender;

/// A model and its adapters, each by a name.
pub struct Members {
    model: Model,
    /// The base first.
    names: Vec<String>,
    adapters: Vec<Adapter<DeviceKernels>>,
    template: Result<ChatTemplate, ChatError>,
    /// Plain weights of the base where they fit into memory, made when first drawn from; adapters are
    /// applied beside them.
    plain: OnceLock<Option<Decoder<DeviceKernels>>>,
}

impl Members {
    /// The model alone, by the name `name`.
    pub fn new(model: Model, name: impl Into<String>) -> Self {
        let template = model.chat_template();
        let (names, adapters) = (vec![name.into()], Vec::new());
        Self { model, names, adapters, template, plain: OnceLock::new() }
    }

    /// Adds the adapter `name`, which clients call `base:name`.
    ///
    /// # Errors
    /// [`ServeError::Name`] where the name is taken or not fit to be one.
    pub fn add(&mut self, name: &str, adapter: Adapter<DeviceKernels>) -> Result<(), ServeError> {
        let wrong = |problem| Err(ServeError::Name { name: name.to_owned(), problem });
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_graphic()) {
            return wrong("names are made of letters, digits and signs, without spaces");
        }
        let full = format!("{}:{name}", self.base());
        if self.names.contains(&full) {
            return wrong("another one has it");
        }
        self.names.push(full);
        self.adapters.push(adapter);
        Ok(())
    }

    /// The model that all share.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// What clients call the respondents; the base first.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The name of the model without an adapter.
    pub(super) fn base(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }

    /// The respondent of that name; the base where none is given. `base` stands for the model's own
    /// name, also before an adapter's.
    pub(super) fn find(&self, name: Option<&str>) -> Result<usize, ApiError> {
        let Some(name) = name else { return Ok(0) };
        let spelled_out = match name.strip_prefix("base") {
            Some(rest) if rest.is_empty() || rest.starts_with(':') => {
                format!("{}{rest}", self.base())
            }
            _ => name.to_owned(),
        };
        let is_meant = |known: &String| known == name || *known == spelled_out;
        self.names.iter().position(is_meant).ok_or_else(|| {
            let names = self.names.join("`, `");
            ApiError::unknown_model(format!("there is no model `{name}` here; there are `{names}`"))
        })
    }

    pub(super) fn adapter(&self, member: usize) -> Option<&Adapter<DeviceKernels>> {
        self.adapters.get(member.checked_sub(1)?)
    }

    pub(super) fn template(&self) -> Result<&ChatTemplate, ApiError> {
        self.template.as_ref().map_err(|error| ApiError::invalid(error.to_string()))
    }

    /// The longest text, in tokens.
    pub(super) fn context(&self) -> usize {
        self.model.decoder().config().max_positions
    }

    /// The base's weights for drawing tokens.
    pub(super) fn plain(&self) -> &Decoder<DeviceKernels> {
        let plain = self.plain.get_or_init(|| self.model.plain(None));
        plain.as_ref().unwrap_or_else(|| self.model.decoder())
    }
}

/// What is to be computed.
#[derive(Debug)]
pub(super) enum Work {
    /// Reading a text.
    Read(Text),
    /// Continuing a prompt; of every token, so many of its rivals are told, or nothing at all.
    Continue(Request, Option<usize>),
}

/// Whom an answer goes to: one choice of a request.
#[derive(Debug)]
pub(super) struct Asker {
    /// The respondent asked.
    pub member: usize,
    /// The choice that it is for.
    pub choice: usize,
    pub answers: UnboundedSender<(usize, Event)>,
    /// Set when the choice is complete for its reader.
    pub ended: Arc<AtomicBool>,
}

/// A piece of work.
#[derive(Debug)]
pub(super) struct Job {
    pub asker: Asker,
    pub work: Work,
}

/// A part of the answer.
#[derive(Debug)]
pub(super) enum Event {
    /// A text was read.
    Read(TextReadings),
    /// A token was drawn.
    Drawn {
        token: u32,
        /// Whether it is an end token, and the last.
        is_end: bool,
        /// How likely it was, where that was asked.
        reading: Option<Reading>,
    },
    /// Nothing more will come.
    Failed(ApiError),
}

impl Asker {
    /// Whether they wait no longer.
    pub fn is_abandoned(&self) -> bool {
        self.ended.load(Ordering::Relaxed) || self.answers.is_closed()
    }

    /// Tells a part of the answer.
    pub fn tell(&self, event: Event) {
        // Whoever no longer listens is seen by `is_abandoned`.
        let _ = self.answers.send((self.choice, event));
    }
}
