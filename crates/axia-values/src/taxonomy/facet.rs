//! The 54 facets of the refined values.

use std::str::FromStr;

use super::spelling::{nearest, normalise};
use super::{RefinedValue, UnknownFacet};

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
