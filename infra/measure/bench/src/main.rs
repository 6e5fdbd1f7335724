//! Measures one process of a function, by fakes of everything that the function talks to, and prints the figures as
//! JSON. The argument is the [`Plan`], as JSON. `infra/measure/bench/__main__.py` makes the plans and compares.
//!
//! The fakes answer at once and keep nothing. Each connection has a thread of its own, which blocks. CPU times are the
//! measured process's alone. Where it shares a processor with the fakes, times by the clock have the fakes' work in them.

#![allow(clippy::expect_used, clippy::disallowed_methods, reason = "a tool that stops at the first fault")]

mod plan;
mod payload;
mod http;
mod tls;
mod fakes;
mod runtime_api;
mod process;

use std::time::{Duration, Instant};

use plan::{Figures, Plan};
use process::Process;
use runtime_api::RuntimeApi;

/// How long one batch may take. A profiler makes the process fifty times as slow.
const PATIENCE: Duration = Duration::from_mins(2);

fn main() {
    let plan = std::env::args().nth(1).expect("the plan is the one argument");
    let plan: Plan = serde_json::from_str(&plan).expect("a plan");
    let figures = measure(&plan);
    println!("{}", serde_json::to_string(&figures).expect("numbers"));
}

fn measure(plan: &Plan) -> Figures {
    let (receiver_url, root) = fakes::receiver(plan);
    let aws_url = fakes::aws(plan, &receiver_url);
    let payloads = payload::Payloads::new(plan);
    let per_batch = payloads.events();
    let (runtime, asked) = RuntimeApi::start(payloads);
    let started = Instant::now();
    let process = Process::start(plan, &runtime.address, &aws_url, root.as_deref());
    let next = || asked.recv_timeout(PATIENCE).expect("the function asks for its next invocation");
    let first_asked = next();
    let mut figures = Figures { init_ms: ms(first_asked.duration_since(started)), ..Figures::default() };
    if plan.warm > 0 {
        runtime.hand_over();
        figures.first_ms = ms(next().duration_since(first_asked));
        figures.first_cpu_ms = ms(process.cpu());
    }
    if let Some(root) = &root {
        // The process has read it at its start.
        std::fs::remove_file(root).expect("this process has written it");
    }
    for _ in 1..plan.warm {
        runtime.hand_over();
        next();
    }
    for _ in 0..plan.parts {
        let (cpu, begun) = (process.cpu(), Instant::now());
        for _ in 0..plan.batches {
            runtime.hand_over();
            next();
        }
        let (cpu, wall) = (process.cpu().saturating_sub(cpu), begun.elapsed());
        #[expect(clippy::cast_precision_loss, reason = "a bench has fewer than 2^53 batches")]
        let (batches, events) = (plan.batches as f64, (plan.batches * per_batch) as f64);
        figures.cpu_us_per_event.push(cpu.as_secs_f64() * 1e6 / events);
        figures.batch_ms.push(ms(wall) / batches);
        figures.events_per_s.push(events / wall.as_secs_f64());
        figures.rss_now_kib.push(process.now_kib());
    }
    figures.rss_kib = process.peak_kib();
    let events = (plan.warm + plan.parts * plan.batches) * per_batch;
    runtime.check(if plan.accepts() { 0 } else { events });
    drop(runtime);
    process.end();
    figures
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
