//! Everybody who answered, each with a look that stays the same through the page.

use axia_values::profile::Profile;
use serde::Serialize;

use super::figure::{Series, Style, swatch};
use crate::run::Role;

/// A respondent and its look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member<'a> {
    pub name: &'a str,
    pub role: Role,
    /// What it answered in the survey.
    pub profile: &'a Profile,
    pub style: Style,
}

impl<'a> Member<'a> {
    /// Its mean ratings, for figures.
    pub fn series(&self) -> Series {
        Series::means(self.name, self.style, &self.profile.dimensions)
    }
}

/// The respondents in their order.
#[derive(Debug)]
pub(crate) struct Cast<'a> {
    pub members: Vec<Member<'a>>,
}

impl<'a> Cast<'a> {
    /// The cast of those given by name, role and profile.
    pub fn new(members: &[(&'a str, Role, &'a Profile)]) -> Self {
        let styles = Style::of(members.iter().map(|(_, role, _)| *role));
        let members = members.iter().zip(styles);
        let member = |(&(name, role, profile), style)| Member { name, role, profile, style };
        Self { members: members.map(member).collect() }
    }

    pub fn find(&self, name: &str) -> Option<&Member<'a>> {
        self.members.iter().find(|member| member.name == name)
    }

    pub fn in_role(&self, role: Role) -> impl Iterator<Item = &Member<'a>> {
        self.members.iter().filter(move |member| member.role == role)
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

/// An entry of a legend.
#[derive(Debug, Serialize)]
pub(crate) struct LegendEntry {
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
pub(crate) fn part_of(role: Role, title: Option<&str>) -> String {
    match (role, title) {
        (Role::Base, _) => "the untouched model".to_owned(),
        (Role::Control, _) => "taught the base’s own answers".to_owned(),
        (Role::Steered, Some(title)) => format!("steered: {title}"),
        (Role::Steered, None) => "steered".to_owned(),
        (Role::Landmark, _) => String::new(),
    }
}
