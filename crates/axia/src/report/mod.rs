//! Reports of runs: self-contained HTML, CSV and JSON.
