//! Whether lists of likeliest tokens can be relied on.

use crate::respondent::served::account::{Finding, State};
use crate::respondent::served::prompt_logprobs::SLACK;

pub(super) const ABOUT: &str = "first token";

type List<'a> = &'a [(String, f64)];

/// What the lists say that came with answers to different questions, when `asked` tokens were asked
/// for.
pub(super) fn judge(lists: &[List], asked: usize) -> Finding {
    let untrue = |found: String| Finding::new(ABOUT, State::Untrue, found);
    let shortest = lists.iter().map(|list| list.len()).min().unwrap_or_default();
    if shortest == 0 {
        let found = "it takes logprobs, and lists no likeliest tokens";
        return Finding::new(ABOUT, State::Absent, found);
    }
    for list in lists {
        let total: f64 = list.iter().map(|(_, logprob)| logprob.exp()).sum();
        if let Some((token, logprob)) = list.iter().find(|(_, logprob)| *logprob > SLACK) {
            return untrue(format!("{token:?} has the log-probability {logprob}"));
        }
        if total > 1.0 + SLACK {
            return untrue(format!(
                "the likeliest tokens have a probability of {total:.3} together"
            ));
        }
        let even = list.len() > 2 && list.iter().all(|(_, logprob)| *logprob == list[0].1);
        if even {
            return untrue("all tokens that it lists are equally probable".to_owned());
        }
    }
    let alike = lists.len() > 1 && lists.iter().all(|list| *list == lists[0]);
    if alike {
        return untrue("it lists the same tokens whatever is asked".to_owned());
    }
    if shortest < 2 {
        let found = format!("{asked} likeliest tokens were asked for, and one comes");
        return Finding::new(ABOUT, State::Untrue, found);
    }
    let found = match shortest < asked {
        true => format!("{asked} likeliest tokens were asked for, and {shortest} come"),
        false => format!("the {asked} likeliest tokens are listed"),
    };
    Finding::new(ABOUT, State::Works, found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[(&str, f64)]) -> Vec<(String, f64)> {
        entries.iter().map(|(token, p)| ((*token).to_owned(), p.ln())).collect()
    }

    fn state(lists: &[Vec<(String, f64)>]) -> (State, String) {
        let lists: Vec<List> = lists.iter().map(Vec::as_slice).collect();
        let found = judge(&lists, 3);
        (found.state, found.found)
    }

    #[test]
    fn good_lists_work_and_short_ones_are_noted() {
        let (a, b) =
            (list(&[("a", 0.6), ("b", 0.3), ("c", 0.05)]), list(&[("x", 0.5), ("y", 0.1)]));
        assert_eq!(state(&[a.clone(), a.clone(), b.clone()]).0, State::Works);
        let (short, words) = state(&[a, b]);
        assert_eq!(short, State::Works);
        assert!(words.contains("3 likeliest") && words.contains("and 2 come"), "{words}");
    }

    #[test]
    fn lists_that_cannot_be_are_not_believed() {
        let good = list(&[("a", 0.6), ("b", 0.3)]);
        for (bad, part) in [
            (vec![list(&[("a", 0.9), ("b", 0.8)]), good.clone()], "1.700"),
            (vec![list(&[("a", 1.5)]), good.clone()], "log-probability"),
            (vec![good.clone(), good.clone()], "whatever is asked"),
            (vec![list(&[("a", 0.2), ("b", 0.2), ("c", 0.2)]), good.clone()], "equally"),
            (vec![list(&[("a", 0.2)]), good.clone()], "one comes"),
        ] {
            let (state, words) = state(&bad);
            assert!(state == State::Untrue && words.contains(part), "{state:?} {words}");
        }
        assert_eq!(state(&[list(&[]), good]).0, State::Absent);
    }
}
