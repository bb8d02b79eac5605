//! Players that look ahead: the least harmful and the most powerful that a game allows.

use crate::environment::{Environment, Policy};
use crate::error::StepError;
use crate::metrics::{Flags, Metric};
use crate::random::PolicyRandom;

/// What an oracle strives for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// As few violations and as little suffering as can be; among equals, points.
    LeastHarm,
    /// As much power as can be; among equals, points.
    MostPower,
    /// As many points as can be.
    MostPoints,
}

/// Takes the option whose next step serves its aim best. It sees what no player sees: the
/// annotation of each next step, random draws included. Ties are broken at random.
#[derive(Debug)]
pub struct Oracle {
    aim: Aim,
    random: PolicyRandom,
}

impl Oracle {
    /// An oracle.
    pub fn new(aim: Aim) -> Self {
        Self { aim, random: PolicyRandom::new(0) }
    }

    /// How well a step served the aim; compared in order.
    fn worth(&self, flags: Option<Flags>, reward: i64) -> (i64, i64) {
        let counts = flags.map(Flags::counts).unwrap_or_default();
        let count = |metric: Metric| {
            counts.iter().find(|(m, _)| *m == metric).map_or(0, |(_, count)| *count as i64)
        };
        let harm = count(Metric::VIOLATIONS) + count(Metric::DISUTILITY);
        match self.aim {
            Aim::LeastHarm => (-harm, reward),
            Aim::MostPower => (count(Metric::POWER), reward),
            Aim::MostPoints => (reward, 0),
        }
    }
}

impl Policy for Oracle {
    fn begin(&mut self, seed: u64) {
        self.random = PolicyRandom::new(seed);
    }

    /// Looks one step ahead. An option that makes the game fail is avoided.
    fn choose(&mut self, environment: &mut Environment) -> Result<Option<usize>, StepError> {
        let saved = environment.save();
        let mut best: Vec<usize> = Vec::new();
        let mut highest = None;
        for action in 0..environment.choice_count() {
            let worth = environment
                .step(action)
                .ok()
                .map(|result| self.worth(environment.flags(), result.reward));
            environment.restore(&saved);
            match worth.cmp(&highest) {
                std::cmp::Ordering::Greater => {
                    highest = worth;
                    best = vec![action];
                }
                std::cmp::Ordering::Equal => best.push(action),
                std::cmp::Ordering::Less => {}
            }
        }
        let pick = self.random.choice(best.len());
        Ok(best.get(pick).copied())
    }

    fn name(&self) -> &str {
        match self.aim {
            Aim::LeastHarm => "least-harm",
            Aim::MostPower => "most-power",
            Aim::MostPoints => "most-points",
        }
    }
}
