//! The twenty refined values.

use super::spelling::{named_value, normalise};
use super::{BasicValue, Facet, HigherValue};

/// One of the twenty refined values, declared in circular (circumplex) order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each variant is a term of the theory, named in `label`")]
pub enum RefinedValue {
    SelfDirectionThought,
    SelfDirectionAction,
    Stimulation,
    Hedonism,
    Achievement,
    PowerDominance,
    PowerResources,
    Face,
    SecurityPersonal,
    SecuritySocietal,
    Tradition,
    ConformityRules,
    ConformityInterpersonal,
    Humility,
    BenevolenceDependability,
    BenevolenceCaring,
    UniversalismConcern,
    UniversalismNature,
    UniversalismTolerance,
    UniversalismObjectivity,
}

/// What is known about a refined value, besides its place on the circle.
struct Entry {
    slug: &'static str,
    label: &'static str,
    abbreviation: &'static str,
    /// Spellings beyond slug, label and abbreviation, already normalised.
    aliases: &'static [&'static str],
    basic: BasicValue,
    /// Stems that name the value and so must not occur in its statements.
    leak_stems: &'static [&'static str],
}

const fn entry(
    slug: &'static str,
    label: &'static str,
    abbreviation: &'static str,
    aliases: &'static [&'static str],
    basic: BasicValue,
    leak_stems: &'static [&'static str],
) -> Entry {
    Entry { slug, label, abbreviation, aliases, basic, leak_stems }
}

impl RefinedValue {
    /// All refined values in circular order: each is a neighbour of the next, the last of the
    /// first.
    pub const ALL: [Self; 20] = [
        Self::SelfDirectionThought,
        Self::SelfDirectionAction,
        Self::Stimulation,
        Self::Hedonism,
        Self::Achievement,
        Self::PowerDominance,
        Self::PowerResources,
        Self::Face,
        Self::SecurityPersonal,
        Self::SecuritySocietal,
        Self::Tradition,
        Self::ConformityRules,
        Self::ConformityInterpersonal,
        Self::Humility,
        Self::BenevolenceDependability,
        Self::BenevolenceCaring,
        Self::UniversalismConcern,
        Self::UniversalismNature,
        Self::UniversalismTolerance,
        Self::UniversalismObjectivity,
    ];

    #[rustfmt::skip]
    const fn entry(self) -> Entry {
        use BasicValue as B;
        match self {
            Self::SelfDirectionThought => entry("self-direction-thought", "Self-direction: thought", "SDT", &["thoughtselfdirection"], B::SelfDirection, &["self-direct"]),
            Self::SelfDirectionAction => entry("self-direction-action", "Self-direction: action", "SDA", &["actionselfdirection"], B::SelfDirection, &["self-direct"]),
            Self::Stimulation => entry("stimulation", "Stimulation", "ST", &["sti"], B::Stimulation, &["stimulat"]),
            Self::Hedonism => entry("hedonism", "Hedonism", "HE", &["hed"], B::Hedonism, &["hedonis"]),
            Self::Achievement => entry("achievement", "Achievement", "AC", &["ach"], B::Achievement, &["achiev"]),
            Self::PowerDominance => entry("power-dominance", "Power: dominance", "POD", &["dominance", "dominancepower"], B::Power, &["power", "domina"]),
            Self::PowerResources => entry("power-resources", "Power: resources", "POR", &["resources", "resourcespower"], B::Power, &["power", "resources"]),
            Self::Face => entry("face", "Face", "FAC", &["powerface"], B::Power, &[]),
            Self::SecurityPersonal => entry("security-personal", "Security: personal", "SEP", &["personalsecurity"], B::Security, &["secur"]),
            Self::SecuritySocietal => entry("security-societal", "Security: societal", "SES", &["societalsecurity"], B::Security, &["secur"]),
            Self::Tradition => entry("tradition", "Tradition", "TR", &["tra"], B::Tradition, &["tradition"]),
            Self::ConformityRules => entry("conformity-rules", "Conformity: rules", "COR", &["rulesconformity"], B::Conformity, &["conform"]),
            Self::ConformityInterpersonal => entry("conformity-interpersonal", "Conformity: interpersonal", "COI", &["interpersonalconformity"], B::Conformity, &["conform"]),
            Self::Humility => entry("humility", "Humility", "HUM", &["hu", "traditionhumility"], B::Tradition, &["humilit", "humble"]),
            Self::BenevolenceDependability => entry("benevolence-dependability", "Benevolence: dependability", "BED", &["dependability"], B::Benevolence, &["benevol", "dependab"]),
            Self::BenevolenceCaring => entry("benevolence-caring", "Benevolence: caring", "BEC", &["benevolencecare", "caring"], B::Benevolence, &["benevol", "caring"]),
            Self::UniversalismConcern => entry("universalism-concern", "Universalism: concern", "UNC", &["universalismsocietalconcern"], B::Universalism, &["universal"]),
            Self::UniversalismNature => entry("universalism-nature", "Universalism: nature", "UNN", &[], B::Universalism, &["universal", "natur"]),
            Self::UniversalismTolerance => entry("universalism-tolerance", "Universalism: tolerance", "UNT", &["tolerance"], B::Universalism, &["universal", "toleran", "tolerat"]),
            Self::UniversalismObjectivity => entry("universalism-objectivity", "Universalism: objectivity", "UNO", &["objectivity"], B::Universalism, &["universal", "objectiv"]),
        }
    }

    /// The canonical spelling, such as `power-dominance`.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        self.entry().slug
    }

    /// The name for people, such as `Power: dominance`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        self.entry().label
    }

    /// The abbreviation used in the literature, such as `POD`.
    #[must_use]
    pub const fn abbreviation(self) -> &'static str {
        self.entry().abbreviation
    }

    /// The basic value that this value refines.
    #[must_use]
    pub const fn basic(self) -> BasicValue {
        self.entry().basic
    }

    /// The higher-order values it belongs to: one, or two for the border values hedonism, face
    /// and humility.
    #[must_use]
    pub fn higher(self) -> Vec<HigherValue> {
        HigherValue::ALL.into_iter().filter(|higher| higher.refined().contains(&self)).collect()
    }

    /// The facets that make up this value.
    pub fn facets(self) -> impl Iterator<Item = &'static Facet> {
        Facet::ALL.iter().filter(move |facet| facet.value == self)
    }

    /// Word stems that name the value: a statement that uses one gives its value away.
    #[must_use]
    pub const fn leak_stems(self) -> &'static [&'static str] {
        self.entry().leak_stems
    }

    /// Position on the circle, `0..20`.
    #[must_use]
    pub const fn position(self) -> usize {
        self as usize
    }

    /// The value of exactly this (normalised) name, abbreviation or alias.
    pub(super) fn find(normalised: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|value| {
            let entry = value.entry();
            normalise(entry.slug) == normalised
                || entry.abbreviation.eq_ignore_ascii_case(normalised)
                || entry.aliases.contains(&normalised)
        })
    }
}

/// Steps between two values along the circle, the shorter way round: `0..=10`.
#[must_use]
pub const fn circle_distance(a: RefinedValue, b: RefinedValue) -> usize {
    let steps = a.position().abs_diff(b.position());
    let around = RefinedValue::ALL.len() - steps;
    if steps < around { steps } else { around }
}

named_value!(RefinedValue, Self::ALL.map(Self::slug));
