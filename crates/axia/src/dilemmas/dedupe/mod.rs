//! Posts that occur twice, or nearly so.

mod fingerprint;
mod minhash;
mod near;

pub(super) use fingerprint::Fingerprint;
pub(super) use minhash::Signature;
pub(super) use near::near_duplicates;
