//! The respondents of a run on its page.

use axia_values::profile::Profile;

use crate::report::figure::{Goal, Style};
use crate::report::{Cast, LegendEntry, Member, part_of};
use crate::run::Role;
use crate::study::summary::{RunSummary, ShiftSummary};

/// The respondents of a run.
pub(super) fn cast(summary: &RunSummary) -> Cast<'_> {
    let members = summary.respondents.iter();
    let members: Vec<(&str, Role, &Profile)> =
        members.map(|one| (one.name.as_str(), one.role, &one.profile)).collect();
    Cast::new(&members)
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

/// A legend of the given respondents.
pub(super) fn legend(members: &[Member<'_>], shifts: &[ShiftSummary]) -> Vec<LegendEntry> {
    let note = |member: &Member<'_>| {
        let own = shifts.iter().find(|shift| shift.respondent == member.name);
        part_of(member.role, own.map(|shift| shift.title.as_str()))
    };
    members
        .iter()
        .map(|member| LegendEntry::new(member.name, member.style, &note(member)))
        .collect()
}
