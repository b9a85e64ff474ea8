//! Checks for accounts with names that could not be chosen now: they are older than the rules, or
//! were imported.

use super::Finding;
use super::database::Pages;
use crate::admin::print::cell;
use crate::cli::CheckTopic;
use crate::config::Config;
use crate::store::names::Deceit;

const TOPIC: CheckTopic = CheckTopic::Database;

/// The most accounts that are listed one by one.
const MOST: usize = 10;

pub(super) fn examine(config: &Config, pages: &Pages<'_>) -> Vec<Finding> {
    if !pages.can_be_read() {
        return Vec::new();
    }
    let path = &config.database.path;
    let found = crate::admin::on_database(path, config, async |service| {
        Ok(service.deceiving_names(MOST + 1).await?)
    });
    let found = found.unwrap_or_default();
    let mut findings: Vec<Finding> = found
        .iter()
        .take(MOST)
        .map(|(login, deceit)| finding(login, *deceit))
        .collect();
    if found.len() > MOST {
        findings.push(Finding::warn(
            TOPIC,
            "there are more accounts with such names",
            "change these, and run the check again",
        ));
    }
    findings
}

fn finding(login: &str, deceit: Deceit) -> Finding {
    let shown = cell(Some(login));
    let (text, remedy) = match deceit {
        Deceit::Login => (
            format!(
                "the login {shown} mixes letters of several scripts in a word, or has invisible \
                 characters"
            ),
            "it still works; ask its user to choose another",
        ),
        Deceit::LoginAlike => (
            format!("the login {shown} looks like another login"),
            "it still works; check with `morelia user show` that both are who you think",
        ),
        Deceit::Name => (
            format!("the name of {shown} has invisible characters"),
            "change it: `morelia user set LOGIN --username NAME`",
        ),
        Deceit::NameAlike => (
            format!("the name of {shown} looks like the login of somebody else"),
            "change it: `morelia user set LOGIN --username NAME`",
        ),
    };
    Finding::warn(TOPIC, text, remedy)
}
