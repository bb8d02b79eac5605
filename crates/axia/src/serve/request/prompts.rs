//! The prompts of a completion: one or many, as text or as token ids.

use super::chat::chat_tokens;
use super::drawing::Fields;
use crate::serve::routes::ApiError;
use crate::serve::service::Service;
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use std::fmt;

/// One prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PromptInput {
    Text(String),
    Ids(Vec<u32>),
}

/// A string, a list of strings, a list of token ids, or a list of lists of them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Prompts(pub Vec<PromptInput>);

/// What a list of prompts, or a prompt of ids, is made of.
enum Element {
    Prompt(PromptInput),
    Id(u32),
}

impl<'de> Deserialize<'de> for Prompts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PromptsVisitor)
    }
}

struct PromptsVisitor;

impl<'de> Visitor<'de> for PromptsVisitor {
    type Value = Prompts;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a string, a list of strings, a list of token ids, or a list of such lists")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Prompts, E> {
        Ok(Prompts(vec![PromptInput::Text(text.to_owned())]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Prompts, A::Error> {
        let (mut prompts, mut ids) = (Vec::new(), Vec::new());
        while let Some(element) = list.next_element()? {
            match element {
                Element::Prompt(prompt) => prompts.push(prompt),
                Element::Id(id) => ids.push(id),
            }
        }
        match (prompts.is_empty(), ids.is_empty()) {
            (false, false) => Err(A::Error::custom("token ids beside texts or lists")),
            (true, false) => Ok(Prompts(vec![PromptInput::Ids(ids)])),
            _ => Ok(Prompts(prompts)),
        }
    }
}

impl<'de> Deserialize<'de> for Element {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ElementVisitor)
    }
}

struct ElementVisitor;

impl<'de> Visitor<'de> for ElementVisitor {
    type Value = Element;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a string, a token id or a list of token ids")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Element, E> {
        Ok(Element::Prompt(PromptInput::Text(text.to_owned())))
    }

    fn visit_u64<E: Error>(self, id: u64) -> Result<Element, E> {
        let id = u32::try_from(id).map_err(|_| E::custom(format!("{id} is no token id")))?;
        Ok(Element::Id(id))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Element, A::Error> {
        let mut ids = Vec::new();
        while let Some(id) = list.next_element()? {
            ids.push(id);
        }
        Ok(Element::Prompt(PromptInput::Ids(ids)))
    }
}

/// Text that was turned into tokens.
pub(in crate::serve) struct Tokenize {
    pub tokens: Vec<u32>,
    /// Whether their texts are wanted too.
    pub with_texts: bool,
}

impl Tokenize {
    /// Reads a request: a prompt or a chat.
    pub fn read(service: &Service, body: &[u8]) -> Result<Self, ApiError> {
        let fields = Fields::read(body)?;
        service.members.find(fields.get::<String>("model")?.as_deref())?;
        let with_texts = fields.flag("return_token_strs")?;
        if let Some(messages) = fields.get("messages")? {
            let is_answered = fields.get("add_generation_prompt")?.unwrap_or(true);
            let tokens = chat_tokens(service, messages, is_answered)?;
            return Ok(Self { tokens, with_texts });
        }
        let text: String = fields.need("prompt")?;
        let tokens = match fields.get("add_special_tokens")?.unwrap_or(true) {
            true => service.tokenizer().encode_framed(&text),
            false => service.tokenizer().encode(&text),
        };
        let tokens = tokens.map_err(|error| ApiError::field("prompt", error.to_string()))?;
        Ok(Self { tokens, with_texts })
    }
}

/// Tokens that were turned into text.
pub(in crate::serve) struct Detokenize(pub String);

impl Detokenize {
    /// Reads a request.
    pub fn read(service: &Service, body: &[u8]) -> Result<Self, ApiError> {
        let fields = Fields::read(body)?;
        service.members.find(fields.get::<String>("model")?.as_deref())?;
        let tokens: Vec<u32> = fields.need("tokens")?;
        let vocab = service.members.model().decoder().config().vocab_size;
        if let Some(token) = tokens.iter().find(|&&token| token as usize >= vocab) {
            let problem = format!("token id {token} is beyond the vocabulary of {vocab}");
            return Err(ApiError::field("tokens", problem));
        }
        let text = service.tokenizer().decode(&tokens, false);
        text.map(Self).map_err(|error| ApiError::field("tokens", error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<PromptInput>, String> {
        serde_json::from_str::<Prompts>(text).map(|p| p.0).map_err(|e| e.to_string())
    }

    #[test]
    fn four_shapes() {
        let text = |text: &str| PromptInput::Text(text.to_owned());
        let ids = |ids: &[u32]| PromptInput::Ids(ids.to_vec());
        assert_eq!(read(r#""a""#).unwrap(), [text("a")]);
        assert_eq!(read(r#"["a", "b"]"#).unwrap(), [text("a"), text("b")]);
        assert_eq!(read("[1, 2]").unwrap(), [ids(&[1, 2])]);
        assert_eq!(read("[[1], [2, 3], []]").unwrap(), [ids(&[1]), ids(&[2, 3]), ids(&[])]);
        assert_eq!(read("[]").unwrap(), []);
    }

    #[test]
    fn other_shapes_are_refused() {
        for (wrong, part) in [
            (r#"[1, "a"]"#, "beside"),
            ("[-1]", "-1"),
            ("[4294967296]", "4294967296"),
            ("[1.5]", "1.5"),
            ("{}", "expected a string, a list"),
            ("[[[1]]]", "u32"),
            ("7", "expected a string, a list"),
        ] {
            let error = read(wrong).unwrap_err();
            assert!(error.contains(part), "{wrong}: {error}");
        }
    }
}
