//! Rows packed into forests, and their loss.

use super::{Label, SoftLabel, Softmax, TrainRow};
use crate::config::ModelConfig;
use crate::decoder::{Activations, Decoder, Keep};
use crate::error::EngineError;
use crate::forest::Forest;
use crate::kernels::{Kernels, Target};
use crate::lora::{Adapter, Gradients};
use crate::score::cut_by_tokens;

/// Rows of one pass, packed into one forest or, beyond the token budget, several.
pub struct Batch {
    packs: Vec<Pack>,
    /// Tokens of the rows, prompts and continuations.
    pub tokens: usize,
    /// What the loss is a mean over: tokens of completions, and soft labels.
    pub supervised: usize,
}

struct Pack {
    forest: Forest,
    /// Nodes at which something is predicted, ascending.
    reads: Vec<u32>,
    /// Ascending by read, then by token. Those of `restricted` labels weigh nothing yet: it depends
    /// on their log-probabilities.
    targets: Vec<Target>,
    /// Soft labels over their candidates alone.
    restricted: Vec<Restricted>,
    /// Tokens of a row whose reach all of them have.
    length: usize,
}

/// Probabilities that differ by less may be the same, computed in two ways in single precision.
const ROUNDING: f64 = 1e-4;

/// A soft label over its candidates alone.
struct Restricted {
    weights: Vec<f64>,
    /// The targets of each candidate's tokens.
    targets: Vec<Vec<usize>>,
}

/// Loss of some rows.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct StepLoss {
    /// Sum over the rows: `Σ −log p` of a completion's tokens, the cross-entropy of a soft label.
    pub sum: f64,
    /// Tokens computed.
    pub unique_tokens: usize,
}

impl Batch {
    /// Packs `rows` into forests of at most `max_tokens` distinct tokens for a model of this shape.
    /// No prompt or continuation may be empty.
    pub fn new(rows: &[&TrainRow], config: &ModelConfig, max_tokens: usize) -> Self {
        let reach = |row: &TrainRow| config.reach(row.length());
        let mut sorted: Vec<(Vec<u32>, &TrainRow)> = rows.iter().map(|r| (trunk(r), *r)).collect();
        sorted.sort_by(|a, b| reach(a.1).cmp(&reach(b.1)).then_with(|| a.0.cmp(&b.0)));
        let trunks: Vec<&[u32]> = sorted.iter().map(|(trunk, _)| trunk.as_slice()).collect();
        let branches = |i: usize| match &sorted[i].1.label {
            Label::Completion(_) => 0,
            Label::Soft(label) => label.candidates.iter().map(|ids| ids.len() - 1).sum(),
        };
        let packs = cut_by_tokens(&trunks, branches, |i| reach(sorted[i].1), max_tokens)
            .into_iter()
            .map(|range| Pack::new(&sorted[range]))
            .collect();
        Self {
            packs,
            tokens: rows.iter().map(|r| r.tokens()).sum(),
            supervised: rows.iter().map(|r| r.supervised()).sum(),
        }
    }

    /// Distinct tokens of the largest forest.
    pub fn largest(&self) -> usize {
        self.packs.iter().map(|pack| pack.forest.len()).max().unwrap_or_default()
    }

    /// Adds the gradients of `factor` times the loss and returns the loss.
    ///
    /// # Errors
    /// [`EngineError::NonFinite`] where a log-probability is NaN or infinite.
    pub fn backward<K: Kernels>(
        &self,
        decoder: &Decoder<K>,
        adapter: &Adapter<K>,
        factor: f32,
        activations: &mut Activations<K::Buffer>,
        gradients: &mut Gradients<K>,
    ) -> Result<StepLoss, EngineError> {
        let found =
            self.queue_backward(decoder, adapter, (factor, Keep::All), activations, gradients);
        self.read(decoder, &found)
    }

    /// [`Self::backward`] with a choice of what is kept, and without waiting for the loss (soft
    /// labels over their candidates wait for log-probabilities): what [`Self::read`] reads, by
    /// forest.
    pub(super) fn queue_backward<K: Kernels>(
        &self,
        decoder: &Decoder<K>,
        adapter: &Adapter<K>,
        (factor, keep): (f32, Keep),
        activations: &mut Activations<K::Buffer>,
        gradients: &mut Gradients<K>,
    ) -> Vec<K::Buffer> {
        let mut queue = |pack: &Pack| {
            let pass = decoder.pass_of_texts(&pack.forest, &pack.reads, pack.length);
            decoder.forward(Some(adapter), &pass, keep, activations);
            if pack.restricted.is_empty() {
                let targets = pack.weighted(factor, &[]);
                return decoder.backward(adapter, &pass, &targets, activations, gradients);
            }
            let log_probs = decoder.log_probs(activations, &pack.targets);
            let targets = pack.weighted(factor, &log_probs);
            if targets.iter().all(|target| target.weight == 0.0) {
                return decoder.kernels().upload(&log_probs);
            }
            decoder.backward(adapter, &pass, &targets, activations, gradients)
        };
        self.packs.iter().map(&mut queue).collect()
    }

    /// The loss that [`Self::queue_backward`] found.
    ///
    /// # Errors
    /// As of [`Self::backward`].
    pub(super) fn read<K: Kernels>(
        &self,
        decoder: &Decoder<K>,
        found: &[K::Buffer],
    ) -> Result<StepLoss, EngineError> {
        let mut found = found.iter();
        self.sum(decoder, |_| {
            found.next().map(|f| decoder.kernels().download(f)).unwrap_or_default()
        })
    }

    /// The loss alone.
    ///
    /// # Errors
    /// [`EngineError::NonFinite`] where a log-probability is NaN or infinite.
    pub fn loss<K: Kernels>(
        &self,
        decoder: &Decoder<K>,
        adapter: Option<&Adapter<K>>,
        activations: &mut Activations<K::Buffer>,
    ) -> Result<StepLoss, EngineError> {
        self.sum(decoder, |pack| {
            let pass = decoder.pass_of_texts(&pack.forest, &pack.reads, pack.length);
            decoder.forward(adapter, &pass, Keep::Nothing, activations);
            decoder.log_probs(activations, &pack.targets)
        })
    }

    fn sum<K: Kernels>(
        &self,
        decoder: &Decoder<K>,
        mut log_probs: impl FnMut(&Pack) -> Vec<f32>,
    ) -> Result<StepLoss, EngineError> {
        let mut loss = StepLoss::default();
        for pack in &self.packs {
            loss.sum += pack.loss(&log_probs(pack));
            loss.unique_tokens += pack.forest.len();
        }
        if loss.sum.is_finite() { Ok(loss) } else { Err(decoder.non_finite("the loss")) }
    }
}

/// What rows are sorted and cut by: all tokens fed of a completion, the prompt of a soft label.
fn trunk(row: &TrainRow) -> Vec<u32> {
    match &row.label {
        Label::Completion(tokens) => fed(&row.prompt, tokens),
        Label::Soft(_) => row.prompt.clone(),
    }
}

/// The tokens fed of a text: all but the last, after which nothing is read.
fn fed(prompt: &[u32], continuation: &[u32]) -> Vec<u32> {
    [prompt, &continuation[..continuation.len() - 1]].concat()
}

/// A token to be predicted, and which candidate of which row it belongs to.
struct Prediction {
    node: u32,
    token: u32,
    weight: f32,
    row: usize,
    candidate: usize,
}

impl Pack {
    fn new(rows: &[(Vec<u32>, &TrainRow)]) -> Self {
        let fed: Vec<Vec<u32>> = rows
            .iter()
            .flat_map(|(_, row)| row.continuations().iter().map(|ids| fed(&row.prompt, ids)))
            .collect();
        let (forest, ends) = Forest::build(&fed);
        let mut predictions = Vec::new();
        let mut ends = ends.iter();
        for (row, (_, train)) in rows.iter().enumerate() {
            for (candidate, tokens) in train.continuations().iter().enumerate() {
                let nodes = ends.next().map(|&end| forest.tail(end, tokens.len()));
                let weight = weight(&train.label, candidate);
                let read = nodes.into_iter().flatten().zip(tokens);
                predictions.extend(read.map(|(node, &token)| Prediction {
                    node,
                    token,
                    weight,
                    row,
                    candidate,
                }));
            }
        }
        predictions.sort_by_key(|p| (p.node, p.token));
        let mut reads: Vec<u32> = predictions.iter().map(|p| p.node).collect();
        reads.dedup();
        let targets = predictions
            .iter()
            .map(|p| Target {
                row: reads.partition_point(|&r| r < p.node),
                token: p.token,
                weight: p.weight,
            })
            .collect();
        let restricted = restricted(rows, &predictions);
        let length = rows.first().map_or(0, |(_, row)| row.length());
        Self { forest, reads, targets, restricted, length }
    }

    /// The targets with `factor` times their weights in the loss. `log_probs` are the targets', which
    /// only restricted labels need: with `q` the softmax over the candidates' `L_c`,
    /// `dLoss/dL_c = q_c Σ w − w_c`.
    fn weighted(&self, factor: f32, log_probs: &[f32]) -> Vec<Target> {
        let scaled = |t: &Target| Target { weight: factor * t.weight, ..*t };
        let mut targets: Vec<Target> = self.targets.iter().map(scaled).collect();
        for label in &self.restricted {
            for (own, residual) in label.targets.iter().zip(label.residuals(log_probs)) {
                for &target in own {
                    targets[target].weight = factor * residual as f32;
                }
            }
        }
        targets
    }

    /// The rows' loss, given the log-probabilities of the targets.
    fn loss(&self, log_probs: &[f32]) -> f64 {
        let terms = self.targets.iter().zip(log_probs).filter(|(t, _)| t.weight != 0.0);
        let plain: f64 = terms.map(|(t, &p)| f64::from(t.weight) * f64::from(p)).sum();
        let soft = self.restricted.iter().map(|label| label.loss(log_probs));
        soft.sum::<f64>() - plain
    }
}

/// The weight in the loss of `−log p` of a continuation's tokens; 0 where it depends on theirs.
fn weight(label: &Label, candidate: usize) -> f32 {
    match label {
        Label::Completion(_) => 1.0,
        Label::Soft(SoftLabel { softmax: Softmax::Candidates, .. }) => 0.0,
        Label::Soft(label) => label.weights[candidate] as f32,
    }
}

/// The labels over their candidates alone, with the places of their predictions.
fn restricted(rows: &[(Vec<u32>, &TrainRow)], predictions: &[Prediction]) -> Vec<Restricted> {
    let mut labels: Vec<Option<Restricted>> = rows
        .iter()
        .map(|(_, row)| match &row.label {
            Label::Soft(label) if label.softmax == Softmax::Candidates => Some(Restricted {
                weights: label.weights.clone(),
                targets: vec![Vec::new(); label.candidates.len()],
            }),
            _ => None,
        })
        .collect();
    for (target, prediction) in predictions.iter().enumerate() {
        if let Some(label) = &mut labels[prediction.row] {
            label.targets[prediction.candidate].push(target);
        }
    }
    labels.into_iter().flatten().collect()
}

impl Restricted {
    /// `log softmax(L)_c` of every candidate.
    fn log_softmax(&self, log_probs: &[f32]) -> Vec<f64> {
        let sum = |own: &Vec<usize>| own.iter().map(|&t| f64::from(log_probs[t])).sum::<f64>();
        let scores: Vec<f64> = self.targets.iter().map(sum).collect();
        let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = scores.iter().map(|score| (score - largest).exp()).sum();
        scores.into_iter().map(|score| score - largest - total.ln()).collect()
    }

    /// `w_c − q_c Σ w` of every candidate: zero for all where none is further off than rounding takes
    /// it. AdamW makes steps of full length of the smallest gradients, so that a label which is the
    /// model's own distribution, as a control's are, would set off a random walk.
    fn residuals(&self, log_probs: &[f32]) -> Vec<f64> {
        let total: f64 = self.weights.iter().sum();
        let log_q = self.log_softmax(log_probs).into_iter();
        let off = self.weights.iter().zip(log_q).map(|(w, log_q)| w - total * log_q.exp());
        let off: Vec<f64> = off.collect();
        if off.iter().any(|off| off.abs() > ROUNDING || off.is_nan()) {
            return off;
        }
        vec![0.0; off.len()]
    }

    /// `−Σ w_c log softmax(L)_c`
    fn loss(&self, log_probs: &[f32]) -> f64 {
        let terms = self.weights.iter().zip(self.log_softmax(log_probs));
        -terms.filter(|(w, _)| **w != 0.0).map(|(w, log_q)| w * log_q).sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tiny_config() -> ModelConfig {
        let folder = "tests/fixtures/tiny/llama/model";
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        ModelConfig::from_folder(&crate::checkpoint_files::HfFolder::new(&folder)).unwrap()
    }

    #[test]
    fn completions_are_predicted_from_the_tokens_before_them() {
        let row = |prompt: &[u32], completion: &[u32]| {
            TrainRow::completion(prompt.to_vec(), completion.to_vec(), 0)
        };
        // Both rows share the prompt 1 2; the second repeats the first's first token.
        let rows = [row(&[1, 2], &[3, 9]), row(&[1, 2], &[4, 5, 9])];
        let config = tiny_config();
        let batch = Batch::new(&rows.iter().collect::<Vec<_>>(), &config, 100);
        assert_eq!((batch.tokens, batch.supervised), (9, 5));
        let [pack] = batch.packs.as_slice() else { panic!("one forest") };
        // Nodes: 1, 2, 3, 4, 5; last tokens are not fed.
        assert_eq!(pack.forest.tokens(), [1, 2, 3, 4, 5]);
        assert_eq!(pack.reads, [1, 2, 3, 4]);
        let found: Vec<(usize, u32)> = pack.targets.iter().map(|t| (t.row, t.token)).collect();
        assert_eq!(found, [(0, 3), (0, 4), (1, 9), (2, 5), (3, 9)]);
    }
}
