//! Reading names as other people spell them.
//!
//! Two spellings are the same name when their letters and digits agree: case, spaces, hyphens,
//! underscores, colons, ampersands and the word "and" are ignored.

/// Names longer than this are neither searched for a near match nor quoted in full.
const LONGEST_NAME: usize = 60;

/// The letters and digits of `name` in lower case, without the word "and".
pub(super) fn normalise(name: &str) -> String {
    name.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.eq_ignore_ascii_case("and"))
        .flat_map(str::chars)
        .flat_map(char::to_lowercase)
        .collect()
}

/// `name` as it can be shown: cut, so that a whole file pasted into a field does not fill the
/// screen, and without characters that command a terminal or turn the direction of writing.
pub(crate) fn shorten(name: &str) -> String {
    let mut letters = name.chars();
    let shown = letters.by_ref().take(LONGEST_NAME);
    let shown: String = shown
        .map(|c| if is_invisible_command(c) { char::REPLACEMENT_CHARACTER } else { c })
        .collect();
    if letters.next().is_some() { format!("{shown}…") } else { shown }
}

/// Whether a character is a control code, or one of Unicode's marks for bidirectional text, with
/// which a text can be made to look like another.
pub(crate) fn is_invisible_command(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The candidate that is nearest to `name` in edit distance, if it is near enough to be meant:
/// at most a third of the letters differ, or one name begins with the other.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let wanted = normalise(name);
    let length = wanted.chars().count();
    if length == 0 || length > LONGEST_NAME {
        return None;
    }
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let known = normalise(candidate);
            let distance = edit_distance(&wanted, &known);
            let is_prefix = length >= 4 && known.starts_with(&wanted);
            let near =
                distance <= 2.max(length.max(known.chars().count()) / 3) && distance < length;
            (near || is_prefix).then_some((if is_prefix { 1 } else { distance }, candidate))
        })
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance in characters.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, &y) in row.iter_mut().skip(1).zip(&b) {
            let substituted = diagonal + usize::from(x != y);
            diagonal = *cell;
            left = substituted.min(left + 1).min(diagonal + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

/// Text and serde forms of a value type with `slug` and `find`: written as its slug, read from any
/// known spelling, refused with the nearest of `$slugs`.
macro_rules! named_value {
    ($type:ty, $slugs:expr) => {
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.slug())
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::taxonomy::UnknownValue;

            fn from_str(name: &str) -> Result<Self, Self::Err> {
                Self::find(&normalise(name)).ok_or_else(|| Self::Err {
                    input: name.to_owned(),
                    suggestion: $crate::taxonomy::nearest(name, $slugs).map(str::to_owned),
                })
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.slug())
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                String::deserialize(input)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(super) use named_value;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edit_distances_by_hand() {
        for (a, b, distance) in [
            ("", "", 0),
            ("a", "", 1),
            ("", "ab", 2),
            ("kitten", "sitting", 3),
            ("flaw", "lawn", 2),
        ] {
            assert_eq!(edit_distance(a, b), distance, "{a} {b}");
            assert_eq!(edit_distance(b, a), distance, "{b} {a}");
        }
    }

    #[test]
    fn normalising_ignores_case_and_punctuation() {
        assert_eq!(normalise(" Self_Direction: thought "), "selfdirectionthought");
        assert_eq!(normalise("Power & resources"), normalise("power and resources"));
        assert_eq!(normalise("Stand-and-deliver"), "standdeliver");
    }

    #[test]
    fn nothing_is_near_to_nonsense() {
        assert_eq!(nearest("xyzzy", ["face", "humility"]), None);
        assert_eq!(nearest(&"face".repeat(100), ["face"]), None);
        assert_eq!(nearest("humilty", ["face", "humility"]), Some("humility"));
        assert_eq!(nearest("self-dir", ["self-direction-thought"]), Some("self-direction-thought"));
    }
}
