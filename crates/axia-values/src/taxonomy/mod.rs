//! Human values: twenty refined values on a circle, ten basic values, four higher-order values,
//! and the 54 facets that the refined values are made of.
//!
//! The theory is Schwartz et al. (2012), *Refining the theory of basic individual values*, as
//! extended with universalism-objectivity and with facets by Kiesel et al. (2022), *Identifying
//! the human values behind arguments*.

mod error;
mod refined;
mod spelling;
mod value;

#[cfg(test)]
mod tests;

pub use error::{UnknownFacet, UnknownValue};
pub use refined::{RefinedValue, circle_distance};
pub use value::{BasicValue, Facet, HigherValue, Value};

pub(crate) use spelling::{is_invisible_command, nearest, shorten};
