//! The form of Alertmanager's webhooks, version 4, and of Grafana's unified alerting.
//!
//! Source: Prometheus' documentation, `webhook_config`; Grafana's, Webhook notifications.

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::said::{Complaint, Said, link, one_line};
use crate::service::AlertGroup;

/// The most alerts that get a line.
const MAX_LINES: usize = 10;

/// Reads JSON with a list of alerts.
pub(super) fn of_json(json: &Map<String, Value>) -> Result<Said, Complaint> {
    let alerts = json.get("alerts").and_then(Value::as_array);
    let alerts = alerts.ok_or_else(|| Complaint::bad("the field `alerts` is a list of alerts"))?;
    let is_firing =
        |alert: &&Value| alert.get("status").and_then(Value::as_str) != Some("resolved");
    let (firing, resolved): (Vec<&Value>, Vec<&Value>) = alerts.iter().partition(is_firing);
    let status = json.get("status").and_then(Value::as_str);
    let fires = !firing.is_empty() || alerts.is_empty() && status == Some("firing");
    let name = name(json, alerts);
    let called = if name.is_empty() {
        String::new()
    } else {
        format!(": {name}")
    };
    let headline = if fires {
        format!("🔥 {} firing{called}", firing.len().max(1))
    } else {
        format!("✅ resolved{called}")
    };
    let told = if fires { &firing } else { &resolved };
    let mut lines = vec![headline.clone()];
    lines.extend(told.iter().take(MAX_LINES).map(|alert| line(alert)));
    if told.len() > MAX_LINES {
        lines.push(format!("… and {} more", told.len() - MAX_LINES));
    }
    lines.retain(|line| !line.is_empty());
    let key = json.get("groupKey").and_then(Value::as_str);
    let group = key.filter(|key| !key.is_empty()).map(|key| AlertGroup {
        key: hashed(key),
        is_firing: fires,
        headline,
    });
    Ok(Said {
        text: lines.join("\n"),
        group,
        ..Said::default()
    })
}

/// Returns the key under which a group is stored: Alertmanager's own key is as long as its labels.
fn hashed(key: &str) -> String {
    use std::fmt::Write as _;
    let digest = Sha256::digest(key.as_bytes());
    digest.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn label<'a>(value: &'a Value, kind: &str, name: &str) -> Option<&'a str> {
    let text = value.get(kind)?.get(name)?.as_str()?;
    (!text.trim().is_empty()).then_some(text)
}

/// Returns the common name of alerts that are reported together.
fn name(json: &Map<String, Value>, alerts: &[Value]) -> String {
    let common = ["commonLabels", "groupLabels"]
        .into_iter()
        .find_map(|kind| {
            let found = json.get(kind)?.get("alertname")?.as_str()?;
            (!found.is_empty()).then_some(found)
        });
    if let Some(common) = common {
        return one_line(common);
    }
    let mut names: Vec<&str> = Vec::new();
    for found in alerts
        .iter()
        .filter_map(|alert| label(alert, "labels", "alertname"))
    {
        if !names.contains(&found) && names.len() < MAX_LINES {
            names.push(found);
        }
    }
    one_line(&names.join(", "))
}

/// Returns `instance: summary`, and a link to the source.
fn line(alert: &Value) -> String {
    let instance = ["instance", "host", "job", "pod", "grafana_folder"]
        .into_iter()
        .find_map(|name| label(alert, "labels", name));
    let summary = ["summary", "description", "message"]
        .into_iter()
        .find_map(|name| label(alert, "annotations", name))
        .or_else(|| label(alert, "labels", "alertname"));
    let words = match (instance, summary) {
        (Some(instance), Some(summary)) => format!("{}: {}", one_line(instance), one_line(summary)),
        (one, other) => one_line(one.or(other).unwrap_or_default()),
    };
    let url = alert
        .get("generatorURL")
        .and_then(Value::as_str)
        .and_then(link);
    match url.filter(|url| url.starts_with("http")) {
        Some(url) => format!("{words} {url}").trim_start().to_owned(),
        None => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(status: &[&str]) -> Said {
        let alert = |(n, status): (usize, &&str)| {
            json!({"status": status, "labels": {"alertname": "HighLoad", "instance": format!("pi{n}:9100")},
                   "annotations": {"summary": "load is high"}, "generatorURL": format!("http://prom.lan/{n}")})
        };
        let alerts: Vec<Value> = status.iter().enumerate().map(alert).collect();
        let json = json!({"version": "4", "groupKey": "{}:{}", "status": "firing",
            "commonLabels": {"alertname": "HighLoad"}, "alerts": alerts});
        of_json(json.as_object().unwrap()).unwrap()
    }

    #[test]
    fn a_group_is_one_message() {
        let said = read(&["firing", "resolved", "firing"]);
        assert_eq!(
            said.text,
            "🔥 2 firing: HighLoad\npi0:9100: load is high http://prom.lan/0\npi2:9100: load is high http://prom.lan/2"
        );
        assert!(said.group.as_ref().unwrap().is_firing);
        let many = read(&["firing"; 13]);
        assert_eq!(many.text.lines().count(), 12);
        assert!(many.text.ends_with("… and 3 more"));
        let over = read(&["resolved"]);
        assert!(
            over.text.starts_with("✅ resolved: HighLoad\npi0:9100"),
            "{}",
            over.text
        );
        let (one, other) = (said.group.unwrap(), over.group.unwrap());
        assert_eq!((one.key, other.is_firing), (other.key, false));
    }

    #[test]
    fn what_is_missing_is_left_out() {
        let json = json!({"version": "1", "status": "firing", "alerts": [{"labels": {}, "generatorURL": "javascript:1"}]});
        let said = of_json(json.as_object().unwrap()).unwrap();
        assert_eq!((said.text.as_str(), said.group), ("🔥 1 firing", None));
    }
}
