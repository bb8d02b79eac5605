//! Everybody who answered, each with a look that stays the same through the page.

use axia_values::profile::Profile;
use serde::Serialize;

use crate::report::figure::{Goal, Series, Style, swatch};
use crate::run::Role;
use crate::study::summary::{RespondentSummary, RunSummary, ShiftSummary};

/// A respondent and its look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member<'a> {
    pub summary: &'a RespondentSummary,
    pub style: Style,
}

impl<'a> Member<'a> {
    pub fn name(&self) -> &'a str {
        &self.summary.name
    }

    pub fn profile(&self) -> &'a Profile {
        &self.summary.profile
    }

    /// Its mean ratings, for figures.
    pub fn series(&self) -> Series {
        Series::means(self.name(), self.style, &self.profile().dimensions)
    }
}

/// The respondents in their order.
#[derive(Debug)]
pub(super) struct Cast<'a> {
    pub members: Vec<Member<'a>>,
}

impl<'a> Cast<'a> {
    pub fn new(summary: &'a RunSummary) -> Self {
        let styles = Style::of(summary.respondents.iter().map(|one| one.role));
        let members = summary.respondents.iter().zip(styles);
        Self { members: members.map(|(summary, style)| Member { summary, style }).collect() }
    }

    pub fn find(&self, name: &str) -> Option<&Member<'a>> {
        self.members.iter().find(|member| member.name() == name)
    }

    pub fn in_role(&self, role: Role) -> impl Iterator<Item = &Member<'a>> {
        self.members.iter().filter(move |member| member.summary.role == role)
    }

    /// The look of a respondent by name; that of the first steered one for a stranger.
    pub fn style(&self, name: &str) -> Style {
        self.find(name).map_or(Style::steered(0), |member| member.style)
    }

    /// The look of a respondent that may have taken no part in the survey.
    pub fn style_of(&self, name: &str, role: Role) -> Style {
        match role {
            Role::Base => Style::BASE,
            Role::Control => Style::CONTROL,
            Role::Steered => self.style(name),
            Role::Landmark => Style::LANDMARK,
        }
    }
}

/// The targets of one steered respondent.
pub(super) fn goals(shift: &ShiftSummary, style: Style) -> Vec<Goal> {
    let values = shift.shift.against_control.values.iter();
    values
        .filter_map(|value| {
            let (dimension, rating) = (value.dimension.clone(), value.goal?);
            Some(Goal { dimension, rating, style })
        })
        .collect()
}

/// An entry of a legend.
#[derive(Debug, Serialize)]
pub(super) struct LegendEntry {
    class: String,
    swatch: String,
    name: String,
    note: String,
}

impl LegendEntry {
    pub fn new(name: &str, style: Style, note: &str) -> Self {
        Self {
            class: style.class(),
            swatch: swatch(style),
            name: name.to_owned(),
            note: note.to_owned(),
        }
    }
}

/// A respondent's part in the study, in words; `title` is what it was steered to.
pub(super) fn part_of(role: Role, title: Option<&str>) -> String {
    match (role, title) {
        (Role::Base, _) => "the untouched model".to_owned(),
        (Role::Control, _) => "taught the base’s own answers".to_owned(),
        (Role::Steered, Some(title)) => format!("steered: {title}"),
        (Role::Steered, None) => "steered".to_owned(),
        (Role::Landmark, _) => String::new(),
    }
}

/// A legend of the given respondents.
pub(super) fn legend(members: &[Member<'_>], shifts: &[ShiftSummary]) -> Vec<LegendEntry> {
    let note = |member: &Member<'_>| {
        let own = shifts.iter().find(|shift| shift.respondent == member.name());
        part_of(member.summary.role, own.map(|shift| shift.title.as_str()))
    };
    members
        .iter()
        .map(|member| LegendEntry::new(member.name(), member.style, &note(member)))
        .collect()
}
