//! Posts that are no first account of a conflict: about the forum itself, or sequels.

use memchr::memchr;
use memchr::memmem::Finder;
use regex::Regex;
use std::borrow::Cow;
use std::sync::LazyLock;

/// What a post is instead of a conflict to judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Special {
    /// About the forum.
    Meta,
    /// What happened after another post.
    Update,
}

static META_TITLE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^\W*(?i:meta)\b|[\[({]\s*(?i:meta)\s*[\])}]|\bMETA\b"));

static UPDATE_TITLE: LazyLock<Regex> = LazyLock::new(|| {
    let which = r"(?:(?:final|last|small|short|quick|mini|big|second|2nd|another|an?|slight)\s+)?";
    let update = format!(r"{which}update[sd]?\s*(?:\#?\d+)?");
    pattern(&format!(
        r"^\W*(?i:{update})\b|[\[({{]\s*(?i:{update})\s*[\])}}]|\bUPDATE[SD]?\b|[-–—:|.!?]\s*(?i:{update})\W*$"
    ))
});

static META_FLAIR: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)\b(?:meta|open forum|announcements?|mods?|moderators?|best of|contest)\b")
});

static UPDATE_FLAIR: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\bupdate[sd]?\b"));

/// Whether a cleaned title marks its post as special.
pub(crate) fn special_title(title: &str) -> Option<Special> {
    let lower = title.to_ascii_lowercase();
    if lower.contains("meta") && META_TITLE.is_match(title) {
        Some(Special::Meta)
    } else {
        (lower.contains("update") && UPDATE_TITLE.is_match(title)).then_some(Special::Update)
    }
}

/// Whether a flair marks its post as special. Verdicts, the usual flairs, do not.
pub(crate) fn special_flair(flair: &str) -> Option<Special> {
    if META_FLAIR.is_match(flair) {
        Some(Special::Meta)
    } else {
        UPDATE_FLAIR.is_match(flair).then_some(Special::Update)
    }
}

/// Compiles a pattern. Its word boundaries `\b` are those of ASCII, because those of Unicode make
/// the matcher many times slower on text with any other letter, such as a curly apostrophe.
pub(super) fn pattern(pattern: &str) -> Regex {
    Regex::new(&pattern.replace(r"\b", r"(?-u:\b)")).expect("the pattern is valid")
}

/// What stands for the name of a user, after what stood before it.
const USER: &str = "${1}[user]";

/// `[text](target)` and `![text](target)`. Targets may hold one level of parentheses.
static LINK: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"!?\[([^\[\]]*)\]\((?:[^()\s]|\([^()\s]*\))+(?:\s+"[^"\n]*")?\)"#));

/// Addresses with a scheme or `www.`, and those of common domains with a path. Marks that end a
/// sentence are no part of the address.
static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?x)
        <? (?i: \b https?:// | \b www\. ) [^\s<>]* [^\s<>.,;:!?"'’”)\]*_] >?
        | \b (?:[\w-]+\.)+ (?:com|org|net|edu|gov|io|co|uk|be|gg|tv|me|ly|it) /
          (?: [^\s<>]* [^\s<>.,;:!?"'’”)\]*_] )?"#,
    )
});

/// `u/name` and `/u/name` where no address or other word surrounds it.
static NAME: LazyLock<Regex> = LazyLock::new(|| pattern(r"(^|[^\w/])/?[uU]/[A-Za-z0-9_-]{2,30}"));

/// Links may stand in links, such as a picture that is one; deeper than this nobody writes them.
const NESTING: usize = 3;

/// How addresses without a scheme begin, but for the first letter, which may be a capital.
static WWW: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("ww."));

/// Reduces links to their text, removes addresses, and hides names of users; `None` if there are
/// none. What is removed leaves gaps in the white space.
pub(super) fn unlink(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut found = Cow::Borrowed(text);
    if memchr(b'[', bytes).is_some() {
        for _ in 0..NESTING {
            found = replace(&LINK, found, "$1");
        }
    }
    let has_slash = memchr(b'/', bytes).is_some();
    if has_slash || WWW.find(bytes).is_some() {
        found = replace(&ADDRESS, found, "");
    }
    if has_slash {
        found = replace(&NAME, found, USER);
    }
    match found {
        Cow::Borrowed(_) => None,
        Cow::Owned(text) => Some(text),
    }
}

fn replace<'a>(regex: &Regex, text: Cow<'a, str>, by: &str) -> Cow<'a, str> {
    match regex.replace_all(&text, by) {
        Cow::Borrowed(_) => text,
        Cow::Owned(replaced) => Cow::Owned(replaced),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles() {
        for title in ["META: too many rules", "[Meta] rules", "Meta - rules", "A META question"] {
            assert_eq!(special_title(title), Some(Special::Meta), "{title}");
        }
        for title in [
            "UPDATE: AITA for leaving",
            "[Update] AITA for leaving",
            "(update 2) AITA for leaving",
            "Final update: AITA",
            "AITA for leaving (UPDATE)",
            "AITA for leaving - update",
            "AITA for leaving UPDATE",
            "Update to my last post",
        ] {
            assert_eq!(special_title(title), Some(Special::Update), "{title}");
        }
        for title in [
            "AITA for refusing to update my mom?",
            "AITA for quitting Meta",
            "WIBTA if I sent an updated bill",
            "AITA for not giving an update",
            "AITA for metal music",
        ] {
            assert_eq!(special_title(title), None, "{title}");
        }
    }

    #[test]
    fn flairs() {
        assert_eq!(special_flair("META"), Some(Special::Meta));
        assert_eq!(special_flair("Open Forum"), Some(Special::Meta));
        assert_eq!(special_flair("UPDATE"), Some(Special::Update));
        for flair in ["Asshole", "Not the A-hole", "Everyone Sucks", "TL;DR", "", "modern"] {
            assert_eq!(special_flair(flair), None, "{flair}");
        }
    }

    fn unlinked(text: &str) -> String {
        unlink(text).unwrap_or(text.to_owned())
    }

    #[test]
    fn links_become_their_text() {
        for (text, expected) in [
            ("see [my post](https://a.b/c) now", "see my post now"),
            ("[a](/r/x/comments/1/b_(c)/) b", "a b"),
            ("[a](http://x.y \"title\") b", "a b"),
            ("![pic](img.png)", "pic"),
            ("[![pic](img.png)](https://x.y)", "pic"),
            ("[https://x.y/z](https://x.y/z), ok", ", ok"),
            ("[not a link] (aside)", "[not a link] (aside)"),
            ("[a]()", "[a]()"),
        ] {
            assert_eq!(unlinked(text), expected, "{text}");
        }
    }

    #[test]
    fn addresses_go() {
        for (text, expected) in [
            ("look: https://example.com/a?b=c_d. Then", "look: . Then"),
            ("(http://x.y/z)", "()"),
            ("<https://x.y>", ""),
            ("Www.Example.com!", "!"),
            ("on reddit.com/r/x and imgur.com/a1b2,", "on  and ,"),
            ("and/or he/she 24/7 1/2 a.m./p.m.", "and/or he/she 24/7 1/2 a.m./p.m."),
            ("I did.It went well", "I did.It went well"),
            ("awww. no", "awww. no"),
        ] {
            assert_eq!(unlinked(text), expected, "{text}");
        }
    }

    #[test]
    fn names_of_users_are_hidden() {
        for (text, expected) in [
            ("u/some_name-1 said", "[user] said"),
            ("thanks /u/abc!", "thanks [user]!"),
            ("(U/abc)", "([user])"),
            ("[u/abc](https://www.reddit.com/u/abc)", "[user]"),
            ("menu/items and sub r/u/x", "menu/items and sub r/u/x"),
        ] {
            assert_eq!(unlinked(text), expected, "{text}");
        }
    }
}
