//! Text to token ids and back.

mod byte_level_bpe;
mod error;
mod framing;
mod gguf_tokens;
mod hf_files;
mod sentence_piece;
mod special_tokens;
mod stream_decoder;
mod text_tokenizer;
mod token_bytes;

pub use error::TokenizerError;
pub use hf_files::hf_files;
pub use special_tokens::SpecialTokens;
pub use stream_decoder::StreamDecoder;
pub use text_tokenizer::Tokenizer;
