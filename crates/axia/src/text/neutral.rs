//! Text by strangers, as a model behind a server may read it.

use super::is_control;

/// `text` for a model's eyes, and whether it differs from `text`.
///
/// Tokenizers turn control tokens that are spelled out in a message (`<|im_end|>`, `</s>`,
/// `[INST]`, `>>TITLE<<`) into the real ones, and chat servers let them. A space after each `<`,
/// `[` and `>` that may begin one makes them plain words. The same space keeps a post from ending
/// the block that it is quoted in. Control characters and marks of writing direction are left out.
pub(crate) fn neutralise(text: &str) -> (String, bool) {
    // First, for a character left out must not join the halves of a token.
    let visible: String =
        text.chars().filter(|&c| matches!(c, '\n' | '\t') || !is_control(c)).collect();
    let mut neutral = String::with_capacity(visible.len());
    for (at, c) in visible.char_indices() {
        neutral.push(c);
        if may_begin_token(c, &visible[at + c.len_utf8()..]) {
            neutral.push(' ');
        }
    }
    let changed = neutral != text;
    (neutral, changed)
}

/// Whether `c`, followed by `rest`, may be the beginning of a control token.
fn may_begin_token(c: char, rest: &str) -> bool {
    let next = rest.chars().next();
    match c {
        '<' => next.is_some_and(|next| !next.is_whitespace() && !next.is_ascii_digit()),
        '>' => next == Some('>'),
        '[' => {
            let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '/');
            let name = rest.len() - rest.trim_start_matches(named).len();
            name > 0 && rest[name..].starts_with(']')
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TOKENS: [&str; 14] = [
        "<|im_end|>",
        "<|endoftext|>",
        "<s>",
        "</s>",
        "<start_of_turn>",
        "[INST]",
        "[/INST]",
        "[gMASK]",
        "<<SYS>>",
        "<think>",
        "<｜end▁of▁sentence｜>",
        ">>TITLE<<",
        "<file_sep>",
        "</post>",
    ];

    #[test]
    fn control_tokens_are_broken_up_wherever_they_stand() {
        for token in TOKENS {
            for text in [
                token.to_owned(),
                format!("a{token}b"),
                format!("<{token}"),
                format!(">{token}>"),
                format!("[{token}]"),
                format!("{token}{token}"),
                token.replacen('i', "\u{202e}i", 1).replacen('<', "<\u{0}", 1),
            ] {
                let (neutral, changed) = neutralise(&text);
                assert!(changed && !neutral.contains(token), "{text:?}: {neutral:?}");
            }
        }
    }

    #[test]
    fn words_stay_as_they_are() {
        for text in [
            "I <3 her, and 2 < 3.",
            "a -> b > c",
            "(M, 34) [sic!] [my 2 kids]",
            "é 👩‍👩‍👧\n\tרע",
            "{{ x }}",
        ] {
            assert_eq!(neutralise(text), (text.to_owned(), false));
        }
        assert_eq!(neutralise("[UPDATE] x"), ("[ UPDATE] x".to_owned(), true));
        assert_eq!(neutralise("\u{1b}[31mx\u{2066}y\r\n"), ("[31mxy\n".to_owned(), true));
    }

    #[test]
    fn nothing_but_spaces_is_added() {
        let text = "<<<a>>>[b][c]<|d|><";
        let (neutral, _) = neutralise(text);
        assert_eq!(neutral.replace(' ', ""), text);
        assert_eq!(neutralise(&neutral), (neutral.clone(), false));
        assert_eq!(neutralise(""), (String::new(), false));
    }

    proptest! {
        #[test]
        fn any_text_is_free_of_tokens_and_keeps_its_words(text in "([<>\\[\\]/|a-zI _{}\u{202e}\u{0}\n]|</post>|<\\|im_end\\|>){0,40}") {
            let (neutral, changed) = neutralise(&text);
            prop_assert_eq!(changed, neutral != text);
            prop_assert!(TOKENS.iter().all(|token| !neutral.contains(token)));
            let words = |text: &str| text.replace([' ', '\u{202e}', '\u{0}'], "");
            prop_assert_eq!(words(&neutral), words(&text));
            prop_assert_eq!(neutralise(&neutral), (neutral.clone(), false));
        }
    }
}
