//! How replies are drawn: what completions and chats have in common.

use crate::serve::routes::ApiError;
use crate::serve::service::any_seed;
use axia_engine::generate::Sampling;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::fmt::Display;
use std::ops::RangeInclusive;

/// Most choices for one prompt.
const MAX_CHOICES: usize = 128;
/// Most texts that end a reply.
const MAX_STOPS: usize = 32;

/// How replies are drawn and sent.
pub(super) struct Drawing {
    pub sampling: Sampling,
    pub seed: u64,
    /// Choices for each prompt.
    pub count: usize,
    /// Texts that end a reply.
    pub stop: Vec<String>,
    pub stream: bool,
    /// Whether the last part of a stream counts tokens.
    pub include_usage: bool,
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

/// Refuses what would change the answer and is not supported here, but for the value that other
/// servers take for none; their own extensions of the protocol included.
fn refuse_unsupported(fields: &Fields) -> Result<(), ApiError> {
    let numbers = [
        ("frequency_penalty", 0.0),
        ("presence_penalty", 0.0),
        ("repetition_penalty", 1.0),
        ("repeat_penalty", 1.0),
        ("min_p", 0.0),
        ("typical_p", 1.0),
        ("min_tokens", 0.0),
    ];
    for (field, none) in numbers {
        fields.refuse(field, |value| value.as_f64() == Some(none))?;
    }
    for field in ["ignore_eos", "use_beam_search"] {
        fields.refuse(field, |value| value == false)?;
    }
    for field in ["stop_token_ids", "bad_words", "allowed_token_ids"] {
        fields.refuse(field, |value| value.as_array().is_some_and(Vec::is_empty))?;
    }
    for field in ["guided_choice", "guided_regex", "guided_json", "guided_grammar", "grammar"] {
        fields.refuse(field, |value| value.as_str() == Some(""))?;
    }
    fields.refuse("response_format", |format| format["type"] == "text")?;
    fields.refuse("logit_bias", |value| value.as_object().is_some_and(|o| o.is_empty()))
}

impl Drawing {
    pub fn read(fields: &Fields) -> Result<Self, ApiError> {
        refuse_unsupported(fields)?;
        let sampling = Sampling {
            temperature: share(fields, "temperature", "at least 0", |t| t >= 0.0)?,
            top_p: share(fields, "top_p", "above 0 and at most 1", |p| p > 0.0 && p <= 1.0)?,
            // Other servers write -1 for all.
            top_k: fields.number("top_k", -1..=i64::MAX)?.unwrap_or(0).max(0) as usize,
        };
        let seed: Option<serde_json::Number> = fields.get("seed")?;
        let seed = seed.map(|seed| {
            let bits = seed.as_u64().or_else(|| Some(seed.as_i64()? as u64));
            bits.ok_or_else(|| ApiError::field("seed", format!("`seed` is {seed}, not an integer")))
        });
        let options: Option<StreamOptions> = fields.get("stream_options")?;
        Ok(Self {
            sampling,
            seed: seed.transpose()?.unwrap_or_else(any_seed),
            count: fields.number("n", 1..=MAX_CHOICES)?.unwrap_or(1),
            stop: stops(fields)?,
            stream: fields.flag("stream")?,
            include_usage: options.and_then(|options| options.include_usage).unwrap_or(false),
        })
    }
}

/// A number that is 1 unless the request says otherwise.
fn share(
    fields: &Fields,
    name: &'static str,
    wanted: &str,
    is_fine: impl Fn(f64) -> bool,
) -> Result<f64, ApiError> {
    let number = fields.get(name)?.unwrap_or(1.0);
    let wrong = || ApiError::field(name, format!("`{name}` is {number}; it must be {wanted}"));
    is_fine(number).then_some(number).ok_or_else(wrong)
}

/// `stop` is a text or a list of texts.
fn stops(fields: &Fields) -> Result<Vec<String>, ApiError> {
    let wrong = |problem: &str| Err(ApiError::field("stop", format!("`stop` {problem}")));
    let texts = match fields.get("stop")? {
        None => return Ok(Vec::new()),
        Some(Value::String(text)) => vec![Value::String(text)],
        Some(Value::Array(texts)) => texts,
        Some(_) => return wrong("is neither a text nor a list of texts"),
    };
    if texts.len() > MAX_STOPS {
        return wrong(&format!("has {} texts; {MAX_STOPS} are possible", texts.len()));
    }
    let mut stops = Vec::with_capacity(texts.len());
    for text in texts {
        match text {
            Value::String(text) if text.is_empty() => return wrong("has an empty text"),
            Value::String(text) => stops.push(text),
            other => return wrong(&format!("has {other}, which is no text")),
        }
    }
    Ok(stops)
}

/// A JSON object whose fields are read when they are asked for. Fields that nobody asks for are
/// passed over, as other servers do.
pub(super) struct Fields<'a>(HashMap<String, &'a RawValue>);

impl<'a> Fields<'a> {
    /// Reads a body.
    pub fn read(body: &'a [u8]) -> Result<Self, ApiError> {
        let text = std::str::from_utf8(body)
            .map_err(|error| ApiError::invalid(format!("the body is not UTF-8: {error}")))?;
        let fields = serde_json::from_str(text);
        fields.map(Self).map_err(|error| {
            ApiError::invalid(format!("the body is no JSON object of the expected kind: {error}"))
        })
    }

    /// A field; nothing where it is missing or null.
    pub fn get<T: Deserialize<'a>>(&self, name: &'static str) -> Result<Option<T>, ApiError> {
        let Some(raw) = self.0.get(name) else { return Ok(None) };
        serde_json::from_str(raw.get())
            .map_err(|error| ApiError::field(name, format!("`{name}` cannot be read: {error}")))
    }

    /// A field that must be there.
    pub fn need<T: Deserialize<'a>>(&self, name: &'static str) -> Result<T, ApiError> {
        self.get(name)?.ok_or_else(|| ApiError::field(name, format!("`{name}` is missing")))
    }

    /// A number within `range`.
    pub fn number<T: Deserialize<'a> + PartialOrd + Display>(
        &self,
        name: &'static str,
        range: RangeInclusive<T>,
    ) -> Result<Option<T>, ApiError> {
        match self.get(name)? {
            Some(number) if !range.contains(&number) => Err(ApiError::field(
                name,
                format!(
                    "`{name}` is {number}; it must be from {} to {}",
                    range.start(),
                    range.end()
                ),
            )),
            number => Ok(number),
        }
    }

    pub fn flag(&self, name: &'static str) -> Result<bool, ApiError> {
        Ok(self.get(name)?.unwrap_or(false))
    }

    /// Refuses a field that would change the answer but is not supported, unless it says what
    /// happens anyway.
    pub fn refuse(
        &self,
        name: &'static str,
        is_neutral: impl Fn(&serde_json::Value) -> bool,
    ) -> Result<(), ApiError> {
        match self.get(name)? {
            Some(value) if !is_neutral(&value) => {
                Err(ApiError::field(name, format!("`{name}` is not supported here; leave it out")))
            }
            _ => Ok(()),
        }
    }
}
