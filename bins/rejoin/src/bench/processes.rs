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
    let ended_children = times.get(&root)?.ended_children;
    let below = |pid: u32| {
        let mut place = Some(pid);
        while let Some(pid) = place.filter(|pid| *pid != root) {
            place = times.get(&pid).map(|found| found.parent).filter(|parent| *parent > 1);
        }
        place.is_some()
    };
    let living: Duration = times.iter().filter(|(pid, _)| below(**pid)).map(|(_, found)| found.own).sum();
    Some(living + ended_children)
}

/// The time that the calling thread used.
pub(crate) fn thread_cpu() -> Option<Duration> {
    // nanoseconds on a processor, nanoseconds waiting for one, time slices
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

struct Times {
    parent: u32,
    own: Duration,
    /// A child that ended is counted by its parent.
    ended_children: Duration,
}

fn read_times(pid: u32) -> Option<Times> {
    let folder = Path::new("/proc").join(pid.to_string());
    let text = fs::read_to_string(folder.join("stat")).ok()?;
    // the name, in parentheses, may hold anything
    let fields: Vec<&str> = text.get(text.rfind(')')? + 1..)?.split_whitespace().collect();
    let number = |place: usize| fields.get(place).and_then(|field| field.parse::<u64>().ok());
    let ticks_per_second = u32::try_from(rustix::param::clock_ticks_per_second()).ok()?;
    let time = |place: usize| Some(Duration::from_secs(number(place)?.checked_add(number(place + 1)?)?) / ticks_per_second);
    Some(Times {
        parent: u32::try_from(number(1)?).ok()?,
        // many processes that each worked a little would lose much to the ticks
        own: single_thread(&folder).or_else(|| time(11))?,
        ended_children: time(13)?,
    })
}

/// The time of a process of one thread, to the nanosecond.
fn single_thread(folder: &Path) -> Option<Duration> {
    let threads = fs::read_dir(folder.join("task")).ok()?.count();
    let text = fs::read_to_string(folder.join("schedstat")).ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos).filter(|_| threads == 1)
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
        assert_eq!(tree_cpu(u32::MAX), None);
    }
}
