//! What this process has used: processor time and memory. What a platform does not tell is absent.

use serde::Serialize;

/// What something took.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Taken {
    pub(crate) wall_ns: u64,
    /// User and system time of all threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cpu_ns: Option<u64>,
    /// Resident memory before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) base_kb: Option<u64>,
    /// The most resident memory meanwhile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) peak_kb: Option<u64>,
}

/// Something that is being measured.
pub(crate) struct Meter {
    start: std::time::Instant,
    cpu: Option<u64>,
    base_kb: Option<u64>,
}

impl Meter {
    pub(crate) fn start() -> Self {
        // Linux: from now on the peak is that of what follows
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        Self { base_kb: memory_kb("VmRSS:"), cpu: cpu_ns(), start: std::time::Instant::now() }
    }

    pub(crate) fn stop(&self) -> Taken {
        let wall = self.start.elapsed();
        Taken {
            wall_ns: u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX),
            cpu_ns: cpu_ns().zip(self.cpu).map(|(now, before)| now - before),
            base_kb: self.base_kb,
            peak_kb: memory_kb("VmHWM:"),
        }
    }
}

#[cfg(unix)]
fn cpu_ns() -> Option<u64> {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(u64::try_from(now.tv_sec).ok()? * 1_000_000_000 + u64::try_from(now.tv_nsec).ok()?)
}

#[cfg(not(unix))]
fn cpu_ns() -> Option<u64> {
    None
}

/// A line of what Linux says of this process.
fn memory_kb(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}
