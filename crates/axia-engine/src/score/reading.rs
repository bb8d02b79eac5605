//! A token and how likely it and its rivals were.

use crate::kernels::cpu::log_sum_exp;

/// What a model makes of one token, given the tokens before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The token.
    pub token: u32,
    /// Its log-probability.
    pub log_prob: f32,
    /// The likeliest tokens with theirs, likeliest first; ties go to the lower id.
    pub top: Vec<(u32, f32)>,
}

impl Reading {
    /// Reads `token` and the `top` likeliest tokens off `logits` `(vocab)`; nothing where they are
    /// not finite, or `token` is none of theirs.
    pub fn of(logits: &[f32], token: u32, top: usize) -> Option<Self> {
        let log_sum = log_sum_exp(logits);
        let log_prob = logits.get(token as usize)? - log_sum;
        let top = likeliest(logits, top);
        let top = top.into_iter().map(|token| (token, logits[token as usize] - log_sum));
        log_prob.is_finite().then(|| Self { token, log_prob, top: top.collect() })
    }
}

/// The `count` largest of `logits`, descending.
fn likeliest(logits: &[f32], count: usize) -> Vec<u32> {
    let mut found: Vec<u32> = Vec::with_capacity(count + 1);
    let mut least = f32::NEG_INFINITY;
    for (token, &logit) in logits.iter().enumerate() {
        if found.len() == count && logit <= least {
            continue;
        }
        let place = found.partition_point(|&other| logits[other as usize] >= logit);
        found.insert(place, token as u32);
        found.truncate(count);
        least = found.last().map_or(f32::INFINITY, |&token| logits[token as usize]);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn probabilities_are_the_softmax() {
        // Weights 1 : 2 : 5.
        let logits = [0.0, 2f32.ln(), 5f32.ln()];
        let reading = Reading::of(&logits, 1, 2).unwrap();
        assert!((reading.log_prob - 0.25f32.ln()).abs() < 1e-6);
        assert_eq!(reading.top.iter().map(|t| t.0).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(reading.top[1].1, reading.log_prob, "one number, not two roundings of it");
        assert_eq!(Reading::of(&logits, 0, 0).unwrap().top, []);
        assert_eq!(Reading::of(&logits, 0, 9).unwrap().top.len(), 3);
        assert_eq!(Reading::of(&logits, 3, 1), None);
        assert_eq!(Reading::of(&[0.0, f32::NAN], 0, 1), None);
        assert_eq!(Reading::of(&[0.0, f32::INFINITY], 0, 1), None);
    }

    proptest! {
        #[test]
        fn the_top_is_that_of_sorting(
            logits in prop::collection::vec((-4i8..4).prop_map(f32::from), 1..40),
            count in 0usize..45,
        ) {
            let mut order: Vec<u32> = (0..logits.len() as u32).collect();
            order.sort_by(|&a, &b| logits[b as usize].total_cmp(&logits[a as usize]));
            order.truncate(count);
            prop_assert_eq!(likeliest(&logits, count), order);
        }
    }
}
