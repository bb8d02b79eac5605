//! The engine against numbers computed with transformers and PEFT in double precision
//! (`tests/fixtures/README.md`).

mod case;
mod gguf_models;
mod inference;
mod labels;
mod merging;
mod options;
