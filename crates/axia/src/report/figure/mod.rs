//! Figures as inline SVG.

mod circle;
mod curves;
mod gains;
mod glyphs;
mod intervals;
mod leakage;
mod matrix;
mod scale;
mod sensitivity;
mod series;
mod shifts;
mod svg;

pub(super) use circle::{circle, is_circular};
pub(super) use curves::{CurveAxes, curves};
pub(super) use gains::{Gains, gain_domain};
pub(super) use glyphs::{interval_glyph, rating_bars, swatch, verdict_bar};
pub(super) use intervals::ratings;
pub(super) use leakage::{LeakageSeries, leakage};
pub(super) use matrix::matrix;
pub(super) use sensitivity::sensitivity;
pub(super) use series::{Goal, Series, Style, union};
pub(super) use shifts::{Shifts, shift_domain, shift_series};
