//! Words, sentences and readability of English text.

/// The words of a text in lower case: letters and digits, with apostrophes and hyphens inside.
/// Curly apostrophes become straight ones.
pub(super) fn words(text: &str) -> Vec<String> {
    let text = text.replace('\u{2019}', "'").to_lowercase();
    text.split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '-')
        .map(|word| word.trim_matches(['\'', '-']))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Words of a text that begin with one of `stems`, with the stem. Words with hyphens count as a
/// whole and in their parts.
pub(super) fn stems_in(text: &str, stems: &[&'static str]) -> Vec<(String, &'static str)> {
    words(text)
        .into_iter()
        .filter_map(|word| {
            let stem = stems.iter().find(|&&stem| {
                word.starts_with(stem) || word.split('-').any(|part| part.starts_with(stem))
            })?;
            Some((word, *stem))
        })
        .collect()
}

/// The sentences of a text, at least one.
fn count_sentences(text: &str) -> usize {
    let ends = text.split(['.', '!', '?']).filter(|part| part.chars().any(char::is_alphanumeric));
    ends.count().max(1)
}

/// Syllables of an English word, by the usual heuristic: groups of the vowels a, e, i, o, u, y
/// count one each, without a silent final "e" ("make", but not "table"), "es" ("makes") or
/// "ed" ("baked", but not "wanted"); at least one.
#[must_use]
pub fn count_syllables(word: &str) -> usize {
    let letters: Vec<char> =
        word.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase).collect();
    let is_vowel = |c: &char| "aeiouy".contains(*c);
    let starts = letters.iter().enumerate().filter(|(index, letter)| {
        let follows_vowel = index.checked_sub(1).is_some_and(|i| is_vowel(&letters[i]));
        is_vowel(letter) && !follows_vowel
    });
    let groups = starts.count();
    let silent = match letters.as_slice() {
        [.., before, 'l', 'e'] => is_vowel(before),
        [.., before, 'e'] => !is_vowel(before),
        [.., before, 'e', 'd'] => !is_vowel(before) && !matches!(before, 't' | 'd'),
        [.., before, 'e', 's'] => {
            !is_vowel(before) && !matches!(before, 's' | 'x' | 'z' | 'c' | 'g' | 'h' | 'l')
        }
        _ => false,
    };
    (groups - usize::from(silent && groups > 1)).max(1)
}

/// The Flesch–Kincaid grade (Kincaid et al., 1975): years of American schooling that a text
/// asks for, 0.39 · words per sentence + 11.8 · syllables per word − 15.59.
#[must_use]
pub fn reading_grade(text: &str) -> f64 {
    let words = words(text);
    if words.is_empty() {
        return 0.0;
    }
    let syllables: usize = words.iter().map(|word| count_syllables(word)).sum();
    let count = words.len() as f64;
    0.39 * count / count_sentences(text) as f64 + 11.8 * syllables as f64 / count - 15.59
}

/// Whether a statement is in the first person singular.
pub(super) fn is_first_person(text: &str) -> bool {
    words(text).iter().any(|word| {
        matches!(word.as_str(), "i" | "me" | "my" | "mine" | "myself") || word.starts_with("i'")
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_keep_inner_marks() {
        assert_eq!(
            words("I don’t - 'mind' well-worn, 2 x!"),
            ["i", "don't", "mind", "well-worn", "2", "x"]
        );
        assert!(words(" … ").is_empty());
    }

    #[test]
    fn syllables_by_hand() {
        for (word, count) in [
            ("make", 1),
            ("table", 2),
            ("makes", 1),
            ("tables", 2),
            ("baked", 1),
            ("wanted", 2),
            ("house", 1),
            ("houses", 2),
            ("the", 1),
            ("people", 2),
            ("beautiful", 3),
            ("rhythm", 1),
            ("family", 3),
            ("friend", 1),
            ("x", 1),
            ("", 1),
            ("created", 2),
            ("smile", 1),
        ] {
            assert_eq!(count_syllables(word), count, "{word}");
        }
    }

    #[test]
    fn grades_by_hand() {
        // Six words, one sentence, six syllables: 0.39·6 + 11.8 − 15.59.
        assert!((reading_grade("The cat sat on the mat.") - (0.39 * 6.0 - 3.79)).abs() < 1e-9);
        assert!(
            reading_grade("Interdisciplinary organisational considerations predominate.") > 20.0
        );
        assert_eq!(reading_grade(""), 0.0);
    }

    #[test]
    fn first_person_is_singular() {
        assert!(is_first_person("On Sundays I'd rest.") && is_first_person("Give it to me."));
        assert!(!is_first_person("It is in Italy.") && !is_first_person("We are here."));
    }

    proptest! {
        #[test]
        fn any_text_has_a_grade(text in "\\PC{0,60}") {
            prop_assert!(reading_grade(&text).is_finite());
        }
    }
}
