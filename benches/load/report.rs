//! What was measured, beside its ceiling and its target: as a table, as Markdown, as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// One measured figure.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    group: &'static str,
    what: String,
    value: f64,
    unit: &'static str,
    /// What it is compared with, and how much that is.
    ceiling: Option<(&'static str, f64)>,
    /// What is to be met: by the ratio where there is a ceiling, else by the value.
    target: Option<Target>,
    /// More about it: quantiles, sizes.
    note: String,
    /// The value, and its ceiling where there is one, in each repetition.
    runs: Vec<Vec<f64>>,
}

/// A bound.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
}

impl Target {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtLeast(bound) => write!(f, "≥ {}", short(*bound)),
            Self::AtMost(bound) => write!(f, "≤ {}", short(*bound)),
        }
    }
}

impl Row {
    /// A figure by itself.
    pub(crate) fn new(
        group: &'static str,
        what: impl Into<String>,
        value: f64,
        unit: &'static str,
    ) -> Self {
        Self {
            group,
            what: what.into(),
            value,
            unit,
            ceiling: None,
            target: None,
            note: String::new(),
            runs: Vec::new(),
        }
    }

    /// A figure by itself, measured several times: the median.
    pub(crate) fn median(
        group: &'static str,
        what: impl Into<String>,
        unit: &'static str,
        runs: impl IntoIterator<Item = f64>,
    ) -> Self {
        let all: Vec<f64> = runs.into_iter().collect();
        Self {
            runs: all.iter().map(|value| vec![*value]).collect(),
            ..Self::new(group, what, median(all), unit)
        }
    }

    /// A figure beside its ceiling, both measured in turn several times: the repetition whose
    /// ratio is the median.
    pub(crate) fn against(
        group: &'static str,
        what: impl Into<String>,
        unit: &'static str,
        ceiling: &'static str,
        mut runs: Vec<(f64, f64)>,
    ) -> Self {
        let all = runs.iter().map(|(value, ceiling)| vec![*value, *ceiling]);
        let all = all.collect();
        runs.sort_by(|a, b| (a.0 / a.1).total_cmp(&(b.0 / b.1)));
        let (value, limit) = runs[runs.len() / 2];
        Self {
            ceiling: Some((ceiling, limit)),
            runs: all,
            ..Self::new(group, what, value, unit)
        }
    }

    pub(crate) fn target(mut self, target: Target) -> Self {
        self.target = Some(target);
        self
    }

    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    fn ratio(&self) -> Option<f64> {
        self.ceiling.map(|(_, ceiling)| self.value / ceiling)
    }

    /// Whether its target is met; `None` where there is none.
    pub(crate) fn is_met(&self) -> Option<bool> {
        let value = self.ratio().unwrap_or(self.value);
        self.target.map(|target| target.is_met(value))
    }

    fn cells(&self) -> [String; 7] {
        let (ceiling, ratio) = match self.ceiling {
            Some((name, value)) => (
                format!("{} {name}", short(value)),
                short(self.value / value),
            ),
            None => (String::new(), String::new()),
        };
        [
            format!("{}, {}", self.group, self.what),
            format!("{} {}", short(self.value), self.unit),
            ceiling,
            ratio,
            self.target.map_or_else(String::new, |it| it.to_string()),
            match self.is_met() {
                Some(true) => "met".to_owned(),
                Some(false) => "MISSED".to_owned(),
                None => String::new(),
            },
            self.note.clone(),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "group": self.group,
            "what": self.what,
            "value": self.value,
            "unit": self.unit,
            "ceiling": self.ceiling.map(|(name, value)| json!({"name": name, "value": value})),
            "ratio": self.ratio(),
            "target": self.target.map(|target| target.to_string()),
            "met": self.is_met(),
            "note": self.note,
            "runs": self.runs,
        })
    }
}

const HEAD: [&str; 7] = [
    "what", "measured", "ceiling", "ratio", "target", "", "notes",
];

/// The middle of some values.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A table for a terminal.
pub(crate) fn table(rows: &[Row]) -> String {
    let cells: Vec<_> = std::iter::once(HEAD.map(str::to_owned))
        .chain(rows.iter().map(Row::cells))
        .collect();
    let widths: Vec<usize> = (0..HEAD.len())
        .map(|column| {
            let width = |row: &[String; 7]| row[column].chars().count();
            cells.iter().map(width).max().unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for row in &cells {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "{cell:<width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The same for a page of the documentation.
pub(crate) fn markdown(rows: &[Row], about: &str) -> String {
    let mut text = String::new();
    for line in about.lines() {
        let _ = writeln!(text, "{line}  ");
    }
    let _ = writeln!(text, "\n| {} |", HEAD.join(" | "));
    text.push_str("| --- | ---: | ---: | ---: | ---: | --- | --- |\n");
    for row in rows {
        let _ = writeln!(text, "| {} |", row.cells().join(" | "));
    }
    text
}

/// Puts text between the marks of a page.
pub(crate) fn insert(page: &str, text: &str) -> Option<String> {
    const BEGIN: &str = "<!-- figures -->\n";
    const END: &str = "<!-- end of figures -->\n";
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{text}\n{END}{after}"))
}

/// The same for programs.
pub(crate) fn json(rows: &[Row], about: &Value) -> Value {
    json!({"about": about, "rows": rows.iter().map(Row::json).collect::<Vec<_>>()})
}

/// Three digits, with a mark between thousands.
fn short(value: f64) -> String {
    let size = value.abs();
    if size >= 1000.0 {
        let whole = format!("{value:.0}");
        let mut text = String::new();
        for (place, digit) in whole.chars().enumerate() {
            if place > 0 && (whole.len() - place) % 3 == 0 {
                text.push(',');
            }
            text.push(digit);
        }
        text
    } else if size >= 100.0 {
        format!("{value:.0}")
    } else if size >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}
