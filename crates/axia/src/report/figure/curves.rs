//! Training and validation loss by step.

use axia_engine::train::{History, ValidationRecord};

use super::series::Style;
use super::svg::{Anchor, Svg};
use super::svg::{Scale, nice_domain};
use crate::report::words::{fixed, grouped};

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 270.0;
const LEFT: f64 = 48.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 46.0;
const TICKS: usize = 5;

/// Common axes for several panels: the last step and the ends of the loss.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CurveAxes {
    steps: f64,
    loss: (f64, f64),
}

impl CurveAxes {
    /// Axes that hold all histories.
    pub fn new<'a>(histories: impl Iterator<Item = &'a History> + Clone) -> Self {
        let steps = histories.clone().flat_map(|history| {
            let validations = history.validations.iter().map(|record| record.step);
            history.steps.iter().map(|record| record.step).chain(validations)
        });
        let losses = histories.clone().flat_map(|history| {
            let validations = history.validations.iter().map(|record| record.loss);
            history.steps.iter().map(|record| record.loss).chain(validations)
        });
        let steps = steps.max().unwrap_or(1).max(1) as f64;
        Self { steps, loss: nice_domain(losses, (0.0, 0.0), TICKS) }
    }
}

/// Draws the loss of one adapter; nothing where no step was recorded.
pub(crate) fn curves(
    name: &str,
    style: Style,
    history: &History,
    axes: CurveAxes,
) -> Option<String> {
    if history.steps.is_empty() && history.validations.is_empty() {
        return None;
    }
    let x = Scale::new((0.0, axes.steps), (LEFT, WIDTH - RIGHT));
    let y = Scale::new(axes.loss, (HEIGHT - BOTTOM, TOP));
    let mut svg = Svg::new(WIDTH, HEIGHT);
    draw_axes(&mut svg, &x, &y);
    svg.group(&format!("series {}", style.class()), |svg| {
        let at = |step: usize, loss: f64| (x.at(step as f64), y.at(loss));
        let steps = history.steps.iter().filter(|record| record.loss.is_finite());
        let line: Vec<_> = steps.map(|record| at(record.step, record.loss)).collect();
        svg.polyline("loss", &line, false);
        let validations: Vec<_> =
            history.validations.iter().filter(|record| record.loss.is_finite()).collect();
        let line: Vec<_> = validations.iter().map(|record| at(record.step, record.loss)).collect();
        svg.polyline("link", &line, false);
        let best = history.validations.iter().rfind(|record| record.improved);
        for record in validations {
            let is_best = best == Some(record);
            svg.titled("point", &tip(record, is_best), |svg| {
                if is_best {
                    svg.circle("ring", at(record.step, record.loss), 8.0);
                }
                style.mark(svg, at(record.step, record.loss), 4.0);
            });
        }
    });
    Some(svg.finish("curves", &format!("Training and validation loss of {name}"), 320.0))
}

fn tip(record: &ValidationRecord, is_best: bool) -> String {
    let best = if is_best { " (best)" } else { "" };
    let (step, loss) = (grouped(record.step as u64), fixed(record.loss, 4));
    format!("validation after step {step}, epoch {}: {loss}{best}", record.epoch)
}

fn draw_axes(svg: &mut Svg, x: &Scale, y: &Scale) {
    let decimals = y.decimals(TICKS);
    for tick in y.ticks(TICKS) {
        svg.line("grid", (LEFT, y.at(tick)), (WIDTH - RIGHT, y.at(tick)));
        let at = (LEFT - 8.0, y.at(tick) + 4.0);
        svg.text("tick", at, Anchor::End, &fixed(tick, decimals));
    }
    let bottom = HEIGHT - BOTTOM;
    for tick in x.ticks(TICKS) {
        svg.line("grid", (x.at(tick), bottom), (x.at(tick), bottom + 4.0));
        let decimals = x.decimals(TICKS);
        svg.text("tick", (x.at(tick), bottom + 18.0), Anchor::Middle, &fixed(tick, decimals));
    }
    svg.text("axis", ((LEFT + WIDTH - RIGHT) / 2.0, bottom + 37.0), Anchor::Middle, "step");
}
