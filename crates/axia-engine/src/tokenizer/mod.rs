//! Text to token ids and back.

mod byte_level_bpe;
mod error;
mod model_tokens;
mod sentence_piece;
mod stream_decoder;
mod text_tokenizer;
mod token_bytes;

pub use error::TokenizerError;
pub use model_tokens::hf_files;
pub use stream_decoder::StreamDecoder;
pub use text_tokenizer::{SpecialTokens, Tokenizer};
