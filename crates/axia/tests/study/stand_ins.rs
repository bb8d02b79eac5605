//! A library that stands in for the NVIDIA driver, as programs that are to believe in a card are
//! given one.

use crate::bench::Bench;
use std::process::Command;

/// Makes `stubs/libcuda.so`, which has but one function.
fn write_driver(bench: &Bench) {
    std::fs::create_dir(bench.path("stubs")).unwrap();
    bench
        .write("stubs/driver.c", "int cuDriverGetVersion(int *version) { return *version = 0; }\n");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-o", "libcuda.so", "driver.c"]);
    let said = compiler.current_dir(bench.path("stubs")).output().unwrap();
    assert!(said.status.success(), "{said:?}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_driver_without_its_functions_is_not_used() {
    let bench = Bench::new();
    write_driver(&bench);
    bench.write("rows.jsonl", "{\"prompt\": \"a\", \"candidates\": [\"b\"]}\n");
    let run = |words: &str| -> crate::said::Said {
        let mut command = bench.command(words);
        command.env("LD_LIBRARY_PATH", bench.path("stubs")).output().unwrap().into()
    };
    let why = "the NVIDIA driver (libcuda) lacks the function cuCtxGetCurrent";
    for words in ["--version", "models"] {
        let said = run(words);
        assert_eq!(said.code, 0, "{words}: {said:?}");
        assert!(said.out.contains(why), "{words}: {said:?}");
    }
    let said = run("score --model model --rows rows.jsonl --out scores.jsonl");
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.err.contains("computing on the CPU") && said.err.contains(why), "{said:?}");
    let said = run("score --model model --rows rows.jsonl --device cuda:0");
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains(why) && !said.err.contains("panicked"), "{said:?}");
}
