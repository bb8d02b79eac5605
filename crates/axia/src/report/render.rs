//! Templates to text.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, context};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::ReportError;

const STYLE: &str = include_str!("template/style.css");
const SCRIPT: &str = include_str!("template/script.js");

/// What all pages share.
const FRAME: [Template; 2] = [
    ("layout.html", include_str!("template/layout.html")),
    ("parts.html", include_str!("template/parts.html")),
];

/// Name and source of a template. Names end in `.html`, so that everything is escaped unless marked
/// as safe.
pub(crate) type Template = (&'static str, &'static str);

/// A figure under its title, which may be empty. The SVG comes from this program and is not escaped again.
#[derive(Debug, Serialize)]
pub(crate) struct Figure {
    pub svg: String,
    pub title: String,
}

/// Renders the first of `templates`, which may include the others, with `page`.
///
/// # Errors
/// [`ReportError::Page`] if a template cannot be rendered.
pub(crate) fn render(templates: &[Template], page: impl Serialize) -> Result<String, ReportError> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?;
    environment.set_syntax(syntax);
    for (name, source) in FRAME.iter().chain(templates) {
        environment.add_template(name, source)?;
    }
    let first = templates.first().map_or("layout.html", |(name, _)| name);
    Ok(environment.get_template(first)?.render(context! {
        page => Serde(page),
        style => STYLE,
        script => SCRIPT,
        policy => policy(SCRIPT),
    })?)
}

/// A content security policy under which nothing is loaded from anywhere and only `script`
/// runs: were a text of the input ever to escape its quoting, it would still be inert.
fn policy(script: &str) -> String {
    let hash = base64(&Sha256::digest(script.as_bytes()));
    format!("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{hash}'")
}

/// Standard base64 with padding (RFC 4648, §4).
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let padded = [0, 1, 2].map(|index| u32::from(chunk.get(index).copied().unwrap_or(0)));
        let bits = padded[0] << 16 | padded[1] << 8 | padded[2];
        for place in 0..4 {
            let digit = (bits >> (18 - 6 * place) & 63) as usize;
            text.push(if place <= chunk.len() { char::from(ALPHABET[digit]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_vectors_of_rfc_4648() {
        let texts = ["", "f", "fo", "foo", "foob", "fooba", "foobar"];
        let encoded = texts.map(|text| base64(text.as_bytes()));
        assert_eq!(encoded, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]);
    }
}
