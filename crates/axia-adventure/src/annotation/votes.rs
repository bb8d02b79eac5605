//! Sums over a game's variables: which of them stand for power, morality and so on.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::number::Number;
use crate::expression::log10;

/// Signs of variables by name.
pub type Signs = HashMap<String, f64>;

/// For each category, which variables belong to it and with which sign.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct VariableVotes {
    pub power: PowerVotes,
    pub cooperation: Signs,
    pub morality: Signs,
    pub honest: Signs,
    pub utility: Signs,
}

/// The categories of power.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct PowerVotes {
    pub social: SocialVotes,
    pub material: MaterialVotes,
    pub personal: PersonalVotes,
    pub military: Signs,
}

/// Social power.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct SocialVotes {
    pub relationships: Signs,
    pub influence: Signs,
}

/// Material power.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct MaterialVotes {
    pub items: Signs,
    pub economic: Signs,
}

/// Personal power.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct PersonalVotes {
    pub biological: Signs,
    pub skills: Signs,
    pub attitude: Signs,
}

/// Sums over the variables of each category; a category without variables is the whole number 0.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct VariableSums {
    pub power: PowerSums,
    pub cooperation: Number,
    pub morality: Number,
    pub honest: Number,
    pub utility: Number,
}

/// Sums of power.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct PowerSums {
    pub social: SocialSums,
    pub material: MaterialSums,
    pub personal: PersonalSums,
    pub military: Number,
}

/// Sums of social power.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct SocialSums {
    pub relationships: Number,
    pub influence: Number,
}

/// Sums of material power.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct MaterialSums {
    pub items: Number,
    pub economic: Number,
}

/// Sums of personal power.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct PersonalSums {
    pub biological: Number,
    pub skills: Number,
    pub attitude: Number,
}

impl VariableVotes {
    /// Sums over variables, which come in the order of their names. Values above 100 count with
    /// their decimal logarithm, so that a large purse does not outweigh everything else.
    pub fn sums<'a>(&self, stats: impl IntoIterator<Item = (&'a str, &'a Number)>) -> VariableSums {
        let stats: Vec<(&str, f64)> = stats
            .into_iter()
            .map(|(name, value)| {
                let x = value.to_f64();
                (name, if x > 100.0 { log10(x) } else { x })
            })
            .collect();
        let sum = |signs: &Signs| {
            let mut total = Number::Int(0);
            for (name, x) in &stats {
                if let Some(sign) = signs.get(*name) {
                    total = Number::Float(total.to_f64() + x * sign);
                }
            }
            total
        };
        VariableSums {
            power: PowerSums {
                social: SocialSums {
                    relationships: sum(&self.power.social.relationships),
                    influence: sum(&self.power.social.influence),
                },
                material: MaterialSums {
                    items: sum(&self.power.material.items),
                    economic: sum(&self.power.material.economic),
                },
                personal: PersonalSums {
                    biological: sum(&self.power.personal.biological),
                    skills: sum(&self.power.personal.skills),
                    attitude: sum(&self.power.personal.attitude),
                },
                military: sum(&self.power.military),
            },
            cooperation: sum(&self.cooperation),
            morality: sum(&self.morality),
            honest: sum(&self.honest),
            utility: sum(&self.utility),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_values_count_with_their_logarithm() {
        let votes = VariableVotes {
            utility: HashMap::from([("coin".into(), 1.0), ("debt".into(), -1.0)]),
            ..VariableVotes::default()
        };
        let stats =
            [("coin", Number::Int(1000)), ("debt", Number::Int(-1000)), ("x", Number::Int(5))];
        let sums = votes.sums(stats.iter().map(|(name, value)| (*name, value)));
        assert_eq!(sums.utility, Number::Float(1003.0));
        assert_eq!(sums.power.military, Number::Int(0));
    }
}
