//! The template that turns messages into text.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use minijinja::value::Serde;
use minijinja::{Environment, Value, context};

use super::environment::{TEMPLATE, environment, set_clock};
use super::{ChatError, ChatMessage};
use crate::checkpoint_files::{HfFolder, JsonObject};
use crate::file_error::FileError;
use crate::gguf::Metadata;
use crate::tokenizer::SpecialTokens;

/// A model's chat template, rendered as transformers' `apply_chat_template` does.
#[derive(Clone, Debug)]
pub struct ChatTemplate {
    path: PathBuf,
    source: String,
    environment: Environment<'static>,
    tokens: SpecialTokens,
}

impl ChatTemplate {
    /// A template from its source; `path` is only used in messages.
    ///
    /// # Errors
    /// [`ChatError::Template`] if the source cannot be parsed.
    pub fn new(source: &str, tokens: SpecialTokens, path: &Path) -> Result<Self, ChatError> {
        Ok(Self {
            path: path.to_owned(),
            source: source.to_owned(),
            environment: environment(source).map_err(|error| template_error(path, &error))?,
            tokens,
        })
    }

    /// The template in the metadata of a GGUF file.
    ///
    /// # Errors
    /// [`ChatError::NoTemplate`] if there is none, otherwise as [`ChatTemplate::new`].
    pub fn from_gguf(metadata: &Metadata) -> Result<Self, ChatError> {
        const KEY: &str = "tokenizer.chat_template";
        match metadata.str(KEY)? {
            Some(source) => Self::new(source, SpecialTokens::from_gguf(metadata)?, metadata.path()),
            None => {
                Err(ChatError::NoTemplate { path: metadata.path().to_owned(), looked_for: KEY })
            }
        }
    }

    /// The template of a Hugging Face folder: `chat_template.jinja`, or the `chat_template` of
    /// `tokenizer_config.json` (of several, the one named "default") or of `chat_template.json`.
    ///
    /// # Errors
    /// [`ChatError::NoTemplate`] if there is none, otherwise as [`ChatTemplate::new`].
    pub fn from_folder(folder: &HfFolder) -> Result<Self, ChatError> {
        let tokens = SpecialTokens::from_folder(folder)?;
        if let Some(path) = folder.file("chat_template.jinja") {
            let source = fs::read_to_string(&path).map_err(FileError::on("read", &path))?;
            return Self::new(&source, tokens, &path);
        }
        for name in ["tokenizer_config.json", "chat_template.json"] {
            if let Some(file) = folder.json(name)?
                && let Some(source) = template_in(&file)?
            {
                return Self::new(source, tokens, file.path());
            }
        }
        Err(ChatError::NoTemplate {
            path: folder.path().to_owned(),
            looked_for: "chat_template.jinja, tokenizer_config.json, chat_template.json",
        })
    }

    /// The same template with `strftime_now` standing still at `time`, so that templates that write
    /// today's date render the same text on any day. Dates are in UTC.
    pub fn at_time(mut self, time: SystemTime) -> Self {
        set_clock(&mut self.environment, move || time);
        self
    }

    /// The template's source.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The text of a chat; with `add_generation_prompt` it ends where the model's reply begins.
    ///
    /// The text contains all special tokens, so it is to be encoded as it stands.
    ///
    /// # Errors
    /// [`ChatError::Template`] if the template fails or refuses these messages.
    pub fn render(
        &self,
        messages: &[ChatMessage],
        add_generation_prompt: bool,
    ) -> Result<String, ChatError> {
        let token = |token: &Option<String>| token.as_deref().map_or(Value::UNDEFINED, Value::from);
        let context = context! {
            messages => Value::from(Serde(messages)),
            add_generation_prompt => add_generation_prompt,
            bos_token => token(&self.tokens.bos),
            eos_token => token(&self.tokens.eos),
            pad_token => token(&self.tokens.pad),
            tools => (),
            documents => (),
        };
        self.environment
            .get_template(TEMPLATE)
            .and_then(|template| template.render(context))
            .map_err(|error| template_error(&self.path, &error))
    }
}

/// A template is written as a text or as a list of named ones.
fn template_in(file: &JsonObject) -> Result<Option<&str>, ChatError> {
    Ok(file.typed("chat_template", "a text or a list with a \"default\"", |value| {
        value.as_str().or_else(|| {
            let default = value
                .as_array()?
                .iter()
                .find(|template| template.get("name").is_some_and(|name| name == "default"))?;
            default.get("template")?.as_str()
        })
    })?)
}

fn template_error(path: &Path, error: &minijinja::Error) -> ChatError {
    ChatError::Template {
        path: path.to_owned(),
        line: error.line().unwrap_or(1),
        problem: error.detail().map_or_else(|| error.kind().to_string(), str::to_owned),
    }
}
