//! Figures as inline SVG.

mod circle;
mod curves;
mod gains;
mod glyphs;
mod harms;
mod intervals;
mod leakage;
mod matrix;
mod plane;
mod scale;
mod sensitivity;
mod series;
mod shifts;
mod svg;

pub(super) use circle::{circle, is_circular, revealed_circle};
pub(super) use curves::{CurveAxes, curves};
pub(super) use gains::{Gains, gain_domain};
pub(super) use glyphs::{interval_glyph, rating_bars, swatch, verdict_bar};
pub(super) use harms::{harms, revealed};
pub(super) use intervals::ratings;
pub(super) use leakage::{LeakageSeries, leakage};
pub(super) use matrix::matrix;
pub(super) use plane::{Axis, Plane, PlanePoint};
pub(super) use sensitivity::sensitivity;
pub(super) use series::{Goal, Series, Style, union};
pub(super) use shifts::{Shifts, shift_domain, shift_series};
