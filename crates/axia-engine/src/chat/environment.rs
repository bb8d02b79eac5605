//! A template engine that behaves like the one transformers renders chat templates with.

use std::borrow::Cow;
use std::io;
use std::time::SystemTime;

use fancy_regex::Regex;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Kwargs;
use minijinja::{Environment, Error, ErrorKind, Value};
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

use super::strftime::strftime;

/// The name of the one template.
pub(super) const TEMPLATE: &str = "chat";

/// An environment with the chat template `source` in it, and the functions such templates call.
pub(super) fn environment(source: &str) -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?;
    environment.set_syntax(syntax);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_function("raise_exception", raise_exception);
    environment.add_filter("tojson", to_json);
    set_clock(&mut environment, SystemTime::now);
    environment.add_template_owned(TEMPLATE, without_generation_tags(source).into_owned())?;
    Ok(environment)
}

/// Makes `strftime_now` tell the time of `clock`.
pub(super) fn set_clock(
    environment: &mut Environment<'static>,
    clock: impl Fn() -> SystemTime + Send + Sync + 'static,
) {
    environment.add_function("strftime_now", move |format: String| {
        strftime(&format, clock()).map_err(|directive| {
            let problem = format!("strftime_now does not know `{directive}`");
            Error::new(ErrorKind::InvalidOperation, problem)
        })
    });
}

/// transformers marks the model's own words with `{% generation %}`; they render as what they enclose.
fn without_generation_tags(source: &str) -> Cow<'_, str> {
    if !source.contains("generation") {
        return Cow::Borrowed(source);
    }
    // The tag becomes a condition that always holds, so that white space is trimmed as before.
    let replaced = |tag: &str, by: &str, source: &str| {
        let pattern = format!(r"(\{{%[-+]?\s*){tag}(\s*[-+]?%\}})");
        Regex::new(&pattern)
            .map(|regex| regex.replace_all(source, format!("${{1}}{by}${{2}}")).into_owned())
    };
    replaced("generation", "if true", source)
        .and_then(|source| replaced("endgeneration", "endif", &source))
        .map_or(Cow::Borrowed(source), Cow::Owned)
}

fn raise_exception(message: String) -> Result<Value, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, message))
}

/// Python's `json.dumps`, without the escapes for web pages that Jinja adds.
fn to_json(value: &Value, options: Kwargs) -> Result<Value, Error> {
    let indent: Option<usize> = options.get("indent")?;
    let ensure_ascii: Option<bool> = options.get("ensure_ascii")?;
    options.assert_all_used()?;
    if ensure_ascii == Some(true) {
        let problem = "tojson with ensure_ascii=true is not supported";
        return Err(Error::new(ErrorKind::InvalidOperation, problem));
    }
    let text = match indent {
        Some(width) => {
            let indent = " ".repeat(width.min(16));
            serialised(value, PrettyFormatter::with_indent(indent.as_bytes()))
        }
        None => serialised(value, PythonFormatter),
    };
    text.map(Value::from_safe_string)
}

fn serialised(value: &Value, formatter: impl Formatter) -> Result<String, Error> {
    let failed = |problem: String| Error::new(ErrorKind::InvalidOperation, problem);
    let mut bytes = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut bytes, formatter);
    value.serialize(&mut serializer).map_err(|error| failed(format!("tojson: {error}")))?;
    String::from_utf8(bytes).map_err(|error| failed(format!("tojson: {error}")))
}

/// One line, with a space after commas and colons.
struct PythonFormatter;

impl Formatter for PythonFormatter {
    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }
}
