//! Perplexity on neutral text: a sentence for each steered respondent, and the numbers.

use minijinja::Value;
use minijinja::value::Serde;
use serde::Serialize;

use super::summary::{PerplexityChange, PerplexitySummary, Reference, RespondentPerplexity};
use crate::report::words::{
    self, change_interval, change_with_interval, counted, fixed, grouped, interval, signed,
    with_interval,
};
use crate::report::{About, Cast, Metric, Number, Shown, Table, Task};
use crate::run::Role;
use crate::text::visible_line;

const NAME_CHARACTERS: usize = 60;

static ABOUT: About = About {
    name: "perplexity",
    title: "Perplexity",
    section: ("perplexity.html", include_str!("page.html")),
    methods: ("perplexity-methods.html", include_str!("methods.html")),
    heading: "Perplexity",
    unlike: "The runs read different passages, so that their perplexities do not compare.",
    caption: "Perplexity on neutral text, and its change against each run’s own control, with \
              95\u{a0}% intervals. Less is better. Perplexities of models with different tokenizers \
              do not compare.",
};

impl Shown for PerplexitySummary {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn section(&self, cast: &Cast<'_>) -> Value {
        Value::from(Serde(section(self, cast)))
    }

    fn add_rows(&self, table: &mut Table) {
        table.perplexity(self);
    }

    fn numbers(&self, respondent: &str) -> Vec<Number> {
        let Some(own) = self.respondents.iter().find(|one| one.name == respondent) else {
            return Vec::new();
        };
        let mut numbers =
            vec![Number::estimate("Perplexity", Some(own.perplexity), with_interval, signed)];
        if let Some(change) = change(self, own, Reference::Control) {
            let shown = Some(change_with_interval(&change.rise()));
            numbers.push(Number::text("Steered − control", shown));
        }
        numbers
    }

    fn facts(&self) -> Vec<(String, String)> {
        let facts = [
            ("Neutral text", visible_line(&self.passages, NAME_CHARACTERS)),
            ("SHA-256 of the neutral text", self.hash.clone()),
            ("Passages read", self.count.to_string()),
        ];
        facts.map(|(name, value)| (name.to_owned(), value)).into()
    }

    fn tasks(&self) -> Vec<Task> {
        let task = |one: &RespondentPerplexity| Task {
            name: format!("axia_neutral_text_{}", one.name),
            metrics: vec![Metric::estimated("token_perplexity", &one.perplexity)],
            samples: self.count,
        };
        self.respondents.iter().map(task).collect()
    }

    fn asked(&self) -> Vec<String> {
        vec![self.hash.clone()]
    }
}

#[derive(Debug, Serialize)]
struct PerplexitySection {
    sentences: Vec<String>,
    /// `30 passages`.
    passages: String,
    /// `5,204 tokens`.
    tokens: String,
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    respondent: String,
    class: String,
    perplexity: String,
    interval: String,
    /// Against the control, then the base; nothing where there is no comparison.
    changes: [Option<Change>; 2],
}

#[derive(Debug, Serialize)]
struct Change {
    value: String,
    interval: String,
}

/// The section on `summary`.
fn section(summary: &PerplexitySummary, cast: &Cast<'_>) -> PerplexitySection {
    let steered = summary
        .changes
        .iter()
        .filter(|change| change.reference == Reference::Control)
        .map(sentence)
        .collect();
    let rows = summary.respondents.iter().map(|one| {
        let of = |reference| {
            change(summary, one, reference).map(|change| Change {
                value: words::change(change.rise().value),
                interval: change_interval(&change.rise()),
            })
        };
        Row {
            respondent: one.name.clone(),
            class: cast.style(&one.name).class(),
            perplexity: fixed(one.perplexity.value, 2),
            interval: interval(&one.perplexity),
            changes: match one.role {
                Role::Base => [None, None],
                _ => [of(Reference::Control), of(Reference::Base)],
            },
        }
    });
    PerplexitySection {
        sentences: steered,
        passages: counted(summary.count, "passage"),
        tokens: format!("{} tokens", grouped(summary.tokens as u64)),
        rows: rows.collect(),
    }
}

/// What training changed about `one` against `reference`, over all its seeds.
fn change<'a>(
    summary: &'a PerplexitySummary,
    one: &RespondentPerplexity,
    reference: Reference,
) -> Option<&'a PerplexityChange> {
    summary.change(&one.steering, reference)
}

fn sentence(change: &PerplexityChange) -> String {
    let log = &change.log_perplexity;
    let measure = format!("perplexity {}", change_with_interval(&change.rise()));
    let what = if log.low > 0.0 {
        format!("predicts neutral text worse than the matched control: {measure}")
    } else if log.high < 0.0 {
        format!("predicts neutral text better than the matched control: {measure}")
    } else {
        format!(
            "is not shown to predict neutral text worse or better than the matched control: \
             {measure}, an interval that includes zero"
        )
    };
    format!("{}: the model {what}.", change.title)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axia_values::stats::Estimate;

    fn change(value: f64, low: f64, high: f64) -> PerplexityChange {
        PerplexityChange {
            respondent: "power-down".to_owned(),
            title: "Power, down".to_owned(),
            reference: Reference::Control,
            seeds: 1,
            log_perplexity: Estimate { value, low, high },
        }
    }

    #[test]
    fn sentences_say_what_the_interval_allows() {
        assert!(sentence(&change(0.1, 0.05, 0.2)).contains("text worse than"));
        assert!(sentence(&change(-0.1, -0.2, -0.05)).contains("text better than"));
        let unclear = sentence(&change(0.1, -0.1, 0.3));
        assert!(unclear.contains("is not shown") && unclear.contains("includes zero"), "{unclear}");
    }
}
