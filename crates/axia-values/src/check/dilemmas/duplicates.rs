//! Posts that occur twice, or nearly so.

use std::collections::{BTreeMap, HashMap};

use crate::check::duplicates::{content_words, letter_sketch, similar_pairs};
use crate::check::{Finding, Rule, Severity};
use crate::dilemma::{Dilemma, DilemmaSet};

/// Similarity of letters (8-grams) above which two posts are nearly the same. Posts on different
/// matters have about 0.01.
const LETTER_LIMIT: f64 = 0.15;
/// Similarity of content words above which two posts are nearly the same. Posts on different
/// matters have about 0.1.
const WORD_LIMIT: f64 = 0.35;
/// Posts with fewer content words are too short to compare by words.
const MIN_WORDS: usize = 20;

pub(super) fn check(set: &DilemmaSet, findings: &mut Vec<Finding>) {
    same_ids(&set.dilemmas, findings);
    let clusters = same_posts(&set.dilemmas, findings);
    nearly_same(&clusters, findings);
}

fn same_ids(dilemmas: &[Dilemma], findings: &mut Vec<Finding>) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    dilemmas.iter().for_each(|dilemma| *counts.entry(&dilemma.id).or_default() += 1);
    for (id, count) in counts.into_iter().filter(|(_, count)| *count > 1) {
        findings.push(Finding {
            severity: Severity::Error,
            rule: Rule::Duplicate,
            items: vec![id.to_owned()],
            message: format!("{count} dilemmas have the same id"),
        });
    }
}

/// Reports posts that occur more than once; gives one dilemma of each cluster.
fn same_posts<'a>(dilemmas: &'a [Dilemma], findings: &mut Vec<Finding>) -> Vec<&'a Dilemma> {
    let mut clusters: Vec<Vec<&Dilemma>> = Vec::new();
    let mut of_name: HashMap<String, usize> = HashMap::new();
    for dilemma in dilemmas {
        let cluster = *of_name.entry(dilemma.cluster()).or_insert(clusters.len());
        match clusters.get_mut(cluster) {
            Some(same) => same.push(dilemma),
            None => clusters.push(vec![dilemma]),
        }
    }
    for same in clusters.iter().filter(|same| same.len() > 1) {
        let mut values: Vec<_> = same.iter().map(|dilemma| dilemma.value).collect();
        values.sort_unstable();
        values.dedup();
        let (severity, message) = if values.len() == same.len() {
            (Severity::Warning, "the same post stands under several values; it is one cluster")
        } else {
            (Severity::Error, "the same post stands under one value more than once")
        };
        findings.push(Finding {
            severity,
            rule: Rule::Duplicate,
            items: same.iter().map(|dilemma| dilemma.id.clone()).collect(),
            message: message.to_owned(),
        });
    }
    clusters.into_iter().filter_map(|same| same.first().copied()).collect()
}

/// Posts that are linked by similarity, directly or through others.
#[derive(Default)]
struct Group {
    posts: Vec<usize>,
    /// The highest similarity of letters among them.
    letters: f64,
    /// The highest similarity of words among them.
    words: f64,
}

/// One finding for each group of similar posts.
fn nearly_same(posts: &[&Dilemma], findings: &mut Vec<Finding>) {
    let letters: Vec<_> = posts.iter().map(|dilemma| letter_sketch(&dilemma.post)).collect();
    let words: Vec<_> = posts.iter().map(|dilemma| content_words(&dilemma.post)).collect();
    let by_letters = similar_pairs(&letters, LETTER_LIMIT);
    let mut by_words = similar_pairs(&words, WORD_LIMIT);
    by_words.retain(|&(i, j, _)| words[i].len().min(words[j].len()) >= MIN_WORDS);
    for group in groups(posts.len(), &by_letters, &by_words) {
        let how = if group.letters > group.words {
            format!("{:.0} % of the letters", group.letters * 100.0)
        } else {
            format!("{:.0} % of the words", group.words * 100.0)
        };
        findings.push(Finding {
            severity: Severity::Warning,
            rule: Rule::NearDuplicate,
            items: group.posts.iter().filter_map(|&i| Some(posts.get(i)?.id.clone())).collect(),
            message: format!("posts are nearly the same (up to {how})"),
        });
    }
}

/// The groups of two or more among `count` posts, by the pairs of similar ones.
fn groups(
    count: usize,
    by_letters: &[(usize, usize, f64)],
    by_words: &[(usize, usize, f64)],
) -> Vec<Group> {
    let mut first: Vec<usize> = (0..count).collect();
    for &(a, b, _) in by_letters.iter().chain(by_words) {
        let (a, b) = (find(&mut first, a), find(&mut first, b));
        first[a.max(b)] = a.min(b);
    }
    let mut groups: BTreeMap<usize, Group> = BTreeMap::new();
    for post in 0..count {
        groups.entry(find(&mut first, post)).or_default().posts.push(post);
    }
    for &(a, _, share) in by_letters {
        let group = groups.entry(find(&mut first, a)).or_default();
        group.letters = group.letters.max(share);
    }
    for &(a, _, share) in by_words {
        let group = groups.entry(find(&mut first, a)).or_default();
        group.words = group.words.max(share);
    }
    groups.into_values().filter(|group| group.posts.len() > 1).collect()
}

/// The first post of a post's group, with the way to it shortened (union–find).
fn find(first: &mut [usize], mut post: usize) -> usize {
    while first[post] != post {
        first[post] = first[first[post]];
        post = first[post];
    }
    post
}
