//! Figures as inline SVG.

mod circle;
mod curves;
mod glyphs;
mod intervals;
mod leakage;
mod matrix;
mod plane;
mod series;
mod svg;

pub(crate) use circle::{circle, is_circular, revealed_circle};
pub(crate) use curves::{CurveAxes, curves};
pub(crate) use glyphs::{interval_glyph, rating_bars, sensitivity, swatch, verdict_bar};
pub(crate) use intervals::{
    Gains, Shifts, gain_domain, harms, ratings, revealed, shift_domain, shift_series,
};
pub(crate) use leakage::{LeakageSeries, leakage};
pub(crate) use matrix::matrix;
pub(crate) use plane::{Axis, Plane, PlanePoint};
pub(crate) use series::{Goal, Series, Style, union};
