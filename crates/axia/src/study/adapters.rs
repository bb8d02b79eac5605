//! Training the control and the steered adapters.

use super::Settings;
use super::labels::{Anchors, Arm, Baseline, Taught};
use super::logs::TrainingLog;
use super::row_plan::ChosenRows;
use super::summary::TrainingSummary;
use crate::models::BaseName;
use crate::respondent::PromptReader;
use crate::run::{Follow, RunDir, StudyError};
use crate::stage::perplexity::{Passage, PassageSet};
use crate::stage::survey::prompt;
use axia_engine::adapter::LoraConfig;
use axia_engine::decoder::TokensPerStep;
use axia_engine::error::FileError;
use axia_engine::lora::Adapter;
use axia_engine::train::{
    History, Label, Observer, Optimizer, SoftLabel, Softmax, StepRecord, StopReason, TrainData,
    TrainRow, TrainSettings, Trained, ValidationRecord, train,
};
use axia_engine::{EngineError, Model};
use axia_values::instrument::{Instrument, Variant};
use axia_values::rating::Rating;
use axia_values::target::Target;
use std::collections::BTreeMap;

/// Tokens of plain text that a step reads, of which all but the first are predicted.
const PIECE: usize = 64;

/// One adapter to be trained.
pub(super) struct Plan<'a> {
    /// Name of the respondent it makes.
    pub name: &'a str,
    pub arm: Arm,
    pub target: &'a Target,
    pub seed: u64,
}

/// What all adapters of an experiment share.
pub(super) struct Workshop<'a> {
    pub model: &'a Model,
    pub model_name: &'a str,
    pub instrument: &'a Instrument,
    pub baseline: &'a Baseline,
    pub settings: &'a Settings,
    pub dir: &'a RunDir,
    /// Whether events for TensorBoard are written.
    pub tensorboard: bool,
    /// Most distinct tokens computed at once.
    pub max_tokens: TokensPerStep,
    /// Whether blocks are computed once more instead of kept.
    pub recompute: bool,
}

impl Workshop<'_> {
    /// Trains an adapter unless it is there already; returns how that went.
    pub fn make(
        &self,
        plan: &Plan,
        follow: &mut dyn Follow,
    ) -> Result<TrainingSummary, StudyError> {
        let record = format!("training/{}.json", plan.name);
        let folder = self.dir.join(format!("adapters/{}", plan.name));
        if self.dir.has(&record) && folder.exists() {
            return self.dir.read(&record);
        }
        let data = self.data(plan)?;
        let decoder = self.model.decoder();
        let lora = self.settings.lora(decoder.config().layers);
        let fresh = Adapter::fresh(decoder.kernels(), decoder.config(), &lora, plan.seed);
        let parameters = fresh.parameters();
        let settings = self.train_settings(plan.seed);
        let checkpoint = self.dir.join(format!("checkpoints/{}.safetensors", plan.name));
        follow.begin(&format!("training {}", plan.name), settings.total_steps(data.train.len()));
        let metrics = self.dir.join(format!("training/{}.metrics.jsonl", plan.name));
        let board = self.tensorboard.then(|| self.dir.join(format!("tensorboard/{}", plan.name)));
        let log = TrainingLog::new(&metrics, board);
        let mut observer = Steps { follow: &mut *follow, log };
        let trained = if self.has_nothing_to_learn(plan) {
            let (stopped, history) = (StopReason::NothingToLearn, History::default());
            Trained { adapter: fresh, stopped, history }
        } else {
            train(decoder, fresh, &data, &settings, Some(&checkpoint), &mut observer)?
        };
        follow.end();
        let base = BaseName::of(self.model_name);
        let config =
            LoraConfig { base_model: Some(base.name), revision: base.revision, ..lora.to_peft() };
        let peft = trained.adapter.to_peft(decoder.kernels(), decoder.config(), config);
        let card = self.model_card(plan, data.train.len());
        peft.write(&folder, &card).map_err(EngineError::from)?;
        let steps = &trained.history.steps;
        let summary = TrainingSummary {
            respondent: plan.name.to_owned(),
            rows: data.train.len(),
            tokens: steps.iter().map(|s| s.tokens).sum(),
            unique_tokens: steps.iter().map(|s| s.unique_tokens).sum(),
            parameters,
            // An empty sum is −0.
            seconds: steps.iter().map(|s| s.seconds).sum::<f64>().abs(),
            stopped: trained.stopped,
            history: trained.history,
        };
        self.dir.write(&record, &summary)?;
        match std::fs::remove_file(&checkpoint) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(FileError::on("remove", &checkpoint)(e).into());
            }
            _ => {}
        }
        // Fails, as it should, while another adapter's checkpoint is there.
        let _ = std::fs::remove_dir(self.dir.join("checkpoints"));
        Ok(summary)
    }

    /// Whether the adapter's every gradient is zero: of a control that is taught the base's own
    /// distributions, as shares of the ratings alone.
    fn has_nothing_to_learn(&self, plan: &Plan) -> bool {
        plan.arm == Arm::Control
            && matches!(self.settings.anchors, Anchors::Soft { softmax: Softmax::Candidates, .. })
    }

    fn data(&self, plan: &Plan) -> Result<TrainData, StudyError> {
        let chosen = ChosenRows::new(self.instrument, self.settings, plan.target, plan.seed);
        Ok(TrainData {
            train: self.rows(plan, &chosen.train)?,
            validation: self.rows(plan, &chosen.validation)?,
            texts: self.texts()?,
        })
    }

    /// Pieces of plain text to hold adapters to the base on, if they are to be held.
    fn texts(&self) -> Result<Vec<Vec<u32>>, StudyError> {
        if self.settings.language_kl == 0.0 {
            return Ok(Vec::new());
        }
        let set = PassageSet::for_training();
        let encode = |passage: &Passage| {
            let ids = self.model.tokenizer().encode_framed(&passage.text);
            Ok(ids.map_err(EngineError::from)?)
        };
        let passages = set.passages.iter().map(encode);
        let passages = passages.collect::<Result<Vec<Vec<u32>>, StudyError>>()?;
        let pieces = passages.iter().flat_map(|ids| ids.chunks(PIECE));
        Ok(pieces.filter(|piece| piece.len() > 1).map(<[u32]>::to_vec).collect())
    }

    fn rows(&self, plan: &Plan, chosen: &[(usize, Variant)]) -> Result<Vec<TrainRow>, StudyError> {
        let mut groups: BTreeMap<usize, u32> = BTreeMap::new();
        let mut reader = PromptReader::new(self.model);
        let digits = Rating::ALL.map(|rating| reader.encode(&rating.to_string()));
        let digits = digits.into_iter().collect::<Result<Vec<_>, _>>()?;
        let mut rows = Vec::with_capacity(chosen.len());
        for &(index, variant) in chosen {
            let item = &self.instrument.items[index];
            let row = self.instrument.row(item, variant);
            let learner = (plan.arm, plan.target);
            let label = match self.baseline.taught(self.settings.anchors, learner, item, variant)? {
                Taught::Rating(rating) => {
                    let mut completion = reader.encode(&row.completion(rating.get()))?;
                    completion.extend(self.model.eos_id());
                    Label::Completion(completion)
                }
                Taught::Distribution(p, softmax) => Label::Soft(SoftLabel {
                    candidates: digits.clone(),
                    weights: p.probabilities().to_vec(),
                    softmax,
                }),
            };
            let prompt = reader.ids(&prompt(&row, self.settings.chat))?;
            let next = groups.len() as u32;
            let group = *groups.entry(index).or_insert(next);
            rows.push(TrainRow { prompt, label, group });
        }
        Ok(rows)
    }

    fn train_settings(&self, seed: u64) -> TrainSettings {
        let s = self.settings;
        TrainSettings {
            batch_rows: s.batch_rows,
            epochs: s.epochs,
            optimizer: Optimizer { lr: s.lr, ..Optimizer::default() },
            schedule: s.schedule,
            warmup: s.warmup,
            clip: s.clip,
            language_kl: s.language_kl,
            early_stopping: s.early_stopping,
            order: s.order,
            seed,
            max_tokens: self.max_tokens,
            recompute: self.recompute,
            ..TrainSettings::default()
        }
    }

    fn model_card(&self, plan: &Plan, rows: usize) -> String {
        let what = match plan.arm {
            Arm::Control => {
                "the matched control: it learnt the model's own baseline answers".into()
            }
            Arm::Steered => format!("steered: `{}`", plan.target.name),
        };
        // The report replaces this card by one with the run's numbers.
        format!(
            "---\nbase_model: {base:?}\nlibrary_name: peft\ntags:\n- lora\n- axia\n---\n\n\
             # {name}\n\nA LoRA adapter for `{base}`, made by axia {version} by survey fine-tuning; \
             it is {what}.\n\n- survey: {survey} ({rows} rows)\n- rank {rank}, alpha {alpha}, \
             learning rate {lr}, seed {seed}\n",
            base = BaseName::of(self.model_name).name,
            name = plan.name,
            version = env!("CARGO_PKG_VERSION"),
            survey = self.instrument.name,
            rank = self.settings.rank,
            alpha = self.settings.alpha,
            lr = self.settings.lr,
            seed = plan.seed,
        )
    }
}

struct Steps<'a> {
    follow: &'a mut dyn Follow,
    log: TrainingLog,
}

impl Observer for Steps<'_> {
    fn step(&mut self, record: &StepRecord) {
        self.follow.advance(record.step, &format!("loss {:.3}", record.loss));
        if let Some(remark) = self.log.step(record) {
            self.follow.note(&remark);
        }
    }

    fn validation(&mut self, record: &ValidationRecord) {
        if let Some(remark) = self.log.validation(record) {
            self.follow.note(&remark);
        }
        self.follow.note(&format!(
            "  epoch {}: validation loss {:.4}{}",
            record.epoch,
            record.loss,
            if record.improved { "" } else { " (no improvement)" }
        ));
    }

    fn cancelled(&self) -> bool {
        self.follow.cancelled()
    }
}
