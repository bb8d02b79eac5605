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

pub(crate) use circle::{circle, is_circular, revealed_circle};
pub(crate) use curves::{CurveAxes, curves};
pub(crate) use gains::{Gains, gain_domain};
pub(crate) use glyphs::{interval_glyph, rating_bars, swatch, verdict_bar};
pub(crate) use harms::{harms, revealed};
pub(crate) use intervals::ratings;
pub(crate) use leakage::{LeakageSeries, leakage};
pub(crate) use matrix::matrix;
pub(crate) use plane::{Axis, Plane, PlanePoint};
pub(crate) use sensitivity::sensitivity;
pub(crate) use series::{Goal, Series, Style, union};
pub(crate) use shifts::{Shifts, shift_domain, shift_series};
