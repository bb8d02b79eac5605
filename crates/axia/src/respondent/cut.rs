//! Making long posts fit.

use std::borrow::Cow;

/// What stands for the part that was cut.
const GAP: &str = " […] ";
/// How far a cut may move to fall between two words, in bytes.
const NUDGE: usize = 40;

/// A post as it is shown, and how many of its characters were cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown<'a> {
    /// The text.
    pub text: Cow<'a, str>,
    /// Characters left out of the middle.
    pub cut: usize,
}

/// Cuts as much out of the middle of `post` as is needed for it to fit: the beginning says what
/// the matter is, the end what is asked. `fits` says so of a text and is taken to hold of shorter
/// ones too; a text of more than `most` bytes is not even tried.
///
/// # Errors
/// Whatever `fits` returns.
pub fn cut_to_fit<E>(
    post: &str,
    most: usize,
    mut fits: impl FnMut(&str) -> Result<bool, E>,
) -> Result<Shown<'_>, E> {
    if post.len() <= most && fits(post)? {
        return Ok(Shown { text: Cow::Borrowed(post), cut: 0 });
    }
    let (mut low, mut high) = (0, post.len().min(most));
    while low < high {
        let middle = (low + high).div_ceil(2);
        if fits(&without_middle(post, middle).text)? {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    Ok(without_middle(post, low))
}

/// About `keep` bytes of `post`, half from its beginning, half from its end.
fn without_middle(post: &str, keep: usize) -> Shown<'static> {
    let head = &post[..boundary(post, keep / 2)];
    let tail = &post[boundary(post, post.len() - keep.div_ceil(2).min(post.len() - head.len()))..];
    let between_words = |at: usize, len: usize| len - at <= NUDGE;
    let head = match head.rfind(char::is_whitespace) {
        Some(space) if between_words(space, head.len()) => &head[..space],
        _ => head,
    };
    let tail = match tail.find(char::is_whitespace) {
        Some(space) if space <= NUDGE => tail[space..].trim_start(),
        _ => tail,
    };
    let cut = post.chars().count() - head.chars().count() - tail.chars().count();
    Shown { text: Cow::Owned([head.trim_end(), GAP, tail].concat()), cut }
}

/// The last place at or before `at` that does not split a character.
fn boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(post: &str, most: usize) -> Shown<'_> {
        cut_to_fit::<()>(post, usize::MAX, |text| Ok(text.chars().count() <= most)).unwrap()
    }

    #[test]
    fn the_middle_goes() {
        let post = "one two three four five six seven eight nine ten";
        let shown = cut(post, 30);
        assert_eq!(shown.text, "one two three […] nine ten");
        assert_eq!(shown.cut, post.len() - "one two three".len() - "nine ten".len());
        assert_eq!(cut(post, 48), Shown { text: Cow::Borrowed(post), cut: 0 });
    }

    #[test]
    fn a_post_without_a_space_is_cut_too() {
        let post = "a".repeat(1 << 20);
        let mut tried = 0;
        let shown = cut_to_fit::<()>(&post, 4096, |text| {
            tried = tried.max(text.len());
            Ok(text.len() <= 100)
        })
        .unwrap();
        assert!(shown.text.len() <= 100 && shown.text.len() > 80, "{}", shown.text);
        assert!(tried < 5000, "{tried} bytes were tried");
    }

    proptest! {
        #[test]
        fn any_text_is_made_to_fit(post in "\\PC{0,120}", most in 5..80usize) {
            let shown = cut(&post, most);
            prop_assert!(shown.text.chars().count() <= most || post.is_empty());
            if shown.cut == 0 && post.chars().count() <= most {
                prop_assert_eq!(shown.text.as_ref(), post.as_str());
            }
        }
    }
}
