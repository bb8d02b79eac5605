//! Entities, invisible characters, white space.

/// The longest entity that is decoded, `&` and `;` included.
const LONGEST_ENTITY: usize = 10;

/// Decodes HTML entities however often they were encoded, drops characters that are not seen
/// (zero-width, direction and other controls, tags), and normalises white space: no line begins or
/// ends with a space, spaces do not follow each other, paragraphs are parted by one empty line.
///
/// Stretches in which nothing has to change are copied as they are, which is nearly everything.
pub(super) fn plain(text: &str) -> String {
    let bytes = text.as_bytes();
    let has_entities = memchr::memchr(b'&', bytes).is_some();
    let mut plain = Plain { out: String::with_capacity(text.len()) };
    let mut end = End::Nothing;
    let (mut copied, mut at, mut retry) = (0, 0, 0);
    while let Some(&byte) = bytes.get(at) {
        if at >= retry
            && end == End::Text
            && let Some(stretch) = bytes[at..].first_chunk()
        {
            if is_settled(stretch, has_entities) {
                at += STRETCH;
                end = End::of(&bytes[..at]);
                continue;
            }
            retry = at + STRETCH;
        }
        let (length, next) = match byte {
            b' ' => (1, end.space()),
            b'\n' => (1, end.line_break()),
            b';' if has_entities => (1, None),
            b'!'..=b'~' => (1, Some(End::Text)),
            _ => {
                let c = text[at..].chars().next().unwrap_or_default();
                let stays = !(c.is_whitespace() || is_invisible(c));
                (c.len_utf8(), stays.then_some(End::Text))
            }
        };
        end = next.unwrap_or_else(|| {
            plain.out.push_str(&text[copied..at]);
            copied = at + length;
            // "\r\n" is one line break.
            if !text[at..].starts_with("\r\n") {
                text[at..copied].chars().for_each(|c| plain.push(c));
            }
            End::of(plain.out.as_bytes())
        });
        at += length;
    }
    plain.out.push_str(&text[copied..]);
    plain.out.truncate(plain.out.trim_end().len());
    plain.out
}

/// Bytes of text that are looked at together.
const STRETCH: usize = 32;

/// Whether a stretch, of which the last two bytes are a look ahead, is ASCII in which nothing has
/// to change, if text stands before it. Without branches, so that it takes a few vector
/// instructions.
fn is_settled(stretch: &[u8; STRETCH + 2], has_entities: bool) -> bool {
    let mut unsettled = false;
    for i in 0..STRETCH {
        let [a, b, c] = [stretch[i], stretch[i + 1], stretch[i + 2]];
        let [space, line] = [a == b' ', a == b'\n'];
        let gap_follows = (b == b' ') | (b == b'\n');
        unsettled |= !((b' '..=b'~').contains(&a) | line)
            | (has_entities & (a == b';'))
            | (space & gap_follows)
            | (line & ((b == b' ') | ((b == b'\n') & (c == b'\n'))));
    }
    !unsettled
}

/// How the text ends so far.
#[derive(Clone, Copy, PartialEq)]
enum End {
    /// It has not begun.
    Nothing,
    Text,
    Space,
    Line,
    Paragraph,
}

impl End {
    const fn of(text: &[u8]) -> Self {
        match text {
            [] => Self::Nothing,
            [.., b'\n', b'\n'] => Self::Paragraph,
            [.., b'\n'] => Self::Line,
            [.., b' '] => Self::Space,
            _ => Self::Text,
        }
    }

    /// How it ends with a space more, if that may stay.
    const fn space(self) -> Option<Self> {
        match self {
            Self::Text => Some(Self::Space),
            _ => None,
        }
    }

    /// How it ends with a line break more, if that may stay.
    const fn line_break(self) -> Option<Self> {
        match self {
            Self::Text => Some(Self::Line),
            Self::Line => Some(Self::Paragraph),
            _ => None,
        }
    }
}

/// Text in the making, for the characters that need a closer look.
struct Plain {
    out: String,
}

impl Plain {
    /// Adds a character. The one that completes an entity is added in the entity's stead, which
    /// may complete another: `&amp;lt;` becomes `&lt;` and then `<`.
    fn push(&mut self, mut c: char) {
        loop {
            match c {
                ';' => match self.take_entity() {
                    Some(decoded) => c = decoded,
                    None => return self.out.push(c),
                },
                '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                    return self.line_break();
                }
                _ if c.is_whitespace() => return self.space(),
                _ if is_invisible(c) => return,
                _ => return self.out.push(c),
            }
        }
    }

    fn space(&mut self) {
        if !(self.out.is_empty() || self.out.ends_with([' ', '\n'])) {
            self.out.push(' ');
        }
    }

    fn line_break(&mut self) {
        if self.out.ends_with(' ') {
            self.out.pop();
        }
        if !(self.out.is_empty() || self.out.ends_with("\n\n")) {
            self.out.push('\n');
        }
    }

    /// Takes an entity off the end that lacks but its `;`, and gives what it stands for.
    fn take_entity(&mut self) -> Option<char> {
        let bytes = self.out.as_bytes();
        let earliest = bytes.len().saturating_sub(LONGEST_ENTITY - 1);
        let start = earliest + memchr::memrchr(b'&', bytes.get(earliest..)?)?;
        let decoded = decode(self.out.get(start + 1..)?)?;
        self.out.truncate(start);
        Some(decoded)
    }
}

/// The character that `&{name};` stands for, for those that the site or its users write.
fn decode(name: &str) -> Option<char> {
    let code = match name {
        "amp" => return Some('&'),
        "lt" => return Some('<'),
        "gt" => return Some('>'),
        "quot" => return Some('"'),
        "apos" => return Some('\''),
        "nbsp" => return Some(' '),
        "mdash" => return Some('—'),
        "ndash" => return Some('–'),
        "hellip" => return Some('…'),
        _ => name.strip_prefix('#')?,
    };
    let number = match code.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => code.parse(),
    };
    char::from_u32(number.ok()?)
}

/// Characters that change nothing a reader sees, or only the order in which it is seen; text may
/// be hidden with them from people but not from models.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\0'..='\u{8}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}'
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn entities_are_decoded_however_often_they_were_encoded() {
        assert_eq!(plain("a &amp;&lt;b&gt; &quot;c&quot; d&#39;e"), "a &<b> \"c\" d'e");
        assert_eq!(plain("me &amp;amp;amp; you &amp;lt;3"), "me & you <3");
        assert_eq!(plain("a&amp;#x200B;b &amp;nbsp; c &#8217;"), "ab c ’");
        // Not entities, or none that stand for a character.
        for text in ["AT&T; fine", "&;", "&#xD800;", "&#;", "& amp;", "&unknown;", "a; b"] {
            assert_eq!(plain(text), text);
        }
        assert_eq!(plain("&#59&#59&#59;"), "&#59&#59;".replace("&#59&#59;", ";"));
    }

    #[test]
    fn what_is_not_seen_is_dropped() {
        assert_eq!(plain("a\u{200b}b\u{202e}c\u{feff}d\u{ad}e\u{e0041}f\u{7}g"), "abcdefg");
        assert_eq!(plain("caf\u{e9} \u{1f600} 漢字"), "café \u{1f600} 漢字");
    }

    /// [`plain`] without its short cuts.
    fn plain_slowly(text: &str) -> String {
        let mut plain = Plain { out: String::new() };
        text.replace("\r\n", "\n").chars().for_each(|c| plain.push(c));
        plain.out.trim_end().to_owned()
    }

    #[test]
    fn white_space_is_normalised() {
        assert_eq!(plain("  a \t b\u{a0}c  \r\n  d\r\n\r\n\r\n\n e \n"), "a b c\nd\n\ne");
        assert_eq!(plain("a\n&#x200B;\nb"), "a\n\nb");
        assert_eq!(plain(" \n &nbsp; \n"), "");
    }

    proptest! {
        #[test]
        fn short_cuts_change_nothing(
            text in "([a-z]{1,40}|[ \n]{1,4}|[a-z ]{30,60}|[;&é’\u{200b}\r\t\u{a0}]|&amp;|\r\n){0,12}",
        ) {
            prop_assert_eq!(plain(&text), plain_slowly(&text));
        }

        #[test]
        fn plain_text_stays_as_it_is(
            text in "(&(amp|lt|gt|#59|#38|#x200b|nbsp);?|[a&;#\\n\\r \u{200b}\u{a0}é]){0,24}",
        ) {
            let once = plain(&text);
            prop_assert_eq!(plain(&once), once.clone());
            prop_assert!(!once.chars().any(is_invisible));
            prop_assert!(!once.contains("  ") && !once.contains("\n\n\n") && !once.contains(" \n"));
        }
    }
}
