//! What a stage must have to appear in reports.

use axia_values::stats::Estimate;
use minijinja::Value;

use super::{Cast, Table, Template};

/// What reports show of one stage of a run.
pub(crate) trait Shown {
    /// What is said of the stage wherever it was asked.
    fn about(&self) -> &'static About;

    /// The section of the run's page, as its template takes it.
    fn section(&self, cast: &Cast<'_>) -> Value;

    /// Adds the numbers to `results.csv`.
    fn add_rows(&self, table: &mut Table);

    /// A respondent's numbers, to stand beside those of another run; empty where it has none.
    fn numbers(&self, respondent: &str) -> Vec<Number>;

    /// What was asked and how, by unambiguous names, for a list of what differs between two runs.
    fn facts(&self) -> Vec<(String, String)>;

    /// The numbers as tasks of lm-evaluation-harness.
    fn tasks(&self) -> Vec<Task>;

    /// A sentence for the model card of a steered respondent, if there is something to say.
    fn on_card(&self, _respondent: &str) -> Option<String> {
        None
    }

    /// Tells what was asked from what another run asked: a hash, or several.
    fn asked(&self) -> Vec<String>;
}

/// What pages say of a stage.
pub(crate) struct About {
    /// Id of its section: `judgement`.
    pub name: &'static str,
    /// Its entry in the page's menu: `Judgement`.
    pub title: &'static str,
    /// Its section, which finds what [`Shown::section`] gives as `stage.section`.
    pub section: Template,
    /// Its paragraph under the methods.
    pub methods: Template,
    /// Its heading in a comparison of two runs.
    pub heading: &'static str,
    /// What a reader of a comparison must know where other things were asked.
    pub unlike: &'static str,
    /// What the numbers of a comparison are.
    pub caption: &'static str,
}

/// How a difference is shown.
pub(crate) type ShowDifference = fn(f64) -> String;

/// A number of one respondent.
pub(crate) struct Number {
    /// What it is.
    pub name: String,
    /// As it is shown; `None` where there is none.
    pub shown: Option<String>,
    /// What differences are taken of, and how these are shown.
    pub value: Option<(f64, ShowDifference)>,
}

impl Number {
    /// A text, of which no difference is taken.
    pub fn text(name: &str, shown: Option<String>) -> Self {
        Self { name: name.to_owned(), shown, value: None }
    }

    /// An estimate, shown as `show` does.
    pub fn estimate(
        name: impl Into<String>,
        estimate: Option<Estimate>,
        show: fn(&Estimate) -> String,
        difference: ShowDifference,
    ) -> Self {
        Self {
            name: name.into(),
            shown: estimate.as_ref().map(show),
            value: estimate.map(|estimate| (estimate.value, difference)),
        }
    }
}

/// A respondent's results as a task of lm-evaluation-harness.
pub(crate) struct Task {
    /// `axia_dilemmas_base`.
    pub name: String,
    /// Its numbers.
    pub metrics: Vec<Metric>,
    /// How many items, posts, passages or games they rest on.
    pub samples: usize,
}

/// A number, and how sure it is.
pub(crate) struct Metric {
    /// What it is.
    pub name: String,
    /// Its value.
    pub value: f64,
    /// Its standard error, if one is known.
    pub error: Option<f64>,
}

/// Half the width of a 95 % interval, in standard errors.
const HALF_WIDTH: f64 = 1.959_964;

impl Metric {
    /// A number without a standard error.
    pub fn plain(name: &str, value: f64) -> Self {
        Self { name: name.to_owned(), value, error: None }
    }

    /// An estimate, with the standard error that its interval corresponds to.
    pub fn estimated(name: &str, estimate: &Estimate) -> Self {
        let error = (estimate.high - estimate.low) / (2.0 * HALF_WIDTH);
        // Resampling a single item finds no spread, which is not the same as there being none.
        let error = (error > 0.0).then_some(error);
        Self { error, ..Self::plain(name, estimate.value) }
    }
}
