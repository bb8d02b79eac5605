//! Splitting lines into words.

/// Words separated by white space, at most `most`; the last takes the rest of the line.
pub(crate) fn split_words(text: &str, most: usize) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if words.len() + 1 == most {
            words.push(rest.trim_end());
            break;
        }
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        words.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    words
}

/// Words separated by white space outside parentheses and double quotes.
pub(crate) fn parameters(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut start, mut depth, mut quoted) = (0, 0i64, false);
    for (at, c) in text.char_indices() {
        if c.is_whitespace() {
            if depth == 0 && !quoted {
                words.push(&text[start..at]);
                start = at + c.len_utf8();
            }
            continue;
        }
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            '"' => quoted = !quoted,
            _ => {}
        }
    }
    words.push(&text[start..]);
    words.retain_mut(|word| {
        *word = word.trim();
        !word.is_empty()
    });
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_takes_the_rest() {
        assert_eq!(split_words(" *set x  a + b ", 3), ["*set", "x", "a + b"]);
        assert_eq!(split_words("*set", 3), ["*set"]);
        assert_eq!(split_words("a b c", usize::MAX), ["a", "b", "c"]);
        assert!(split_words("  ", 3).is_empty());
    }

    #[test]
    fn parameters_keep_quotes_and_parentheses_together() {
        assert_eq!(
            parameters("*gosub show n \"two words\" (n + 1)"),
            ["*gosub", "show", "n", "\"two words\"", "(n + 1)"]
        );
        assert_eq!(parameters("a) b"), ["a) b"]);
        assert!(parameters("  ").is_empty());
    }
}
