//! Whether a text is English.

use std::sync::LazyLock;

use whatlang::Lang;

use crate::dilemmas::words::WordSet;

/// Share of words that no other language has so many of. First-person English has about 0.35.
const ENGLISH_SHARE: f64 = 0.15;

/// Words that are common in English and hardly occur in texts of other languages.
const ENGLISH: &str = "the and my that with have had this not they would because about when she his \
    him of it but for you what were been from there their them said told just know want which who \
    if our your like dont didnt im its to i";

static COMMON: LazyLock<WordSet> = LazyLock::new(|| WordSet::new(ENGLISH.split_whitespace()));

/// Whether a text whose words have these hashes is English. Telling languages apart by their
/// letters takes longer than all other filters together, so plain cases are decided by their
/// commonest words.
pub(super) fn is_english(text: &str, words: &[u64]) -> bool {
    let common = &*COMMON;
    let english: usize = words.iter().map(|word| usize::from(common.holds(*word))).sum();
    english as f64 >= ENGLISH_SHARE * words.len() as f64
        || whatlang::detect(text).is_some_and(|found| found.lang() == Lang::Eng)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dilemmas::words::word_hashes;

    #[test]
    fn languages() {
        let is_english = |text| is_english(text, &word_hashes(text));
        assert!(is_english("My brother took the car and I told him that it's not his."));
        // Few common words, but English letters.
        assert!(is_english("Brother borrowed car without asking, crashed, refuses repair costs."));
        for other in [
            "Mein Bruder hat mein Auto genommen, und ich habe ihm gesagt, dass es nicht seins ist.",
            "Mi hermano tomó el coche y le dije que no era suyo, pero no me hizo caso.",
            "Mon frère a pris la voiture et je lui ai dit que ce n'était pas la sienne.",
            "Mój brat wziął samochód, a ja mu powiedziałem, że to nie jego.",
            "兄が私の車を勝手に使ったので、怒りました。",
        ] {
            assert!(!is_english(other), "{other}");
        }
    }
}
