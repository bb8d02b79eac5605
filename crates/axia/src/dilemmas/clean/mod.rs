//! From what people type to plain text: no markup debris, no addresses, no names of users, nothing
//! that was added after the first answers.

mod afterthoughts;
mod characters;
mod post;
mod special;

pub(super) use post::{Cleaned, clean_text, clean_title};
pub(super) use special::{Special, special_flair, special_title};
