//! How much memory there is left.

use std::fs;
use std::path::Path;

/// Bytes that this process can still take without others being swapped out: what the system has left, or
/// what its control group may still have, if that is less. `None` where the system does not say.
pub fn available() -> Option<u64> {
    let system = fs::read_to_string("/proc/meminfo").ok();
    let system = system.and_then(|text| Some(field(&text, "MemAvailable:")? << 10));
    let group = group_room(Path::new("/sys/fs/cgroup"));
    match (system, group) {
        (Some(system), Some(group)) => Some(system.min(group)),
        (one, other) => one.or(other),
    }
}

/// What a control group (version 2) with a limit has left. Cached files give way when it gets tight.
fn group_room(folder: &Path) -> Option<u64> {
    let read = |name| fs::read_to_string(folder.join(name)).ok();
    // Without a limit the file says `max`.
    let most: u64 = read("memory.max")?.trim().parse().ok()?;
    let used: u64 = read("memory.current")?.trim().parse().ok()?;
    let cached = read("memory.stat").and_then(|text| field(&text, "file")).unwrap_or(0);
    Some(most.saturating_sub(used.saturating_sub(cached)))
}

/// The number behind a name at the beginning of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        if words.next() == Some(name) { words.next()?.parse().ok() } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_groups_cached_files_are_no_use() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        assert_eq!(group_room(folder.path()), None);
        write("memory.max", "max\n");
        write("memory.current", "700\n");
        assert_eq!(group_room(folder.path()), None);
        write("memory.max", "1000\n");
        assert_eq!(group_room(folder.path()), Some(300));
        write("memory.stat", "anon 500\nfile 200\nfile_mapped 100\n");
        assert_eq!(group_room(folder.path()), Some(500));
        write("memory.current", "9000\n");
        assert_eq!(group_room(folder.path()), Some(0));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_system_says() {
        assert!(available().unwrap() > 1 << 20);
    }
}
