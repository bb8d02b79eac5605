//! Chat messages, and the Jinja template that turns them into text.

use super::ChatError;
use super::strftime::strftime;
use crate::checkpoint_files::{HfFolder, JsonObject};
use crate::file_error::FileError;
use crate::gguf::Metadata;
use crate::tokenizer::SpecialTokens;
use fancy_regex::Regex;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde};
use minijinja::{Environment, Error, ErrorKind, Value, context};
use serde::{Deserialize, Serialize};
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{fs, io};

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

/// The name of the one template.
pub(super) const TEMPLATE: &str = "chat";

/// An environment with the chat template `source` in it, and the functions such templates call.
pub(super) fn environment(source: &str) -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?;
    environment.set_syntax(syntax);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_function("raise_exception", raise_exception);
    environment.add_filter("tojson", to_json);
    set_clock(&mut environment, SystemTime::now);
    environment.add_template_owned(TEMPLATE, without_generation_tags(source).into_owned())?;
    Ok(environment)
}

/// Makes `strftime_now` tell the time of `clock`.
pub(super) fn set_clock(
    environment: &mut Environment<'static>,
    clock: impl Fn() -> SystemTime + Send + Sync + 'static,
) {
    environment.add_function("strftime_now", move |format: String| {
        strftime(&format, clock()).map_err(|directive| {
            let problem = format!("strftime_now does not know `{directive}`");
            Error::new(ErrorKind::InvalidOperation, problem)
        })
    });
}

/// transformers marks the model's own words with `{% generation %}`; they render as what they enclose.
fn without_generation_tags(source: &str) -> Cow<'_, str> {
    if !source.contains("generation") {
        return Cow::Borrowed(source);
    }
    // The tag becomes a condition that always holds, so that white space is trimmed as before.
    let replaced = |tag: &str, by: &str, source: &str| {
        let pattern = format!(r"(\{{%[-+]?\s*){tag}(\s*[-+]?%\}})");
        Regex::new(&pattern)
            .map(|regex| regex.replace_all(source, format!("${{1}}{by}${{2}}")).into_owned())
    };
    replaced("generation", "if true", source)
        .and_then(|source| replaced("endgeneration", "endif", &source))
        .map_or(Cow::Borrowed(source), Cow::Owned)
}

fn raise_exception(message: String) -> Result<Value, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, message))
}

/// Python's `json.dumps`, without the escapes for web pages that Jinja adds.
fn to_json(value: &Value, options: Kwargs) -> Result<Value, Error> {
    let indent: Option<usize> = options.get("indent")?;
    let ensure_ascii: Option<bool> = options.get("ensure_ascii")?;
    options.assert_all_used()?;
    if ensure_ascii == Some(true) {
        let problem = "tojson with ensure_ascii=true is not supported";
        return Err(Error::new(ErrorKind::InvalidOperation, problem));
    }
    let text = match indent {
        Some(width) => {
            let indent = " ".repeat(width.min(16));
            serialised(value, PrettyFormatter::with_indent(indent.as_bytes()))
        }
        None => serialised(value, PythonFormatter),
    };
    text.map(Value::from_safe_string)
}

fn serialised(value: &Value, formatter: impl Formatter) -> Result<String, Error> {
    let failed = |problem: String| Error::new(ErrorKind::InvalidOperation, problem);
    let mut bytes = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut bytes, formatter);
    value.serialize(&mut serializer).map_err(|error| failed(format!("tojson: {error}")))?;
    String::from_utf8(bytes).map_err(|error| failed(format!("tojson: {error}")))
}

/// One line, with a space after commas and colons.
struct PythonFormatter;

impl Formatter for PythonFormatter {
    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Instructions for the whole chat.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// What a tool returned.
    Tool,
}

/// What somebody said in a chat.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ChatMessage {
    /// Who speaks.
    pub role: Role,
    /// What they say.
    pub content: String,
}

impl ChatMessage {
    /// A message.
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        Self { role, content: content.into() }
    }

    /// A message of the person.
    pub fn user(content: impl Into<String>) -> Self {
        Self::new(Role::User, content)
    }

    /// A message of the model.
    pub fn assistant(content: impl Into<String>) -> Self {
        Self::new(Role::Assistant, content)
    }

    /// Instructions for the whole chat.
    pub fn system(content: impl Into<String>) -> Self {
        Self::new(Role::System, content)
    }
}
