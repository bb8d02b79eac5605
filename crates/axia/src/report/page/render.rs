//! Templates to text.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, context};
use serde::Serialize;

use super::policy::policy;
use crate::report::ReportError;

const STYLE: &str = include_str!("../template/style.css");
const SCRIPT: &str = include_str!("../template/script.js");

/// Names end in `.html`, so that everything is escaped unless marked as safe.
const TEMPLATES: [(&str, &str); 10] = [
    ("layout.html", include_str!("../template/layout.html")),
    ("parts.html", include_str!("../template/parts.html")),
    ("report.html", include_str!("../template/report.html")),
    ("frontier.html", include_str!("../template/frontier.html")),
    ("perplexity.html", include_str!("../template/perplexity.html")),
    ("judgement.html", include_str!("../template/judgement.html")),
    ("play.html", include_str!("../template/play.html")),
    ("matrix.html", include_str!("../template/matrix.html")),
    ("methods.html", include_str!("../template/methods.html")),
    ("compare.html", include_str!("../template/compare.html")),
];

/// A figure under its title, which may be empty. The SVG comes from this program and is not escaped again.
#[derive(Debug, Serialize)]
pub(super) struct Figure {
    pub svg: String,
    pub title: String,
}

/// Renders a page of the given template.
pub(super) fn render(template: &str, page: impl Serialize) -> Result<String, ReportError> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?;
    environment.set_syntax(syntax);
    for (name, source) in TEMPLATES {
        environment.add_template(name, source)?;
    }
    let template = environment.get_template(template)?;
    Ok(template.render(context! {
        page => Serde(page),
        style => STYLE,
        script => SCRIPT,
        policy => policy(SCRIPT),
    })?)
}
