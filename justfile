# Recipes for developers; `just` lists them.

default:
    @just --list

# Format, lint, test: what CI runs
ci:
    .ci/run

# Tests only
test *args:
    cargo test --workspace {{args}}

# Format and lint
lint:
    cargo fmt --all
    cargo clippy --workspace --all-targets -- -D warnings

# The bundled survey against its quality rules
check-data:
    cargo run --release -- data check

# The default experiment, start to report
run *args:
    cargo run --release -- run {{args}}

# Speed and exactness beside transformers + PEFT (needs the peers' Python environment)
bench *args:
    benchmarks/run.sh {{args}}
