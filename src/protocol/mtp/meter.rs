//! Numbers of requests and of failures, and how long requests took, by method, for monitoring.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The upper bounds of the duration buckets, in seconds.
const ENDS: [f64; 8] = [0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0];

/// The most methods that are counted by name. There are fewer; unknown names that clients send are
/// not methods.
const METHODS: usize = 128;

/// The name under which all other methods are counted.
const OTHER: &str = "other";

/// Counts of requests. Nothing is counted if nobody reads the counts.
#[derive(Debug, Default)]
pub struct Meter(Mutex<BTreeMap<String, Counts>>);

#[derive(Debug, Default)]
struct Counts {
    requests: u64,
    errors: u64,
    seconds: f64,
    /// Requests by duration bucket; slower requests are in none.
    classes: [u64; ENDS.len()],
}

impl Meter {
    /// Counts a request.
    pub(super) fn count(&self, method: &str, is_error: bool, took: Duration) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = all.contains_key(method);
        let name = if is_known || all.len() < METHODS {
            method
        } else {
            OTHER
        };
        if !all.contains_key(name) {
            all.insert(name.to_owned(), Counts::default());
        }
        let Some(counts) = all.get_mut(name) else {
            return;
        };
        let seconds = took.as_secs_f64();
        counts.requests += 1;
        counts.errors += u64::from(is_error);
        counts.seconds += seconds;
        if let Some(class) = ENDS.iter().position(|end| seconds <= *end) {
            counts.classes[class] += 1;
        }
    }

    /// Returns the counts in the text format of Prometheus.
    #[must_use]
    pub fn text(&self) -> String {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut requests = String::from("# TYPE morelia_requests_total counter\n");
        let mut errors = String::from("# TYPE morelia_request_errors_total counter\n");
        let mut durations = String::from("# TYPE morelia_request_seconds histogram\n");
        for (method, counts) in all.iter() {
            let label = format!("{{method=\"{method}\"}}");
            let _ = writeln!(
                requests,
                "morelia_requests_total{label} {}",
                counts.requests
            );
            let _ = writeln!(
                errors,
                "morelia_request_errors_total{label} {}",
                counts.errors
            );
            let mut sum = 0;
            for (end, count) in ENDS.iter().zip(counts.classes) {
                sum += count;
                let _ = writeln!(
                    durations,
                    "morelia_request_seconds_bucket{{method=\"{method}\",le=\"{end}\"}} {sum}"
                );
            }
            let _ = write!(
                durations,
                "morelia_request_seconds_bucket{{method=\"{method}\",le=\"+Inf\"}} {}\n\
                 morelia_request_seconds_sum{label} {}\nmorelia_request_seconds_count{label} {}\n",
                counts.requests, counts.seconds, counts.requests
            );
        }
        requests + &errors + &durations
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_method_and_time() {
        let meter = Meter::default();
        meter.count("ping_pong", false, Duration::from_millis(3));
        meter.count("ping_pong", true, Duration::from_secs(100));
        let text = meter.text();
        for line in [
            "morelia_requests_total{method=\"ping_pong\"} 2",
            "morelia_request_errors_total{method=\"ping_pong\"} 1",
            "morelia_request_seconds_bucket{method=\"ping_pong\",le=\"0.001\"} 0",
            "morelia_request_seconds_bucket{method=\"ping_pong\",le=\"0.005\"} 1",
            "morelia_request_seconds_bucket{method=\"ping_pong\",le=\"60\"} 1",
            "morelia_request_seconds_bucket{method=\"ping_pong\",le=\"+Inf\"} 2",
            "morelia_request_seconds_count{method=\"ping_pong\"} 2",
        ] {
            assert!(text.lines().any(|it| it == line), "{line}\n{text}");
        }
    }

    #[test]
    fn names_are_bounded() {
        let meter = Meter::default();
        for number in 0..1000 {
            meter.count(&number.to_string(), true, Duration::ZERO);
        }
        let text = meter.text();
        assert!(text.contains("morelia_requests_total{method=\"other\"} 872"));
    }
}
