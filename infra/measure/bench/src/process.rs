//! The measured process, and the kernel's account of it.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::plan::Plan;

/// How long a process may take to end by itself.
const TO_END: Duration = Duration::from_secs(20);

/// The measured process. It is killed when this value is dropped.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn start(plan: &Plan, runtime_api: &str, aws: &str, root: Option<&Path>) -> Self {
        let (program, arguments) = plan.argv.split_first().expect("a program");
        let mut command = Command::new(program);
        command.args(arguments).env_clear().envs(&plan.env);
        command.env("AWS_LAMBDA_RUNTIME_API", runtime_api).env("AWS_ENDPOINT_URL", aws);
        if let Some(root) = root {
            command.env("UNSAFE_EXTRA_ROOT", root);
        }
        // The log is on standard output. What a process says of its own end is shown.
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("a program");
        if let Some(group) = &plan.cgroup {
            fs::write(group.join("cgroup.procs"), child.id().to_string()).expect("a control group of this machine");
        }
        Self(child)
    }

    /// Waits until the process has ended by itself, as a profiler needs it to write its file.
    pub(crate) fn end(mut self) {
        let begun = Instant::now();
        while begun.elapsed() < TO_END && matches!(self.0.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The CPU time of the process's threads, to the nanosecond (Linux, "Scheduler Statistics").
    pub(crate) fn cpu(&self) -> Duration {
        let threads = fs::read_dir(format!("/proc/{}/task", self.0.id())).expect("the process runs");
        let nanoseconds = threads.flatten().filter_map(|thread| {
            let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(nanoseconds.sum())
    }

    /// The peak of the resident memory, in KiB.
    pub(crate) fn peak_kib(&self) -> u64 {
        self.status("VmHWM:")
    }

    /// The resident memory, in KiB.
    pub(crate) fn now_kib(&self) -> u64 {
        self.status("VmRSS:")
    }

    fn status(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).expect("the process runs");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("the kernel tells it");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
