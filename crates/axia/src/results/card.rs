//! Model cards: the README.md of every adapter of a run, with the run's numbers.

use crate::files::write_whole;
use crate::models::BaseName;
use crate::report::ReportError;
use crate::report::words::{fixed, interval, signed, signed_with_interval};
use crate::run::Role;
use crate::study::summary::{NoteLevel, RunSummary, ShiftSummary, TrainingSummary};
use axia_values::shift::{Comparison, DomainShift};
use axia_values::stats::Estimate;
use std::path::Path;

/// Settings of a study that are settings of training, in reading order.
const TRAINING: [&str; 13] = [
    "rank",
    "alpha",
    "layers",
    "anchors",
    "language kl",
    "lr",
    "schedule",
    "warmup",
    "clip",
    "epochs",
    "early stopping",
    "batch rows",
    "train rows",
];

/// The card of the adapter of `respondent`, with what the run measured of it; nothing for a respondent
/// that has no adapter. Equal results give equal cards.
pub fn model_card(summary: &RunSummary, respondent: &str) -> Option<String> {
    let found = summary.respondents.iter().find(|r| r.name == respondent)?;
    if found.role == Role::Base {
        return None;
    }
    let base = BaseName::of(&summary.model.name);
    let shift = match found.role {
        Role::Steered => Some(summary.shift_of(found)?),
        Role::Base | Role::Control | Role::Landmark => None,
    };
    let parts = [
        front_matter(&base),
        purpose(summary, respondent, &base, shift),
        shift.map(|shift| effects(summary, shift)).unwrap_or_default(),
        match found.role {
            Role::Control => summary.shifts.first().map(drift).unwrap_or_default(),
            Role::Base | Role::Steered | Role::Landmark => String::new(),
        },
        training(summary, respondent),
        usage(&base, respondent),
        limits(summary, &base),
    ];
    Some(parts.concat())
}

/// YAML between dashes. A JSON string is a YAML string.
fn front_matter(base: &BaseName) -> String {
    let name = quoted(&base.name);
    let licence = match base.licence {
        Some(licence) => format!("license: {}\n", licence.to_lowercase()),
        None => String::new(),
    };
    format!(
        "---\nbase_model: {name}\nlibrary_name: peft\npipeline_tag: text-generation\n{licence}\
         tags:\n- lora\n- axia\n- human-values\n---\n\n"
    )
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn purpose(
    summary: &RunSummary,
    respondent: &str,
    base: &BaseName,
    shift: Option<&ShiftSummary>,
) -> String {
    let what = match shift {
        Some(shift) => format!(
            "It is **steered: {}**: it learnt to rate the statements about its target as below, and \
             all others as the base model does.{}",
            plain(&shift.title),
            caveat(shift)
        ),
        None => {
            "It is the **matched control** of a study: it learnt the base model's own answers to \
                 all statements, so that it differs from the base by training alone."
                .to_owned()
        }
    };
    let survey = &summary.survey;
    let goals = shift.map(goals).unwrap_or_default();
    format!(
        "# {name}\n\nA LoRA adapter for `{base}`, made by axia {version} by fine-tuning on answers to a \
         value survey. {what}\n\n{goals}- Survey: {title} (`{survey}`), {train} items for training, {test} \
         held out\n- Model as trained: `{model}` ({storage})\n- Run: {run}\n\n",
        name = plain(respondent),
        base = base.name,
        version = summary.axia_version,
        title = plain(&survey.title),
        survey = survey.name,
        train = survey.items[0],
        test = survey.items[2],
        model = summary.model.name,
        storage = summary.model.storage,
        run = plain(&summary.name),
    )
}

/// Why the effect is not claimed, or not cleanly.
fn caveat(shift: &ShiftSummary) -> String {
    match shift.gates.first() {
        Some(gate) if gate.is_fatal() => format!(" An effect is not shown: {}.", gate.because()),
        Some(gate) => format!(" The effect is not a clean one: {}.", gate.because()),
        None => String::new(),
    }
}

fn goals(shift: &ShiftSummary) -> String {
    let values = shift.shift.against_control.values.iter();
    let rows: Vec<String> = values
        .filter_map(|value| {
            Some(format!("| {} | {} |\n", value.dimension.label(), value.goal?.get()))
        })
        .collect();
    format!("| Value | Rating taught (1 to 6) |\n|---|---|\n{}\n", rows.concat())
}

/// What was measured on held-out items.
fn effects(summary: &RunSummary, shift: &ShiftSummary) -> String {
    let DomainShift { against_control, items, seeds, .. } = &shift.shift;
    let several = match seeds.len() {
        0 | 1 => String::new(),
        count => format!(", over {count} training seeds together"),
    };
    let mut text = format!(
        "## What moved\n\nMeasured on {items} items that no training saw, against the matched control{several}. \
         Points on the scale of 1 to 6; in brackets 95 % intervals from a paired bootstrap over items.\n\n\
         | Measure | Estimate | Interval |\n|---|---|---|\n"
    );
    for (name, estimate) in headline(against_control) {
        text += &format!("| {name} | {} | {} |\n", signed(estimate.value), interval(estimate));
    }
    text += "\nThe *target drop* is how far the target's items moved to their goal, the *fluctuation* how far \
             those of all other values moved either way, the *selectivity* the difference.\n\n";
    text += "| Value | Goal | Shift |\n|---|---|---|\n";
    for value in &against_control.values {
        let goal = value.goal.map_or_else(String::new, |goal| goal.get().to_string());
        let shift = signed_with_interval(&value.shift);
        text += &format!("| {} | {goal} | {shift} |\n", value.dimension.label());
    }
    text += "\n";
    for stage in summary.stages.shown() {
        if let Some(remark) = stage.on_card(&shift.respondent) {
            text += &format!("{remark}\n\n");
        }
    }
    text
}

fn headline(comparison: &Comparison) -> Vec<(&'static str, &Estimate)> {
    let averages = [
        ("Target drop", Some(&comparison.target_drop)),
        ("Fluctuation", comparison.fluctuation.as_ref()),
        ("Selectivity", comparison.selectivity.as_ref()),
    ];
    averages.into_iter().filter_map(|(name, a)| Some((name, &a?.macro_average))).collect()
}

/// What the control's training alone did.
fn drift(shift: &ShiftSummary) -> String {
    let Some(drift) = &shift.shift.control_drift else { return String::new() };
    let Some(fluctuation) = &drift.fluctuation else { return String::new() };
    format!(
        "## What moved\n\nOn {} items that no training saw, its ratings differ from the base model's by \
         {} {} points of 6 on average (95 % interval from a paired bootstrap over items).\n\n",
        shift.shift.items,
        fixed(fluctuation.macro_average.value, 2),
        interval(&fluctuation.macro_average),
    )
}

fn training(summary: &RunSummary, respondent: &str) -> String {
    let mut text = "## Training\n\n| Setting | Value |\n|---|---|\n".to_owned();
    for name in TRAINING {
        if let Some((_, value)) = summary.settings.iter().find(|(setting, _)| setting == name) {
            text += &format!("| {name} | {} |\n", plain(value));
        }
    }
    if let Some(training) = summary.training.iter().find(|t| t.respondent == respondent) {
        text += &course(training);
    }
    let frontier = summary.frontiers.iter().find(|frontier| frontier.respondent == respondent);
    if let Some(frontier) = frontier {
        text += &format!(
            "| scale, chosen on validation items; alpha above is multiplied by it | {} |\n",
            frontier.scale
        );
    }
    text + "\n"
}

fn course(training: &TrainingSummary) -> String {
    let history = &training.history;
    let mut rows = vec![
        ("rows", training.rows.to_string()),
        ("tokens", training.tokens.to_string()),
        ("trained numbers", training.parameters.to_string()),
        ("steps", history.steps.len().to_string()),
    ];
    if let (Some(first), Some(last)) = (history.steps.first(), history.steps.last()) {
        rows.push((
            "loss",
            format!("{} at first, {} at last", fixed(first.loss, 3), fixed(last.loss, 3)),
        ));
    }
    let best = history.validations.iter().map(|v| v.loss).min_by(f64::total_cmp);
    if let Some(best) = best {
        rows.push(("best validation loss", fixed(best, 3)));
    }
    rows.into_iter().map(|(name, value)| format!("| {name} | {value} |\n")).collect()
}

fn usage(base: &BaseName, respondent: &str) -> String {
    let revision = match &base.revision {
        Some(revision) => format!(", revision={}", quoted(revision)),
        None => String::new(),
    };
    format!(
        "## How to use it\n\n```python\nfrom peft import PeftModel\nfrom transformers import \
         AutoModelForCausalLM, AutoTokenizer\n\nbase = {name}\nmodel = \
         AutoModelForCausalLM.from_pretrained(base{revision})\nmodel = \
         PeftModel.from_pretrained(model, \"path/to/{respondent}\")\ntokenizer = \
         AutoTokenizer.from_pretrained(base{revision})\n```\n\n`axia merge` writes it into the weights \
         of its base, `axia export --gguf` makes a file for llama.cpp.\n\n",
        name = quoted(&base.name),
    )
}

fn limits(summary: &RunSummary, base: &BaseName) -> String {
    let licence = match base.licence {
        Some(licence) => format!("The base model's licence ({licence}) applies."),
        None => "The base model's licence applies.".to_owned(),
    };
    let cautions = summary.notes.iter().filter(|note| note.level == NoteLevel::Caution);
    let cautions: Vec<String> = cautions.map(|note| format!("- {}\n", plain(&note.text))).collect();
    format!(
        "## Limits\n\n- Made to study what value surveys do to a model, not to be used as an assistant.\n{}\
         \n## Licence\n\n{licence}\n",
        cautions.concat()
    )
}

/// Text without what would start a new cell, line or heading.
fn plain(text: &str) -> String {
    text.replace(['\n', '\r'], " ").replace('|', "\\|")
}

/// Writes the card of every adapter of the run in `dir` whose folder is there.
///
/// # Errors
/// [`ReportError`] if a card cannot be written.
pub(super) fn write_cards(dir: &Path, summary: &RunSummary) -> Result<(), ReportError> {
    for respondent in &summary.respondents {
        let folder = dir.join("adapters").join(&respondent.name);
        if !folder.join("adapter_config.json").is_file() {
            continue;
        }
        if let Some(card) = model_card(summary, &respondent.name) {
            let path = folder.join("README.md");
            write_whole(&path, card.as_bytes()).map_err(|e| ReportError::io("write", &path, e))?;
        }
    }
    Ok(())
}
