//! Values of every level: basic, higher-order, refined, and the facets of refined ones.

use super::spelling::{named_value, nearest, normalise};
use super::{RefinedValue, UnknownFacet};
use std::str::FromStr;

/// A refined, basic or higher-order value.
///
/// Four names (stimulation, hedonism, achievement, tradition) are shared by a refined and a basic
/// value. Alone they mean the refined value; the basic one is written with its level, as in
/// `basic-tradition` or `Basic: tradition`. Every slug so reads back as the value it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// One of twenty.
    Refined(RefinedValue),
    /// One of ten.
    Basic(BasicValue),
    /// One of four.
    Higher(HigherValue),
}

impl Value {
    /// All 34 values: refined, then basic, then higher-order, each in circular order.
    pub fn all() -> impl Iterator<Item = Self> {
        let refined = RefinedValue::ALL.into_iter().map(Self::Refined);
        let basic = BasicValue::ALL.into_iter().map(Self::Basic);
        refined.chain(basic).chain(HigherValue::ALL.into_iter().map(Self::Higher))
    }

    /// The refined values it consists of, in circular order; itself for a refined value.
    #[must_use]
    pub fn refined(self) -> Vec<RefinedValue> {
        match self {
            Self::Refined(value) => vec![value],
            Self::Basic(value) => value.refined(),
            Self::Higher(value) => value.refined().to_vec(),
        }
    }

    /// Whether every refined value of `other` is one of this value's.
    ///
    /// Basic power covers power-dominance; the refined tradition does not cover basic tradition,
    /// which also holds humility.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        let own = self.refined();
        other.refined().iter().all(|value| own.contains(value))
    }

    /// The canonical spelling, unambiguous between levels: `tradition` is the refined value,
    /// `basic-tradition` the basic one.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Refined(value) => value.slug(),
            Self::Basic(BasicValue::Stimulation) => "basic-stimulation",
            Self::Basic(BasicValue::Hedonism) => "basic-hedonism",
            Self::Basic(BasicValue::Achievement) => "basic-achievement",
            Self::Basic(BasicValue::Tradition) => "basic-tradition",
            Self::Basic(value) => value.slug(),
            Self::Higher(value) => value.slug(),
        }
    }

    /// The name for people, such as `Power: dominance`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Refined(value) => value.label(),
            Self::Basic(value) => value.label(),
            Self::Higher(value) => value.label(),
        }
    }

    /// The name of its level: `refined`, `basic` or `higher`.
    #[must_use]
    pub const fn level(self) -> &'static str {
        match self {
            Self::Refined(_) => "refined",
            Self::Basic(_) => "basic",
            Self::Higher(_) => "higher",
        }
    }

    fn find(normalised: &str) -> Option<Self> {
        let refined = |name: &str| RefinedValue::find(name).map(Self::Refined);
        let basic = |name: &str| BasicValue::find(name).map(Self::Basic);
        let higher = |name: &str| HigherValue::find(name).map(Self::Higher);
        let by_level = || {
            if let Some(rest) = normalised.strip_prefix("refined") {
                refined(rest)
            } else if let Some(rest) = normalised.strip_prefix("basic") {
                basic(rest)
            } else {
                higher(normalised.strip_prefix("higher")?)
            }
        };
        refined(normalised)
            .or_else(|| basic(normalised))
            .or_else(|| higher(normalised))
            .or_else(by_level)
    }
}

impl From<RefinedValue> for Value {
    fn from(value: RefinedValue) -> Self {
        Self::Refined(value)
    }
}

impl From<BasicValue> for Value {
    fn from(value: BasicValue) -> Self {
        Self::Basic(value)
    }
}

impl From<HigherValue> for Value {
    fn from(value: HigherValue) -> Self {
        Self::Higher(value)
    }
}

named_value!(Value, Self::all().map(Self::slug));

/// One of Schwartz's ten basic values, in circular order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each variant is a term of the theory, named in `label`")]
pub enum BasicValue {
    SelfDirection,
    Stimulation,
    Hedonism,
    Achievement,
    Power,
    Security,
    Conformity,
    Tradition,
    Benevolence,
    Universalism,
}

impl BasicValue {
    /// All basic values in circular order.
    pub const ALL: [Self; 10] = [
        Self::SelfDirection,
        Self::Stimulation,
        Self::Hedonism,
        Self::Achievement,
        Self::Power,
        Self::Security,
        Self::Conformity,
        Self::Tradition,
        Self::Benevolence,
        Self::Universalism,
    ];

    /// Slug, label and abbreviation.
    const fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::SelfDirection => ("self-direction", "Self-direction", "SD"),
            Self::Stimulation => ("stimulation", "Stimulation", "ST"),
            Self::Hedonism => ("hedonism", "Hedonism", "HE"),
            Self::Achievement => ("achievement", "Achievement", "AC"),
            Self::Power => ("power", "Power", "PO"),
            Self::Security => ("security", "Security", "SE"),
            Self::Conformity => ("conformity", "Conformity", "CO"),
            Self::Tradition => ("tradition", "Tradition", "TR"),
            Self::Benevolence => ("benevolence", "Benevolence", "BE"),
            Self::Universalism => ("universalism", "Universalism", "UN"),
        }
    }

    /// The canonical spelling among basic values, such as `self-direction`.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        self.names().0
    }

    /// The name for people, such as `Self-direction`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        self.names().1
    }

    /// The abbreviation used in the literature, such as `SD`.
    #[must_use]
    pub const fn abbreviation(self) -> &'static str {
        self.names().2
    }

    /// Its refined values in circular order: one to four.
    #[must_use]
    pub fn refined(self) -> Vec<RefinedValue> {
        RefinedValue::ALL.into_iter().filter(|value| value.basic() == self).collect()
    }

    /// The value of exactly this (normalised) name or abbreviation.
    pub(super) fn find(normalised: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|value| {
            normalise(value.slug()) == normalised
                || value.abbreviation().eq_ignore_ascii_case(normalised)
        })
    }
}

named_value!(BasicValue, Self::ALL.map(Self::slug));

/// One of the four higher-order values, in circular order.
///
/// Border values belong to both of their neighbours: hedonism to openness to change and
/// self-enhancement, face to self-enhancement and conservation, humility to conservation and
/// self-transcendence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each variant is a term of the theory, named in `label`")]
pub enum HigherValue {
    OpennessToChange,
    SelfEnhancement,
    Conservation,
    SelfTranscendence,
}

impl HigherValue {
    /// All higher-order values in circular order.
    pub const ALL: [Self; 4] = [
        Self::OpennessToChange,
        Self::SelfEnhancement,
        Self::Conservation,
        Self::SelfTranscendence,
    ];

    /// Slug, label and further (normalised) spellings.
    const fn names(self) -> (&'static str, &'static str, &'static [&'static str]) {
        match self {
            Self::OpennessToChange => {
                ("openness-to-change", "Openness to change", &["openness", "opennesschange", "oc"])
            }
            Self::SelfEnhancement => ("self-enhancement", "Self-enhancement", &["enhancement"]),
            Self::Conservation => ("conservation", "Conservation", &["cons"]),
            Self::SelfTranscendence => {
                ("self-transcendence", "Self-transcendence", &["transcendence"])
            }
        }
    }

    /// The canonical spelling, such as `openness-to-change`.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        self.names().0
    }

    /// The name for people, such as `Openness to change`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        self.names().1
    }

    /// Its refined values in circular order, border values included.
    #[must_use]
    pub fn refined(self) -> &'static [RefinedValue] {
        let (from, to) = match self {
            Self::OpennessToChange => (RefinedValue::SelfDirectionThought, RefinedValue::Hedonism),
            Self::SelfEnhancement => (RefinedValue::Hedonism, RefinedValue::Face),
            Self::Conservation => (RefinedValue::Face, RefinedValue::Humility),
            Self::SelfTranscendence => {
                (RefinedValue::Humility, RefinedValue::UniversalismObjectivity)
            }
        };
        &RefinedValue::ALL[from.position()..=to.position()]
    }

    /// The value of exactly this (normalised) name or alias.
    pub(super) fn find(normalised: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|value| {
            let (slug, _, aliases) = value.names();
            normalise(slug) == normalised || aliases.contains(&normalised)
        })
    }
}

named_value!(HigherValue, Self::ALL.map(Self::slug));

/// A facet: one concrete goal that a refined value is made of.
#[derive(Debug, PartialEq, Eq)]
pub struct Facet {
    /// The canonical name, such as `be creative`.
    pub name: &'static str,
    /// The refined value it belongs to.
    pub value: RefinedValue,
    /// Word stems that name the facet: a statement that uses one gives its facet away.
    pub leak_stems: &'static [&'static str],
}

const fn facet(
    value: RefinedValue,
    name: &'static str,
    leak_stems: &'static [&'static str],
) -> Facet {
    Facet { name, value, leak_stems }
}

impl Facet {
    /// All facets, by the circular order of their values.
    #[rustfmt::skip]
    pub const ALL: &'static [Self] = &{
        use RefinedValue as V;
        [
            facet(V::SelfDirectionThought, "be creative", &["creativ"]),
            facet(V::SelfDirectionThought, "be curious", &["curious", "curiosit"]),
            facet(V::SelfDirectionThought, "have freedom of thought", &["freedom", "freely", "free-think"]),
            facet(V::SelfDirectionAction, "be choosing own goals", &["goal"]),
            facet(V::SelfDirectionAction, "be independent", &["independen"]),
            facet(V::SelfDirectionAction, "have freedom of action", &["freedom", "freely"]),
            facet(V::SelfDirectionAction, "have privacy", &["privacy", "private"]),
            facet(V::Stimulation, "have an exciting life", &["excit"]),
            facet(V::Stimulation, "have a varied life", &["varied", "variety"]),
            facet(V::Stimulation, "be daring", &["daring", "dare"]),
            facet(V::Hedonism, "have pleasure", &["pleasur"]),
            facet(V::Achievement, "be ambitious", &["ambiti"]),
            facet(V::Achievement, "have success", &["success", "succeed"]),
            facet(V::Achievement, "be capable", &["capable", "capabilit"]),
            facet(V::Achievement, "be intellectual", &["intellect"]),
            facet(V::Achievement, "be courageous", &["courag"]),
            facet(V::PowerDominance, "have influence", &["influen"]),
            facet(V::PowerDominance, "have the right to command", &["command"]),
            facet(V::PowerResources, "have wealth", &["wealth"]),
            facet(V::Face, "have social recognition", &["recogni"]),
            facet(V::Face, "have a good reputation", &["reputation"]),
            facet(V::SecurityPersonal, "have a sense of belonging", &["belong"]),
            facet(V::SecurityPersonal, "have good health", &["health"]),
            facet(V::SecurityPersonal, "have no debts", &["debt"]),
            facet(V::SecurityPersonal, "be neat and tidy", &["neat", "tidy", "tidi"]),
            facet(V::SecurityPersonal, "have a comfortable life", &["comfort"]),
            facet(V::SecuritySocietal, "have a safe country", &["safe"]),
            facet(V::SecuritySocietal, "have a stable society", &["stable", "stabil"]),
            facet(V::Tradition, "be respecting traditions", &["tradition"]),
            facet(V::Tradition, "be holding religious faith", &["religio", "faith"]),
            facet(V::ConformityRules, "be compliant", &["complian", "comply"]),
            facet(V::ConformityRules, "be self-disciplined", &["disciplin"]),
            facet(V::ConformityRules, "be behaving properly", &["proper", "behav"]),
            facet(V::ConformityInterpersonal, "be polite", &["polite"]),
            facet(V::ConformityInterpersonal, "be honoring elders", &["honor", "honour", "elder"]),
            facet(V::Humility, "be humble", &["humble", "humilit", "humbly"]),
            facet(V::Humility, "have life accepted as is", &["accept"]),
            facet(V::BenevolenceDependability, "be responsible", &["responsib"]),
            facet(V::BenevolenceDependability, "have loyalty towards friends", &["loyal"]),
            facet(V::BenevolenceCaring, "be helpful", &["helpful", "help"]),
            facet(V::BenevolenceCaring, "be honest", &["honest"]),
            facet(V::BenevolenceCaring, "be forgiving", &["forgiv", "forgave"]),
            facet(V::BenevolenceCaring, "have the own family secured", &["secur"]),
            facet(V::BenevolenceCaring, "be loving", &["love", "loving"]),
            facet(V::UniversalismConcern, "have equality", &["equal"]),
            facet(V::UniversalismConcern, "be just", &["justice", "unjust"]),
            facet(V::UniversalismConcern, "have a world at peace", &["peace"]),
            facet(V::UniversalismNature, "be protecting the environment", &["environment", "protect"]),
            facet(V::UniversalismNature, "have harmony with nature", &["harmon", "natur"]),
            facet(V::UniversalismNature, "have a world of beauty", &["beaut"]),
            facet(V::UniversalismTolerance, "be broadminded", &["broadmind", "broad-mind", "open-mind"]),
            facet(V::UniversalismTolerance, "have the wisdom to accept others", &["wisdom", "accept"]),
            facet(V::UniversalismObjectivity, "be logical", &["logic"]),
            facet(V::UniversalismObjectivity, "have an objective view", &["objectiv"]),
        ]
    };

    /// The facet of this name, however it is cased, spaced or hyphenated.
    ///
    /// # Errors
    /// [`UnknownFacet`] with the nearest facet.
    pub fn find(name: &str) -> Result<&'static Self, UnknownFacet> {
        let normalised = normalise(name);
        Self::ALL.iter().find(|facet| normalise(facet.name) == normalised).ok_or_else(|| {
            UnknownFacet {
                input: name.to_owned(),
                suggestion: nearest(name, Self::ALL.iter().map(|facet| facet.name))
                    .map(str::to_owned),
            }
        })
    }

    /// The name with hyphens, as used in item ids: `be-creative`.
    #[must_use]
    pub fn slug(&self) -> String {
        self.name.replace(' ', "-")
    }
}

impl FromStr for &'static Facet {
    type Err = UnknownFacet;

    fn from_str(name: &str) -> Result<Self, UnknownFacet> {
        Facet::find(name)
    }
}
