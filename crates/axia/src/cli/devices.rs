//! What can be computed on here, in words.

use axia_engine::kernels::cuda::{DeviceInfo, Unusable, probe};

/// A line for the CPU, and one for each card or for why there is none.
pub fn lines() -> String {
    describe(&probe())
}

fn describe(cards: &Result<Vec<DeviceInfo>, Unusable>) -> String {
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get());
    let mut lines = format!("cpu: {threads} threads\n");
    match cards {
        Ok(cards) => {
            for DeviceInfo { index, name, memory, capability } in cards {
                let gib = *memory as f64 / f64::from(1 << 30);
                lines += &format!(
                    "cuda:{index}: {name}, {gib:.0} GiB, compute capability {capability}\n"
                );
            }
        }
        Err(why) => lines += &format!("no cuda device: {why}\n"),
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use axia_engine::kernels::cuda::Architecture;

    #[test]
    fn cards_and_their_absence_are_described() {
        let card = DeviceInfo {
            index: 1,
            name: "NVIDIA H200".to_owned(),
            memory: 139 << 30,
            capability: Architecture { major: 9, minor: 0 },
        };
        let found = describe(&Ok(vec![card]));
        assert!(
            found.ends_with("cuda:1: NVIDIA H200, 139 GiB, compute capability 9.0\n"),
            "{found}"
        );
        let none = describe(&Err(Unusable::NoDriver));
        assert!(none.contains("threads\nno cuda device: no NVIDIA driver is installed"), "{none}");
    }
}
