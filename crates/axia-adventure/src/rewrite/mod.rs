//! Rewriting of expression text, piece by piece. The benchmark evaluates expressions by replacing
//! pieces of their text, string literals included, and every quirk of its games comes from that.

mod pieces;
mod words;

pub(crate) use pieces::{
    ampersands, braces, closing_brace, fairmath, groups, indexed, lengths, replace,
};
pub(crate) use words::{booleans, keywords, operators, repair_case};
