//! Checks Matrix, if it is enabled: whether clients find it, and whether phones accept it.

use serde_json::Value;

use super::Finding;
use super::net::own_trust;
use crate::admin::status;
use crate::cli::CheckTopic;
use crate::client::{self, Address, ClientError, HttpAnswer, Trust};
use crate::config::Config;

const TOPIC: CheckTopic = CheckTopic::Net;

/// The address at which clients look up the server of a name.
const WELL_KNOWN: &str = "/.well-known/matrix/client";

/// The first address that clients request from a server.
const VERSIONS: &str = "/_matrix/client/versions";

pub(super) fn examine(config: &Config) -> Vec<Finding> {
    if !config.matrix.enabled {
        return Vec::new();
    }
    let Some(url) = config.server.public_url.as_deref() else {
        return vec![Finding::warn(
            TOPIC,
            "Matrix is on, but public_url is not set: clients are not told where this server is",
            "set public_url in section [server] to the https address of this server",
        )];
    };
    let mut found = Vec::new();
    if !url.starts_with("https://") {
        found.push(Finding::warn(
            TOPIC,
            format!("Matrix clients on phones refuse {url}: they require https"),
            "set acme or local_ca in section [tls], or use a proxy that encrypts, and set \
             public_url to the https address",
        ));
    }
    if status::ask(config).is_none() {
        // It is reported once for the whole address that it was not tried.
        return found;
    }
    found.push(versions(url, &ask(url, &own_trust(config), VERSIONS)));
    if let Some(name) = config.matrix.name(Some(url)) {
        let place = format!("https://{name}");
        let trust = if place == url {
            own_trust(config)
        } else {
            Trust::System
        };
        let answer = ask(&place, &trust, WELL_KNOWN);
        found.push(well_known(&name, url, &answer));
    }
    found
}

fn ask(url: &str, trust: &Trust, path: &str) -> Result<HttpAnswer, ClientError> {
    let address: Address = url.parse()?;
    let headers = [("Connection", "close")];
    let asked = status::block_on(client::get(&address, trust, path, &headers));
    asked.unwrap_or_else(|cause| {
        Err(ClientError::Unreachable {
            address: url.to_owned(),
            cause,
        })
    })
}

/// Checks whether a Matrix client finds a Matrix server at the public address.
fn versions(url: &str, answer: &Result<HttpAnswer, ClientError>) -> Finding {
    let remedy = "have the proxy forward all of /_matrix/, as in `morelia proxy-config`, and \
                  restart the server if [matrix] was switched on after it started";
    match answer {
        Ok(answer) if document(answer)["versions"].is_array() => {
            Finding::ok(TOPIC, format!("Matrix answers at {url}"))
        }
        Ok(answer) => Finding::fail(
            TOPIC,
            format!(
                "{url}{VERSIONS} does not answer like a Matrix server (HTTP {})",
                answer.status
            ),
            remedy,
        ),
        Err(err) => Finding::fail(TOPIC, format!("Matrix cannot be reached: {err}"), remedy),
    }
}

/// Checks whether the server name that users type leads here.
fn well_known(name: &str, url: &str, answer: &Result<HttpAnswer, ClientError>) -> Finding {
    let said = answer.as_ref().ok().map(document);
    let base = said
        .as_ref()
        .and_then(|said| said["m.homeserver"]["base_url"].as_str());
    let is_ours = base.is_some_and(|base| base.trim_end_matches('/') == url.trim_end_matches('/'));
    if is_ours {
        return Finding::ok(
            TOPIC,
            format!("the name {name} leads Matrix clients to {url}"),
        );
    }
    let what = match (base, answer) {
        (Some(base), _) => format!("it leads to {base}"),
        (None, Ok(answer)) => format!(
            "https://{name}{WELL_KNOWN} names no server (HTTP {})",
            answer.status
        ),
        (None, Err(err)) => err.to_string(),
    };
    Finding::warn(
        TOPIC,
        format!("the name {name} does not lead Matrix clients here: {what}"),
        format!(
            "have https://{name}{WELL_KNOWN} answer {{\"m.homeserver\": {{\"base_url\": \
             \"{url}\"}}}}, or have people enter {url} as their server"
        ),
    )
}

/// Returns a successful answer as JSON.
fn document(answer: &HttpAnswer) -> Value {
    let good = (answer.status == 200).then_some(&answer.body);
    good.and_then(|body| serde_json::from_str(body).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    fn answer(status: u16, body: &str) -> HttpAnswer {
        HttpAnswer {
            status,
            body: body.to_owned(),
        }
    }

    #[test]
    fn only_matrix_is_taken_for_matrix() {
        let level = |status, body| versions("https://chat", &Ok(answer(status, body))).level;
        assert_eq!(level(200, r#"{"versions":["v1.1"]}"#), Level::Ok);
        assert_eq!(level(200, "<html>"), Level::Fail);
        assert_eq!(level(404, r#"{"versions":["v1.1"]}"#), Level::Fail);
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_told() {
        let of = |body| well_known("example.org", "https://chat", &Ok(answer(200, body)));
        let found = of(r#"{"m.homeserver":{"base_url":"https://chat/"}}"#);
        assert_eq!(found.level, Level::Ok);
        let found = of(r#"{"m.homeserver":{"base_url":"https://matrix.org"}}"#);
        assert_eq!(found.level, Level::Warn);
        assert!(
            found.text.ends_with("it leads to https://matrix.org"),
            "{}",
            found.text
        );
        assert!(of("").text.contains("names no server"));
    }
}
