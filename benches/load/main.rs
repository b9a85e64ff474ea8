//! Measures the release binary against the limits of the machine that it runs on.
//!
//! `make bench` runs everything, `make bench QUICK=1` a short version; `cargo bench --bench load --
//! send ping` only these parts. The report goes to the terminal and to `report.json` in the folder
//! of measurements, `target/bench` (or `$BENCH_DIR`, which chooses the disk); with `--docs` also
//! into docs/performance.md, which says what is measured, and how.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement that fails stops, prints what it found, and rounds"
)]

mod attacks;
mod broadcast;
mod client;
mod disk;
mod drive;
mod fanout;
mod folder;
mod herd;
mod idle;
mod instructions;
mod large;
mod line;
mod machine;
mod matrix;
mod pages;
mod posts;
mod report;
mod requests;
mod seed;
mod server;
mod transfer;
mod wear;

use std::{
    fs,
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

/// How much time is spent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) time: Duration,
    pub(crate) repetitions: u32,
    /// Whether what takes minutes is left out.
    pub(crate) quick: bool,
}

/// A part of the measurements, by the name that it is asked for.
type Part = (&'static str, fn(&Effort) -> Vec<report::Row>);

const PARTS: &[Part] = &[
    ("disk", disk::limits),
    ("send", requests::send),
    ("ping", requests::pong),
    ("instructions", instructions::instructions),
    ("fan-out", fanout::fan_out),
    ("herd", herd::herd),
    ("churn", herd::churn),
    ("wear", wear::wear),
    ("start", idle::start),
    ("idle", idle::connections),
    ("rest", idle::rest_of_nobody),
    ("read", pages::read),
    ("all-flow", large::all_flow),
    ("edits", large::edits),
    ("search", large::search),
    ("matrix", matrix::matrix),
    ("transfer", transfer::transfers),
    ("posts", posts::posts),
    ("attacks", attacks::attacks),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [argument, receivers, bytes] = &arguments[..]
        && argument == broadcast::ARGUMENT
    {
        let number = |text: &str| text.parse().expect("a number");
        return broadcast::serve(number(receivers), number(bytes));
    }
    // Without it, it is `cargo test --all-targets` that runs this, and wants no figures.
    if !arguments.iter().any(|it| it == "--bench") {
        return;
    }
    let wanted: Vec<_> = arguments
        .iter()
        .filter(|it| !it.starts_with("--"))
        .collect();
    let quick = is_quick();
    let effort = Effort {
        time: Duration::from_millis(if quick { 700 } else { 3000 }),
        repetitions: if quick { 1 } else { 3 },
        quick,
    };
    folder::clean_up_on_panic();
    // The only parts that are compared with no echo.
    let without = ["posts", "attacks"];
    if wanted.is_empty() || wanted.iter().any(|it| !without.contains(&it.as_str())) {
        server::build_echo();
    }
    let folder = folder::disk();
    let mut about = machine::about(&folder);
    let mut rows = Vec::new();
    for (name, measure) in PARTS {
        if wanted.is_empty() || wanted.iter().any(|it| it == name) {
            print!("measuring {name} ... ");
            std::io::stdout().flush().expect("a terminal");
            let start = Instant::now();
            rows.extend(measure(&effort));
            println!("{:.0} s", start.elapsed().as_secs_f64());
        }
    }
    about["load_after"] = machine::load().into();
    let lines = machine::lines(&about);
    println!("\n{lines}{}", report::table(&rows));
    let path = folder.join("report.json");
    fs::write(&path, format!("{:#}\n", report::json(&rows, &about))).expect("the report");
    println!("\nThe same for programs: {}", path.display());
    if arguments.iter().any(|it| it == "--docs") {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/performance.md");
        let old = fs::read_to_string(&page).expect("the page");
        let new = report::insert(&old, &report::markdown(&rows, &lines));
        fs::write(&page, new.expect("a page with marks")).expect("the page");
        println!("The figures are in {}", page.display());
    }
}

/// Whether two minutes have to do.
pub(crate) fn is_quick() -> bool {
    std::env::var_os("QUICK").is_some_and(|it| !it.is_empty() && it != "0")
}
