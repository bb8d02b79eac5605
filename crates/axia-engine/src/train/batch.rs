//! Rows packed into forests, and their loss.

use super::TrainRow;
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
    /// Tokens of the rows, prompts and completions.
    pub tokens: usize,
    /// Tokens of the completions: what the loss is a mean over.
    pub supervised: usize,
}

struct Pack {
    forest: Forest,
    /// Nodes at which something is predicted, ascending.
    reads: Vec<u32>,
    targets: Vec<Target>,
    /// Tokens of a row whose reach all of them have.
    length: usize,
}

/// Loss of some rows.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct StepLoss {
    /// `Σ −log p` over the completions' tokens.
    pub sum: f64,
    /// Tokens computed.
    pub unique_tokens: usize,
}

impl Batch {
    /// Packs `rows` into forests of at most `max_tokens` distinct tokens for a model of this shape.
    /// No prompt or completion may be empty.
    pub fn new(rows: &[&TrainRow], config: &ModelConfig, max_tokens: usize) -> Self {
        let reach = |row: &TrainRow| config.reach(row.prompt.len() + row.completion.len());
        let mut sorted: Vec<(Vec<u32>, &TrainRow)> = rows.iter().map(|r| (r.fed(), *r)).collect();
        sorted.sort_by(|a, b| reach(a.1).cmp(&reach(b.1)).then_with(|| a.0.cmp(&b.0)));
        let fed: Vec<&[u32]> = sorted.iter().map(|(fed, _)| fed.as_slice()).collect();
        let packs = cut_by_tokens(&fed, |_| 0, |i| reach(sorted[i].1), max_tokens)
            .into_iter()
            .map(|range| Pack::new(&fed[range.clone()], &sorted[range]))
            .collect();
        Self {
            packs,
            tokens: rows.iter().map(|r| r.prompt.len() + r.completion.len()).sum(),
            supervised: rows.iter().map(|r| r.completion.len()).sum(),
        }
    }

    /// Distinct tokens of the largest forest.
    pub fn largest(&self) -> usize {
        self.packs.iter().map(|pack| pack.forest.len()).max().unwrap_or_default()
    }

    /// Adds the gradients of `factor · Σ −log p` and returns the loss.
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

    /// [`Self::backward`] without waiting for the loss, and with what is kept told: what [`Self::read`] reads, by forest.
    pub(super) fn queue_backward<K: Kernels>(
        &self,
        decoder: &Decoder<K>,
        adapter: &Adapter<K>,
        (factor, keep): (f32, Keep),
        activations: &mut Activations<K::Buffer>,
        gradients: &mut Gradients<K>,
    ) -> Vec<K::Buffer> {
        let mut queue = |pack: &Pack| {
            let targets: Vec<Target> =
                pack.targets.iter().map(|t| Target { weight: factor, ..*t }).collect();
            let pass = decoder.pass_of_texts(&pack.forest, &pack.reads, pack.length);
            decoder.forward(Some(adapter), &pass, keep, activations);
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
            loss.sum -= log_probs(pack).iter().map(|&p| f64::from(p)).sum::<f64>();
            loss.unique_tokens += pack.forest.len();
        }
        if loss.sum.is_finite() { Ok(loss) } else { Err(decoder.non_finite("the loss")) }
    }
}

impl Pack {
    fn new(fed: &[&[u32]], rows: &[(Vec<u32>, &TrainRow)]) -> Self {
        let (forest, ends) = Forest::build(fed);
        let mut predicted: Vec<(u32, u32)> = ends
            .iter()
            .zip(rows)
            .flat_map(|(&end, (_, row))| {
                forest.tail(end, row.completion.len()).into_iter().zip(row.completion.clone())
            })
            .collect();
        predicted.sort_unstable();
        let mut reads: Vec<u32> = predicted.iter().map(|(node, _)| *node).collect();
        reads.dedup();
        let targets = predicted
            .iter()
            .map(|&(node, token)| Target {
                row: reads.partition_point(|&r| r < node),
                token,
                weight: 0.0,
            })
            .collect();
        let length = rows.first().map_or(0, |(_, row)| row.prompt.len() + row.completion.len());
        Self { forest, reads, targets, length }
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
        let row = |prompt: &[u32], completion: &[u32]| TrainRow {
            prompt: prompt.to_vec(),
            completion: completion.to_vec(),
            group: 0,
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
