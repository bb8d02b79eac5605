//! Probability gain on the posts of each value, with its interval.

use axia_values::instrument::Dimension;
use axia_values::judgement::JudgementShift;

use super::intervals::Intervals;
use super::scale::nice_domain;
use super::series::{Series, Style};

/// What steering did to the judgement of the posts of each refined value.
pub(crate) struct Gains<'a> {
    /// The steered respondent.
    pub name: &'a str,
    /// Its look.
    pub style: Style,
    /// Against the control.
    pub against_control: &'a JudgementShift,
    /// Against the base, drawn faintly.
    pub against_base: &'a JudgementShift,
    /// The axis' ends, so that several panels compare.
    pub domain: (f64, f64),
}

impl Gains<'_> {
    /// Draws the panel.
    pub fn draw(&self) -> String {
        let control = &self.against_control;
        let targets: Vec<Dimension> = control.target.iter().map(|&value| value.into()).collect();
        let base = Series::gains("against the base", Style::BASE, &self.against_base.refined);
        Intervals {
            series: &[Series::gains(self.name, self.style, &control.refined)],
            faint: Some(&base),
            domain: self.domain,
            signed: true,
            line: Some(0.0),
            goals: &[],
            targets: &targets,
            numbers: true,
            axis: "probability gain: steered − control",
            description: &format!("Probability gain on the posts of every value for {}", self.name),
            width: 540.0,
        }
        .draw()
    }
}

/// One axis for several panels.
pub(crate) fn gain_domain<'a>(shifts: impl IntoIterator<Item = &'a JudgementShift>) -> (f64, f64) {
    let gains = shifts.into_iter().flat_map(|shift| &shift.refined);
    let ends = gains.flat_map(|gain| [gain.gain.full.weighted.low, gain.gain.full.weighted.high]);
    nice_domain(ends, (-0.02, 0.02), 12)
}
