//! Replacing words and operators.

/// Whether `c` belongs to a word.
pub(super) fn word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Writes operators the way the evaluator knows them: `=` becomes `==`, `modulo` `%`, `^` `**`.
pub(crate) fn operators(text: &str) -> String {
    let mut out = text.replace('=', "==");
    if out.len() != text.len() {
        out = out.replace("<==", "<=").replace(">==", ">=").replace("!==", "!=");
    }
    for (from, to) in [("modulo", "%"), ("^", "**"), ("round(", "round_to_int(")] {
        if out.contains(from) {
            out = out.replace(from, to);
        }
    }
    out
}

/// Capitalises `true` and `false`, also inside longer words, wherever an even number of quotation
/// marks follows.
pub(crate) fn booleans(text: &str) -> String {
    let once = capitalise(text, ["TRUE", "true"], "True");
    capitalise(&once, ["FALSE", "false"], "False")
}

fn capitalise(text: &str, forms: [&str; 2], word: &str) -> String {
    if !forms.iter().any(|form| text.contains(form)) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut quotes = text.matches(['"', '\'']).count();
    while let Some(c) = rest.chars().next() {
        let form = forms.iter().find(|form| rest.starts_with(**form));
        let length = match form {
            Some(form) if quotes.is_multiple_of(2) => {
                out.push_str(word);
                form.len()
            }
            _ => {
                out.push(c);
                quotes -= usize::from(c == '"' || c == '\'');
                c.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    out
}

/// Appends `_` to keywords that are variables, outside double quotes.
pub(crate) fn keywords(text: &str, keywords: &[Box<str>]) -> String {
    if !keywords.iter().any(|word| text.contains(&**word)) {
        return text.to_owned();
    }
    outside_quotes(text, |rest, out| {
        let word = keywords.iter().find(|word| {
            rest.starts_with(&***word) && !rest[word.len()..].starts_with(word_char)
        })?;
        out.push_str(&word.to_lowercase());
        out.push('_');
        Some(word.len())
    })
}

/// Writes words that `known` recognises in lower case, outside double quotes.
pub(crate) fn repair_case(text: &str, known: impl Fn(&str) -> bool) -> String {
    outside_quotes(text, |rest, out| {
        let length = rest.find(|c| !word_char(c)).unwrap_or(rest.len());
        let lower = rest[..length].to_lowercase();
        if length == 0 || !known(&lower) {
            return None;
        }
        out.push_str(&lower);
        Some(length)
    })
}

/// Copies `text`; at each place outside double quotes that does not follow a word's character,
/// `word` may write something else and say how much of the text that stands for.
fn outside_quotes(text: &str, word: impl Fn(&str, &mut String) -> Option<usize>) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut at = 0;
    let mut previous = ' ';
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let quoted = if c == '"' { rest[1..].find('"').map(|end| end + 2) } else { None };
        let length = if let Some(length) = quoted {
            out.push_str(&rest[..length]);
            length
        } else if let Some(length) = if word_char(previous) { None } else { word(rest, &mut out) } {
            length
        } else {
            out.push(c);
            c.len_utf8()
        };
        previous = rest[..length].chars().next_back().unwrap_or(' ');
        at += length;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_change_inside_literals_too() {
        assert_eq!(operators("a = b"), "a == b");
        assert_eq!(operators("a >= b != c"), "a >= b != c");
        assert_eq!(operators("\"5 modulo 2^3\" round(x)"), "\"5 % 2**3\" round_to_int(x)");
        assert_eq!(operators("x => 5"), "x ==> 5");
    }

    #[test]
    fn booleans_change_outside_quotes() {
        assert_eq!(booleans("t = true"), "t = True");
        assert_eq!(booleans("trueblue and FALSE"), "Trueblue and False");
        assert_eq!(booleans("w = \"true\""), "w = \"true\"");
        assert_eq!(booleans("\"it's\" = true"), "\"it's\" = True", "marks before do not matter");
        assert_eq!(booleans("true = \"it's\""), "true = \"it's\"", "three marks follow");
    }

    #[test]
    fn keywords_get_an_underscore() {
        let words: Vec<Box<str>> = vec!["class".into(), "from".into()];
        assert_eq!(
            keywords("class&\"class\" classy from", &words),
            "class_&\"class\" classy from_"
        );
        assert_eq!(keywords("class_ CLASS", &words), "class_ CLASS");
        assert_eq!(
            keywords("\"open class", &words),
            "\"open class_",
            "an open quote hides nothing"
        );
    }

    #[test]
    fn case_is_repaired_word_by_word() {
        let known = |word: &str| matches!(word, "name" | "b");
        assert_eq!(
            repair_case("NAME + B + \"NAME\" + Names", known),
            "name + b + \"NAME\" + Names"
        );
    }
}
