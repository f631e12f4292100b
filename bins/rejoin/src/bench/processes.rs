//! What processes and threads used, as Linux counts it (`proc(5)`). Elsewhere nothing is known, and nothing is said.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// The time that a process and its children used, those that ended included.
pub(crate) fn tree_cpu(root: u32) -> Option<Duration> {
    let mut times = BTreeMap::new();
    for entry in fs::read_dir("/proc").ok()?.filter_map(Result::ok) {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        times.extend(read_times(pid).map(|found| (pid, found)));
    }
    let own = times.get(&root)?;
    // a child that ended is counted by its parent
    let mut ticks = own.ended_children;
    let below = |pid: u32| {
        let mut place = Some(pid);
        while let Some(pid) = place.filter(|pid| *pid != root) {
            place = times.get(&pid).map(|found| found.parent).filter(|parent| *parent > 1);
        }
        place.is_some()
    };
    ticks += times.iter().filter(|(pid, _)| below(**pid)).map(|(_, found)| found.own).sum::<u64>();
    Some(Duration::from_secs(ticks) / u32::try_from(rustix::param::clock_ticks_per_second()).ok()?)
}

/// The time that the calling thread used.
pub(crate) fn thread_cpu() -> Option<Duration> {
    // nanoseconds on a processor, nanoseconds waiting for one, time slices
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// The memory that a process holds, in bytes.
pub(crate) fn resident_bytes(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("statm")).ok()?;
    let pages: u64 = text.split_whitespace().nth(1)?.parse().ok()?;
    pages.checked_mul(u64::try_from(rustix::param::page_size()).ok()?)
}

struct Times {
    parent: u32,
    own: u64,
    ended_children: u64,
}

fn read_times(pid: u32) -> Option<Times> {
    let text = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    // the name, in parentheses, may hold anything
    let fields: Vec<&str> = text.get(text.rfind(')')? + 1..)?.split_whitespace().collect();
    let number = |place: usize| fields.get(place).and_then(|field| field.parse::<u64>().ok());
    Some(Times {
        parent: u32::try_from(number(1)?).ok()?,
        own: number(11)?.checked_add(number(12)?)?,
        ended_children: number(13)?.checked_add(number(14)?)?,
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::hint::black_box;
    use std::time::Instant;

    use super::*;

    #[test]
    fn work_is_seen() {
        let before = (thread_cpu().unwrap(), tree_cpu(std::process::id()).unwrap());
        let began = Instant::now();
        while thread_cpu().unwrap() < before.0 + Duration::from_millis(60) {
            black_box((0..10_000_u64).sum::<u64>());
            assert!(began.elapsed() < Duration::from_secs(60), "the thread's time does not grow");
        }
        assert!(tree_cpu(std::process::id()).unwrap() >= before.1 + Duration::from_millis(40));
        assert!(resident_bytes(std::process::id()).unwrap() > 1 << 20);
        assert_eq!(tree_cpu(u32::MAX), None);
    }
}
