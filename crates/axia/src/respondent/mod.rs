//! Who answers: a model on the embedded engine, with or without an adapter.
