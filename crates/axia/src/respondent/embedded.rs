//! A model on the embedded engine.

use super::{Progress, Reply, Respondent, RespondentError, Scoring};
use axia_engine::chat::{ChatError, ChatMessage, ChatTemplate};
use axia_engine::decoder::{Decoder, Keep, tokens_that_fit};
use axia_engine::generate::{Request, generate_with};
use axia_engine::kernels::{DeviceKernels, Kernels};
use axia_engine::lora::Adapter;
use axia_engine::score::{PrefixCache, ScoreRow, Text, TextReadings, read_texts, score};
use axia_engine::{EngineError, Model};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

/// Distinct tokens computed at once: enough to keep the matrix products efficient.
const MAX_TOKENS: usize = 2048;
/// The same on a card, as far as its memory allows.
const MAX_CARD_TOKENS: usize = 16_384;
/// Tokens remembered between questions that are asked in turn: 380 MB for the default model.
const MAX_REMEMBERED: usize = 8192;
/// Replies drawn at once.
const MAX_REPLIES: usize = 512;

/// A model, with or without an adapter.
pub struct Embedded<'a> {
    model: &'a Model,
    adapter: Option<Adapter<DeviceKernels>>,
    /// Plain weights with the adapter merged where they fit into memory, made when first sampled from.
    merged: OnceLock<Option<Decoder<DeviceKernels>>>,
    /// What questions asked in turn began with.
    remembered: Mutex<PrefixCache<DeviceKernels>>,
}

impl<'a> Embedded<'a> {
    /// The model alone, or with `adapter`.
    pub fn new(model: &'a Model, adapter: Option<Adapter<DeviceKernels>>) -> Self {
        let remembered = Mutex::new(PrefixCache::new(MAX_REMEMBERED));
        Self { model, adapter, merged: OnceLock::new(), remembered }
    }

    /// What tokens are drawn with: plain weights, else those of the file and the adapter beside them.
    fn drawn_with(&self) -> (&Decoder<DeviceKernels>, Option<&Adapter<DeviceKernels>>) {
        let adapter = self.adapter.as_ref();
        match self.merged.get_or_init(|| self.model.plain(adapter)) {
            Some(merged) => (merged, None),
            None => (self.model.decoder(), adapter),
        }
    }
}

impl Embedded<'_> {
    /// Distinct tokens to compute at once.
    fn tokens_at_once(&self) -> usize {
        let decoder = self.model.decoder();
        decoder.kernels().free_memory().map_or(MAX_TOKENS, |free| {
            tokens_that_fit(decoder.config(), Keep::Nothing, free).min(MAX_CARD_TOKENS)
        })
    }

    /// Questions as token ids.
    fn rows(&self, questions: &[Scoring]) -> Result<Vec<ScoreRow>, RespondentError> {
        let mut reader = PromptReader::new(self.model);
        // Every question of a survey has the same few candidates.
        let mut candidates: HashMap<&str, Vec<u32>> = HashMap::new();
        let mut rows = Vec::with_capacity(questions.len());
        for question in questions {
            for text in &question.candidates {
                if !candidates.contains_key(text.as_str()) {
                    candidates.insert(text, reader.encode(text)?);
                }
            }
            rows.push(ScoreRow {
                prompt: reader.ids(&question.prompt)?,
                candidates: question
                    .candidates
                    .iter()
                    .map(|c| candidates[c.as_str()].clone())
                    .collect(),
            });
        }
        Ok(rows)
    }

    /// Merged weights have no names: it is the file's that can be blamed for a NaN.
    fn explain(&self, error: EngineError) -> EngineError {
        match error {
            EngineError::NonFinite { what } => self.model.decoder().non_finite(&what),
            other => other,
        }
    }
}

impl Respondent for Embedded<'_> {
    fn score(
        &self,
        questions: &[Scoring],
        progress: Progress,
    ) -> Result<Vec<Vec<f64>>, RespondentError> {
        let rows = self.rows(questions)?;
        let decoder = self.model.decoder();
        Ok(score(decoder, self.adapter.as_ref(), &rows, self.tokens_at_once(), progress)?.rows)
    }

    fn score_in_turn(
        &self,
        questions: &[Scoring],
        progress: Progress,
    ) -> Result<Vec<Vec<f64>>, RespondentError> {
        let rows = self.rows(questions)?;
        // A panic elsewhere leaves nothing half done here: the memory is only added to.
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let decoder = self.model.decoder();
        Ok(remembered.score(decoder, self.adapter.as_ref(), &rows, progress)?.rows)
    }

    fn context(&self) -> Option<usize> {
        Some(self.model.decoder().config().max_positions)
    }

    fn tokens(&self, prompt: &Prompt) -> Result<usize, RespondentError> {
        Ok(PromptReader::new(self.model).ids(prompt)?.len())
    }

    fn inert<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.model.tokenizer().inert(text)
    }

    /// Texts are read as they stand, after what the tokenizer puts before a text. The first token,
    /// which nothing comes before, is not predicted; of a text longer than the model's context, the
    /// beginning is read.
    fn read(&self, texts: &[&str]) -> Result<Vec<(usize, f64)>, RespondentError> {
        let decoder = self.model.decoder();
        let text = |text: &&str| {
            let mut tokens =
                self.model.tokenizer().encode_framed(text).map_err(EngineError::from)?;
            tokens.truncate(decoder.config().max_positions);
            Ok(Text { tokens, top: 0, next: None })
        };
        let texts = texts.iter().map(text).collect::<Result<Vec<_>, RespondentError>>()?;
        let found = read_texts(decoder, self.adapter.as_ref(), &texts, self.tokens_at_once())?;
        let sum = |text: TextReadings| {
            let log_probs = text.tokens.iter().map(|reading| f64::from(reading.log_prob));
            (text.tokens.len(), log_probs.sum())
        };
        Ok(found.into_iter().map(sum).collect())
    }

    fn reply(
        &self,
        questions: &[Reply],
        done: &dyn Fn(&str) -> bool,
        progress: Progress,
    ) -> Result<Vec<String>, RespondentError> {
        let mut reader = PromptReader::new(self.model);
        let tokenizer = self.model.tokenizer();
        let text = |ids: &[u32]| tokenizer.decode(ids, true).unwrap_or_default();
        let mut replies = Vec::with_capacity(questions.len());
        for part in questions.chunks(MAX_REPLIES) {
            let requests = part
                .iter()
                .map(|question| {
                    Ok(Request {
                        prompt: reader.ids(&question.prompt)?,
                        sampling: question.sampling,
                        seed: question.seed,
                        max_tokens: question.max_tokens,
                    })
                })
                .collect::<Result<Vec<_>, RespondentError>>()?;
            let (decoder, adapter) = self.drawn_with();
            let generated = generate_with(decoder, adapter, &requests, |ids| done(&text(ids)))
                .map_err(|error| self.explain(error))?;
            replies.extend(generated.iter().map(|g| text(&g.tokens)));
            if !progress(replies.len()) {
                return Err(EngineError::Cancelled.into());
            }
        }
        Ok(replies)
    }
}

/// A question in one of two shapes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prompt {
    /// Text to be continued as it stands.
    Plain(String),
    /// A user's turn in the model's chat format, and the beginning of the answer.
    Chat {
        /// What the model is told before; a template without a place for it gets it at the head of
        /// the question.
        system: Option<String>,
        /// The user's message.
        question: String,
        /// Text that the answer already begins with.
        answer: String,
    },
}

/// Turns prompts into token ids; reads the chat template once, when first needed.
pub struct PromptReader<'a> {
    model: &'a Model,
    template: Option<ChatTemplate>,
}

impl<'a> PromptReader<'a> {
    /// A reader for `model`.
    pub fn new(model: &'a Model) -> Self {
        Self { model, template: None }
    }

    /// The token ids of a prompt.
    ///
    /// # Errors
    /// [`RespondentError::Chat`] where the model has no usable chat template.
    pub fn ids(&mut self, prompt: &Prompt) -> Result<Vec<u32>, RespondentError> {
        match prompt {
            Prompt::Plain(text) => self.begin(text),
            Prompt::Chat { system, question, answer } => {
                let template = match self.template.take() {
                    Some(template) => template,
                    None => self.model.chat_template()?,
                };
                let text = render(&template, system.as_deref(), question)?;
                self.template = Some(template);
                self.encode(&(text + answer))
            }
        }
    }

    /// The token ids of a text to be continued, with the token that begins one where the model wants it:
    /// a chat template writes it out itself.
    fn begin(&self, text: &str) -> Result<Vec<u32>, RespondentError> {
        let ids = self.model.tokenizer().encode_prompt(text);
        Ok(ids.map_err(axia_engine::EngineError::from)?)
    }

    /// The token ids of a text, as it stands.
    ///
    /// # Errors
    /// [`RespondentError::Engine`] where the tokenizer fails.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, RespondentError> {
        let ids = self.model.tokenizer().encode(text);
        Ok(ids.map_err(axia_engine::EngineError::from)?)
    }
}

/// The conversation up to where the model answers.
fn render(
    template: &ChatTemplate,
    system: Option<&str>,
    question: &str,
) -> Result<String, ChatError> {
    let Some(system) = system else {
        return template.render(&[ChatMessage::user(question)], true);
    };
    let both = [ChatMessage::system(system), ChatMessage::user(question)];
    // Some templates refuse a system's turn, and some forget it.
    match template.render(&both, true) {
        Ok(text) if text.contains(system.trim()) => Ok(text),
        _ => template.render(&[ChatMessage::user(format!("{system}\n\n{question}"))], true),
    }
}

/// What stands for the part that was cut.
const GAP: &str = " […] ";
/// How far a cut may move to fall between two words, in bytes.
const NUDGE: usize = 40;

/// A post as it is shown, and how many of its characters were cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown<'a> {
    /// The text.
    pub text: Cow<'a, str>,
    /// Characters left out of the middle.
    pub cut: usize,
}

/// Cuts as much out of the middle of `post` as is needed for it to fit: the beginning says what
/// the matter is, the end what is asked. `fits` says so of a text and is taken to hold of shorter
/// ones too; a text of more than `most` bytes is not even tried.
///
/// # Errors
/// Whatever `fits` returns.
pub fn cut_to_fit<E>(
    post: &str,
    most: usize,
    mut fits: impl FnMut(&str) -> Result<bool, E>,
) -> Result<Shown<'_>, E> {
    if post.len() <= most && fits(post)? {
        return Ok(Shown { text: Cow::Borrowed(post), cut: 0 });
    }
    let (mut low, mut high) = (0, post.len().min(most));
    while low < high {
        let middle = (low + high).div_ceil(2);
        if fits(&without_middle(post, middle).text)? {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    Ok(without_middle(post, low))
}

/// About `keep` bytes of `post`, half from its beginning, half from its end.
fn without_middle(post: &str, keep: usize) -> Shown<'static> {
    let head = &post[..boundary(post, keep / 2)];
    let tail = &post[boundary(post, post.len() - keep.div_ceil(2).min(post.len() - head.len()))..];
    let between_words = |at: usize, len: usize| len - at <= NUDGE;
    let head = match head.rfind(char::is_whitespace) {
        Some(space) if between_words(space, head.len()) => &head[..space],
        _ => head,
    };
    let tail = match tail.find(char::is_whitespace) {
        Some(space) if space <= NUDGE => tail[space..].trim_start(),
        _ => tail,
    };
    let cut = post.chars().count() - head.chars().count() - tail.chars().count();
    Shown { text: Cow::Owned([head.trim_end(), GAP, tail].concat()), cut }
}

/// The last place at or before `at` that does not split a character.
fn boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(post: &str, most: usize) -> Shown<'_> {
        cut_to_fit::<()>(post, usize::MAX, |text| Ok(text.chars().count() <= most)).unwrap()
    }

    #[test]
    fn the_middle_goes() {
        let post = "one two three four five six seven eight nine ten";
        let shown = cut(post, 30);
        assert_eq!(shown.text, "one two three […] nine ten");
        assert_eq!(shown.cut, post.len() - "one two three".len() - "nine ten".len());
        assert_eq!(cut(post, 48), Shown { text: Cow::Borrowed(post), cut: 0 });
    }

    #[test]
    fn a_post_without_a_space_is_cut_too() {
        let post = "a".repeat(1 << 20);
        let mut tried = 0;
        let shown = cut_to_fit::<()>(&post, 4096, |text| {
            tried = tried.max(text.len());
            Ok(text.len() <= 100)
        })
        .unwrap();
        assert!(shown.text.len() <= 100 && shown.text.len() > 80, "{}", shown.text);
        assert!(tried < 5000, "{tried} bytes were tried");
    }

    proptest! {
        #[test]
        fn any_text_is_made_to_fit(post in "\\PC{0,120}", most in 5..80usize) {
            let shown = cut(&post, most);
            prop_assert!(shown.text.chars().count() <= most || post.is_empty());
            if shown.cut == 0 && post.chars().count() <= most {
                prop_assert_eq!(shown.text.as_ref(), post.as_str());
            }
        }
    }
}
