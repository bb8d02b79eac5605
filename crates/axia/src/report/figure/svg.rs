//! A writer of inline SVG: escaped text, finite and short coordinates, and scales with ticks.

use minijinja::HtmlEscape;
use std::fmt::Write as _;

/// Where a text is anchored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

impl Anchor {
    const fn attribute(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Middle => "middle",
            Self::End => "end",
        }
    }
}

/// A point in user units, y downwards.
pub(crate) type Point = (f64, f64);

/// An SVG element under construction. Appearance is left to the style sheet, by class.
pub(crate) struct Svg {
    body: String,
    size: Point,
}

impl Svg {
    pub fn new(width: f64, height: f64) -> Self {
        Self { body: String::new(), size: (width, height) }
    }

    /// The whole element. It is never wider than drawn, and never so small that its texts could
    /// not be read (`min_width`, beyond which its box scrolls).
    pub fn finish(self, class: &str, description: &str, min_width: f64) -> String {
        let (width, height) = (number(self.size.0), number(self.size.1));
        format!(
            "<svg class=\"{class}\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" style=\"min-width:{}px\" role=\"img\" \
             aria-label=\"{}\">{}</svg>",
            number(min_width),
            HtmlEscape(description),
            self.body
        )
    }

    fn push(&mut self, arguments: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.body.write_fmt(arguments);
    }

    pub fn line(&mut self, class: &str, from: Point, to: Point) {
        let [x1, y1, x2, y2] = [from.0, from.1, to.0, to.1].map(number);
        self.push(format_args!(
            "<line class=\"{class}\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>"
        ));
    }

    pub fn circle(&mut self, class: &str, centre: Point, radius: f64) {
        let [cx, cy, r] = [centre.0, centre.1, radius].map(number);
        self.push(format_args!("<circle class=\"{class}\" cx=\"{cx}\" cy=\"{cy}\" r=\"{r}\"/>"));
    }

    pub fn rect(&mut self, class: &str, corner: Point, size: Point) {
        let [x, y] = [corner.0, corner.1].map(number);
        let [width, height] = [size.0.max(0.0), size.1.max(0.0)].map(number);
        self.push(format_args!(
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>"
        ));
    }

    /// A rectangle whose fill is as strong as `strength`, 0 to 1.
    pub fn cell(&mut self, class: &str, corner: Point, size: Point, strength: f64) {
        let [x, y, width, height] = [corner.0, corner.1, size.0, size.1].map(number);
        let strength = number(strength.clamp(0.0, 1.0));
        self.push(format_args!(
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" \
             fill-opacity=\"{strength}\"/>"
        ));
    }

    /// Straight lines from point to point; nothing for fewer than two points.
    pub fn polyline(&mut self, class: &str, points: &[Point], closed: bool) {
        if points.len() < 2 {
            return;
        }
        let path: Vec<String> = points.iter().map(|point| pair(*point)).collect();
        let close = if closed { "Z" } else { "" };
        self.push(format_args!("<path class=\"{class}\" d=\"M{}{close}\"/>", path.join("L")));
    }

    /// A path that the caller has written.
    pub fn path(&mut self, class: &str, d: &str) {
        self.push(format_args!("<path class=\"{class}\" d=\"{d}\"/>"));
    }

    /// A text; it is escaped.
    pub fn text(&mut self, class: &str, at: Point, anchor: Anchor, text: &str) {
        let [x, y] = [at.0, at.1].map(number);
        let (anchor, text) = (anchor.attribute(), HtmlEscape(text));
        self.push(format_args!(
            "<text class=\"{class}\" x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{text}</text>"
        ));
    }

    /// A text that runs upwards from `at`; it is escaped.
    pub fn upward_text(&mut self, class: &str, at: Point, text: &str) {
        let [x, y] = [at.0, at.1].map(number);
        let text = HtmlEscape(text);
        self.push(format_args!(
            "<text class=\"{class}\" x=\"{x}\" y=\"{y}\" transform=\"rotate(-90 {x} {y})\">\
             {text}</text>"
        ));
    }

    /// A text of several parts, each of a class of its own.
    pub fn rich_text(
        &mut self,
        class: &str,
        at: Point,
        anchor: Anchor,
        parts: &[(String, String)],
    ) {
        let [x, y] = [at.0, at.1].map(number);
        let spans: String = parts
            .iter()
            .map(|(class, text)| {
                let text = HtmlEscape(text);
                format!("<tspan class=\"{class}\">{text}</tspan>")
            })
            .collect();
        let anchor = anchor.attribute();
        self.push(format_args!(
            "<text class=\"{class}\" x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{spans}</text>"
        ));
    }

    /// A text along a path, centred on it. `id` must be unique in the page.
    pub fn text_on_path(&mut self, class: &str, id: &str, d: &str, text: &str) {
        let (id, text) = (HtmlEscape(id), HtmlEscape(text));
        self.push(format_args!(
            "<path id=\"{id}\" class=\"guide\" d=\"{d}\"/><text class=\"{class}\" \
             text-anchor=\"middle\"><textPath href=\"#{id}\" startOffset=\"50%\">{text}\
             </textPath></text>"
        ));
    }

    /// A group of elements.
    pub fn group(&mut self, class: &str, draw: impl FnOnce(&mut Self)) {
        self.push(format_args!("<g class=\"{class}\">"));
        draw(self);
        self.push(format_args!("</g>"));
    }

    /// A group that says what it shows when pointed at.
    pub fn titled(&mut self, class: &str, title: &str, draw: impl FnOnce(&mut Self)) {
        self.push(format_args!("<g class=\"{class}\"><title>{}</title>", HtmlEscape(title)));
        draw(self);
        self.push(format_args!("</g>"));
    }
}

/// `x y` for path data.
pub(crate) fn pair(point: Point) -> String {
    format!("{} {}", number(point.0), number(point.1))
}

/// At most two decimals; zero for what is no number, so that a page never holds one.
pub(crate) fn number(value: f64) -> String {
    if !value.is_finite() {
        return "0".to_owned();
    }
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// A linear map of a domain onto a range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    domain: (f64, f64),
    range: (f64, f64),
}

impl Scale {
    /// A domain without extent is mapped onto the range's start.
    pub fn new(domain: (f64, f64), range: (f64, f64)) -> Self {
        Self { domain, range }
    }

    /// The coordinate of a value.
    pub fn at(&self, value: f64) -> f64 {
        let extent = self.domain.1 - self.domain.0;
        let share = if extent == 0.0 { 0.0 } else { (value - self.domain.0) / extent };
        self.range.0 + share * (self.range.1 - self.range.0)
    }

    /// The coordinate of a value, or of the nearest end of the domain.
    pub fn clamped(&self, value: f64) -> f64 {
        self.at(value.max(self.domain.0).min(self.domain.1))
    }

    /// Round values within the domain, about `count` of them.
    pub fn ticks(&self, count: usize) -> Vec<f64> {
        let step = round_step(self.domain, count);
        let first = (self.domain.0 / step - 1e-9).ceil() as i64;
        let last = (self.domain.1 / step + 1e-9).floor() as i64;
        (first..=last).map(|index| index as f64 * step).collect()
    }

    /// Decimals that tell neighbouring ticks apart.
    pub fn decimals(&self, count: usize) -> usize {
        let step = round_step(self.domain, count);
        (0..4).find(|&places| is_whole(step * 10f64.powi(places))).unwrap_or(4) as usize
    }
}

fn is_whole(value: f64) -> bool {
    (value - value.round()).abs() < 1e-9
}

/// The smallest of 1, 2 and 5 times a power of ten that gives at most about `count` ticks.
fn round_step(domain: (f64, f64), count: usize) -> f64 {
    let extent = domain.1 - domain.0;
    if !extent.is_finite() || extent <= 0.0 {
        return 1.0;
    }
    let raw = extent / count.max(1) as f64;
    let power = 10f64.powf(raw.log10().floor());
    let factors = [1.0, 2.0, 5.0, 10.0];
    factors
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= raw * 0.999)
        .unwrap_or(raw)
}

/// The smallest domain of round ends that holds all finite values, and `at_least`.
pub(crate) fn nice_domain(
    values: impl IntoIterator<Item = f64>,
    at_least: (f64, f64),
    ticks: usize,
) -> (f64, f64) {
    let finite = values.into_iter().filter(|value| value.is_finite());
    let (low, high) = finite.fold(at_least, |(low, high), value| (low.min(value), high.max(value)));
    let step = round_step((low, high), ticks);
    ((low / step + 1e-9).floor() * step, (high / step - 1e-9).ceil() * step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_finite() {
        let numbers = [1.0, 100.0, 1.256, -0.001, 0.5, f64::NAN, f64::INFINITY].map(number);
        assert_eq!(numbers, ["1", "100", "1.26", "0", "0.5", "0", "0"]);
    }

    #[test]
    fn texts_are_escaped() {
        let mut svg = Svg::new(10.0, 5.0);
        svg.text("t", (1.0, 2.0), Anchor::End, "<b>&");
        svg.titled("g", "\"quoted\" <i>", |svg| svg.circle("c", (0.0, 0.0), 1.0));
        let text = svg.finish("f", "a \"b\" <c>", 4.0);
        assert!(!text.contains("<b>") && !text.contains("<i>") && !text.contains("<c>"), "{text}");
        assert!(text.contains("&lt;b&gt;&amp;</text>"), "{text}");
        assert!(text.contains("aria-label=\"a &quot;b&quot; &lt;c&gt;\""), "{text}");
    }

    #[test]
    fn maps_by_hand() {
        let scale = Scale::new((1.0, 6.0), (0.0, 100.0));
        assert_eq!((scale.at(3.5), scale.clamped(9.0)), (50.0, 100.0));
        assert_eq!(Scale::new((2.0, 2.0), (5.0, 9.0)).at(2.0), 5.0);
        assert_eq!(scale.ticks(5), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(scale.decimals(5), 0);
        let shifts = Scale::new((-0.5, 0.5), (0.0, 1.0));
        assert_eq!(shifts.ticks(5), [-0.4, -0.2, 0.0, 0.2, 0.4]);
        assert_eq!(shifts.decimals(5), 1);
    }

    #[test]
    fn domains_hold_their_values() {
        let (low, high) = nice_domain([-0.73, 0.21, f64::NAN], (-0.5, 0.4), 6);
        assert!((low + 0.8).abs() < 1e-12 && (high - 0.4).abs() < 1e-12, "{low} {high}");
        assert_eq!(nice_domain([], (0.0, 1.0), 5), (0.0, 1.0));
    }
}
