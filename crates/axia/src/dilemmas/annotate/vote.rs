//! Several answers about one post.

use axia_values::dilemma::Stance;
use axia_values::taxonomy::RefinedValue;
use serde::{Deserialize, Serialize};

/// What an answer says, without its reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vote {
    /// The value at the centre of the conflict.
    pub value: RefinedValue,
    /// The verdict of a person high on it.
    pub high_stance: Stance,
    /// The verdict of a person low on it.
    pub low_stance: Stance,
}

/// What most votes say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Majority {
    pub(super) vote: Vote,
    /// Share of the votes that say just this.
    pub(super) agreement: f64,
}

/// The value with most votes, and among its votes the pair of stances with most.
///
/// # Errors
/// What is tied, in words.
pub(super) fn majority(votes: &[Vote]) -> Result<Majority, String> {
    let values: Vec<RefinedValue> = votes.iter().map(|vote| vote.value).collect();
    let value = most_frequent(&values).ok_or("the votes on the value tie")?;
    let for_value: Vec<Vote> = votes.iter().copied().filter(|vote| vote.value == value).collect();
    let vote = most_frequent(&for_value)
        .ok_or_else(|| format!("the votes on the stances tie (value {value})"))?;
    let agreeing = votes.iter().filter(|other| **other == vote).count();
    Ok(Majority { vote, agreement: agreeing as f64 / votes.len() as f64 })
}

/// The item that occurs more often than any other.
fn most_frequent<T: Copy + PartialEq>(items: &[T]) -> Option<T> {
    let count = |item: &T| items.iter().filter(|other| *other == item).count();
    let most = items.iter().map(count).max()?;
    let mut winners = items.iter().filter(|item| count(item) == most);
    let first = winners.next()?;
    winners.all(|other| other == first).then_some(*first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use RefinedValue::{Face, Hedonism, Humility};
    use Stance::{Neutral, Nta, Yta};

    fn vote(value: RefinedValue, high_stance: Stance, low_stance: Stance) -> Vote {
        Vote { value, high_stance, low_stance }
    }

    #[test]
    fn the_value_is_decided_first_then_its_stances() {
        // Face has three votes, though the commonest single answer is one for humility.
        let votes = [
            vote(Humility, Nta, Yta),
            vote(Face, Nta, Yta),
            vote(Humility, Nta, Yta),
            vote(Face, Yta, Nta),
            vote(Face, Yta, Nta),
        ];
        let majority = majority(&votes).unwrap();
        assert_eq!(majority.vote, vote(Face, Yta, Nta));
        assert_eq!(majority.agreement, 2.0 / 5.0);
    }

    #[test]
    fn a_single_vote_agrees_with_itself() {
        let only = vote(Face, Yta, Neutral);
        assert_eq!(majority(&[only]), Ok(Majority { vote: only, agreement: 1.0 }));
    }

    #[test]
    fn ties_are_no_majority() {
        let tie = majority(&[vote(Face, Nta, Yta), vote(Hedonism, Nta, Yta)]);
        assert_eq!(tie.unwrap_err(), "the votes on the value tie");
        let tie = majority(&[vote(Face, Nta, Yta), vote(Face, Yta, Nta), vote(Hedonism, Nta, Yta)]);
        assert_eq!(tie.unwrap_err(), "the votes on the stances tie (value face)");
        assert!(majority(&[]).is_err());
    }
}
