//! Moral judgement: gains, verdicts, the matrix, and a reader of single posts.

mod gains;
mod matrix;
mod reader;
mod section;
mod verdicts;

pub(crate) use matrix::matrix_page;
