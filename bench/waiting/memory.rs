//! How much memory a process has, as Linux tells it.

/// The figure of that name in megabytes: `VmRSS` now, `VmHWM` the most since [`forget_peak`].
pub(crate) fn megabytes(process: &str, name: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    let kibibytes: f64 = line.trim().strip_suffix(" kB").unwrap().parse().unwrap();
    kibibytes * 1_024.0 / 1e6
}

/// Has the peak of this process begin anew.
pub(crate) fn forget_peak() {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
}
