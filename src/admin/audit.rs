//! `audit`: what administrators and the operator did.

use serde_json::{Value, json};

use super::error::CliError;
use super::print::{self, Output};
use super::{result, with_service};
use crate::config::Sources;
use crate::exit::Exit;
use crate::model::{AuditEntry, Named};

/// Runs the command.
///
/// # Errors
/// The database cannot be used.
pub fn run(
    limit: usize,
    before: Option<i64>,
    sources: &Sources,
    output: &Output,
) -> Result<Exit, CliError> {
    let entries = with_service(sources, async |service, _| {
        let (mut entries, mut after) = (Vec::new(), before);
        while entries.len() < limit {
            let page = service.audit(after).await?;
            after = page.rows.last().map(|entry| entry.id);
            entries.extend(page.rows);
            if page.is_last {
                break;
            }
        }
        entries.truncate(limit);
        Ok(entries)
    })?;
    let documents: Vec<Value> = entries.iter().map(document).collect();
    result(output, &json!({"audit": documents}), &table(&entries))
}

fn document(entry: &AuditEntry) -> Value {
    json!({
        "id": entry.id,
        "time": entry.at.seconds(),
        "by": login(entry.by.as_ref()),
        "act": entry.act,
        "of": login(entry.user.as_ref()),
        "what": entry.what,
        "detail": entry.detail,
    })
}

fn login(named: Option<&Named>) -> Option<&str> {
    named?.login.as_deref()
}

fn table(entries: &[AuditEntry]) -> String {
    let rows: Vec<_> = entries
        .iter()
        .map(|entry| {
            let by = match &entry.by {
                Some(named) => print::cell(named.login.as_deref()),
                None => "the operator".to_owned(),
            };
            vec![
                entry.id.to_string(),
                print::time(entry.at),
                by,
                entry.act.replace('_', " "),
                print::cell(login(entry.user.as_ref())),
                print::cell(entry.what.as_deref()),
                print::cell(entry.detail.as_deref()),
            ]
        })
        .collect();
    let head = ["ID", "TIME (UTC)", "BY", "ACT", "OF", "WHAT", "DETAIL"];
    print::table(&head, &rows)
}
