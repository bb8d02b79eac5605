//! What is trained on.

use crate::error::EngineError;

/// A prompt, which is read, and what is learnt after it.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainRow {
    /// Token ids of the prompt; at least one.
    pub prompt: Vec<u32>,
    /// What is learnt.
    pub label: Label,
    /// Rows of one group share most of their prompt (the variants of one survey item).
    pub group: u32,
}

/// What a row teaches after its prompt.
#[derive(Debug, Clone, PartialEq)]
pub enum Label {
    /// Token ids of one text, with its end-of-sequence token if that is to be learnt; at least one.
    /// Its loss is `Σ −log p(token)`.
    Completion(Vec<u32>),
    /// A distribution over several continuations.
    Soft(SoftLabel),
}

/// A distribution over candidate continuations of a prompt.
///
/// With `L_c = Σ log p(token)` over the tokens of candidate `c`, the loss is `−Σ w_c L_c` or
/// `−Σ w_c log softmax(L)_c`, as [`Self::softmax`] says.
#[derive(Debug, Clone, PartialEq)]
pub struct SoftLabel {
    /// Token ids of each candidate; at least one candidate, of at least one token.
    pub candidates: Vec<Vec<u32>>,
    /// Weight of each candidate: at least 0, and 1 in all.
    pub weights: Vec<f64>,
    /// What the candidates' probabilities are a share of.
    pub softmax: Softmax,
}

/// Which continuations share a soft label's probability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Softmax {
    /// The whole vocabulary: training also draws probability from all other tokens to the
    /// candidates.
    Vocabulary,
    /// The candidates alone: how much probability they have together is left as it is, and a label
    /// that is the model's own distribution has no gradient.
    Candidates,
}

/// How far the weights of a soft label may be from 1 in all.
const WEIGHT_TOLERANCE: f64 = 1e-3;

impl TrainRow {
    /// A row that teaches `completion` token by token.
    pub fn completion(prompt: Vec<u32>, completion: Vec<u32>, group: u32) -> Self {
        Self { prompt, label: Label::Completion(completion), group }
    }

    /// The continuations of the prompt that are read.
    pub fn continuations(&self) -> &[Vec<u32>] {
        match &self.label {
            Label::Completion(tokens) => std::slice::from_ref(tokens),
            Label::Soft(label) => &label.candidates,
        }
    }

    /// Tokens of the prompt and of all its continuations.
    pub(super) fn tokens(&self) -> usize {
        self.prompt.len() + self.continuations().iter().map(Vec::len).sum::<usize>()
    }

    /// Tokens of the prompt with its longest continuation.
    pub(super) fn length(&self) -> usize {
        self.prompt.len() + self.continuations().iter().map(Vec::len).max().unwrap_or_default()
    }

    /// What the mean loss counts this row as: each token of a completion, a soft label once.
    pub(super) fn supervised(&self) -> usize {
        match &self.label {
            Label::Completion(tokens) => tokens.len(),
            Label::Soft(_) => 1,
        }
    }
}

/// Rows to learn from and rows to stop by.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TrainData {
    /// Training rows.
    pub train: Vec<TrainRow>,
    /// Validation rows; may be empty.
    pub validation: Vec<TrainRow>,
    /// Token ids of plain texts on which the adapter is held to the base, a text a step, around and
    /// around; see [`super::TrainSettings::language_kl`].
    pub texts: Vec<Vec<u32>>,
}

impl TrainData {
    /// # Errors
    /// [`EngineError::EmptySequence`], [`EngineError::TokenRange`] or [`EngineError::Weights`] with
    /// the first bad row.
    pub(super) fn check(&self, vocab: usize) -> Result<(), EngineError> {
        check_rows(&self.train, vocab, "")?;
        check_rows(&self.validation, vocab, "validation ")?;
        for (index, text) in self.texts.iter().enumerate() {
            // After the last token nothing is predicted.
            let predicted = text.get(1..).unwrap_or_default();
            check_ids(predicted, index + 1, vocab, || "the plain text".to_owned())?;
            check_ids(text, index + 1, vocab, || "the plain text".to_owned())?;
        }
        Ok(())
    }
}

fn check_rows(rows: &[TrainRow], vocab: usize, kind: &str) -> Result<(), EngineError> {
    for (index, row) in rows.iter().enumerate() {
        let number = index + 1;
        check_ids(&row.prompt, number, vocab, || format!("the {kind}prompt"))?;
        match &row.label {
            Label::Completion(ids) => {
                check_ids(ids, number, vocab, || format!("the {kind}completion"))?;
            }
            Label::Soft(label) => {
                for (n, ids) in label.candidates.iter().enumerate() {
                    check_ids(ids, number, vocab, || format!("{kind}candidate {}", n + 1))?;
                }
                label.check().map_err(|problem| EngineError::Weights { row: number, problem })?;
            }
        }
    }
    Ok(())
}

fn check_ids(
    ids: &[u32],
    row: usize,
    vocab: usize,
    part: impl Fn() -> String,
) -> Result<(), EngineError> {
    if ids.is_empty() {
        return Err(EngineError::EmptySequence { row, part: part() });
    }
    match ids.iter().find(|&&token| token as usize >= vocab) {
        Some(&token) => Err(EngineError::TokenRange { row, part: part(), token, vocab }),
        None => Ok(()),
    }
}

impl SoftLabel {
    /// What is wrong with the weights, if anything.
    fn check(&self) -> Result<(), String> {
        let (candidates, weights) = (self.candidates.len(), self.weights.len());
        if candidates == 0 {
            return Err("a soft label needs at least one candidate".to_owned());
        }
        if candidates != weights {
            return Err(format!("there are {candidates} candidates, but {weights} weights"));
        }
        if let Some(bad) = self.weights.iter().find(|w| !(w.is_finite() && **w >= 0.0)) {
            return Err(format!("a weight is {bad}; weights are numbers of at least 0"));
        }
        let sum: f64 = self.weights.iter().sum();
        if (sum - 1.0).abs() > WEIGHT_TOLERANCE {
            return Err(format!("the weights add up to {sum}; they must add up to 1"));
        }
        Ok(())
    }
}
