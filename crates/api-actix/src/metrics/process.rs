//! The process itself, from Linux's `/proc`. Elsewhere these figures are left out.

use std::fs;

use super::text::{Kind, Text};

/// The unit of processor time in `/proc`: `USER_HZ`, 100 on every architecture that Rust runs on.
const TICKS_PER_SECOND: u32 = 100;

/// Writes what `/proc/self` tells.
pub(crate) fn write(text: &mut Text) {
    if let Some(seconds) = fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(cpu_seconds) {
        text.family("process_cpu_seconds_total", Kind::Counter, "User and system CPU time spent, in seconds.");
        text.sample(&[], seconds);
    }
    if let Ok(status) = fs::read_to_string("/proc/self/status") {
        if let Some(kib) = field(&status, "VmRSS:") {
            text.family("process_resident_memory_bytes", Kind::Gauge, "Resident memory, in bytes.");
            text.sample(&[], kib.saturating_mul(1_024));
        }
        if let Some(threads) = field(&status, "Threads:") {
            text.family("process_threads", Kind::Gauge, "Threads.");
            text.sample(&[], threads);
        }
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        text.family("process_open_fds", Kind::Gauge, "Open files and sockets.");
        text.sample(&[], open.count());
    }
}

/// User and system time of `/proc/PID/stat`, the 14th and 15th field. The second, the command's name, may hold anything,
/// and ends at the last parenthesis.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut times = rest.split_ascii_whitespace().skip(11);
    let mut ticks = || times.next()?.parse::<u32>().ok();
    Some((f64::from(ticks()?) + f64::from(ticks()?)) / f64::from(TICKS_PER_SECOND))
}

fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_linux_writes() {
        let stat = "4242 (re) join) S 1 4242 4242 0 -1 4194560 2417 0 0 0 1234 66 0 0 20 0 9 0 88 1 2 3";
        assert_eq!(cpu_seconds(stat), Some(13.0));
        assert_eq!(cpu_seconds("4242 (x) S 1"), None);
        let status = "Name:\trejoin\nVmRSS:\t   10240 kB\nThreads:\t9\n";
        assert_eq!((field(status, "VmRSS:"), field(status, "Threads:"), field(status, "VmSwap:")), (Some(10_240), Some(9), None));
    }
}
