//! `invite …`: codes that let a user register.

use std::fmt::Write as _;
use std::time::Duration;

use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use serde_json::{Value, json};

use super::error::CliError;
use super::print::{self, Output};
use super::{names, result, secret, with_service};
use crate::app::links;
use crate::cli::InviteCommand;
use crate::config::{Registration, Sources, Word};
use crate::exit::Exit;
use crate::model::{Invitation, Timestamp};
use crate::service::{Ends, Invite, Refusal, ServiceError};

/// Runs the command.
///
/// # Errors
/// The named object does not exist, or the database cannot be used.
pub fn run(command: &InviteCommand, sources: &Sources, output: &Output) -> Result<Exit, CliError> {
    match command {
        InviteCommand::Create {
            uses,
            expires,
            flow,
            note,
        } => {
            let note = note.clone();
            create(*uses, *expires, flow.as_deref(), note, sources, output)
        }
        InviteCommand::List => {
            let list = with_service(sources, async |service, _| {
                Ok(service.invitations().await?)
            })?;
            let documents: Vec<Value> = list.iter().map(document).collect();
            result(output, &json!({"invitations": documents}), &table(&list))
        }
        InviteCommand::Revoke { code } => {
            let revoked = with_service(sources, async |service, _| {
                match service.invitation_of(code).await {
                    Ok(id) => Ok(service.revoke_invitation(id).await?),
                    Err(ServiceError::Refused(Refusal::NotFound(_))) => Ok(false),
                    Err(err) => Err(err.into()),
                }
            })?;
            if !revoked {
                return Err(CliError::NotFound(
                    "there is no such invitation; `morelia invite list` lists the valid ones"
                        .to_owned(),
                ));
            }
            result(output, &json!({"revoked": 1}), "the invitation is revoked")
        }
    }
}

fn create(
    uses: u32,
    lifetime: Duration,
    flow: Option<&str>,
    note: Option<String>,
    sources: &Sources,
    output: &Output,
) -> Result<Exit, CliError> {
    let (new, mode, config) = with_service(sources, async |service, config| {
        let flow = match flow {
            Some(flow) => Some(names::flow(service, flow).await?.uuid),
            None => None,
        };
        let invite = Invite {
            uses: i64::from(uses),
            ends: Ends::After(lifetime),
            flow,
            note,
        };
        let mode = service.registration().await?;
        let new = service.make_invitation(invite, None).await?;
        Ok((new, mode, config.clone()))
    })?;
    let code = new.code.as_str();
    let link = links::opening(&config, &format!("/invite/{code}"));
    if mode == Registration::Closed {
        output.note(
            "morelia: registration is closed, so nobody can register with this invitation: `morelia \
             registration invite` allows it",
        );
    }
    if output.is_json() {
        let document = json!({
            "code": code,
            "link": link,
            "expires": new.expires_at.map(Timestamp::seconds),
            "uses": uses,
            "registration": mode.word(),
        });
        return result(output, &document, "");
    }
    let until = new.expires_at.map_or_else(
        || "for ever".to_owned(),
        |end| format!("until {} UTC", print::time(end)),
    );
    let mut text = format!(
        "code  {code}\nlink  {link}\ngood  {until}, for {}\n\n{}",
        people(uses),
        qr(&link)?
    );
    if let Some(fingerprint) = super::tls::fingerprint_of_house(&config) {
        let _ = write!(
            text,
            "\nThe link leads to a page that makes a device trust this server. It shows this \
             fingerprint:\n{fingerprint}"
        );
    }
    secret(output, &Value::Null, &text, &link)
}

/// Returns how many people a code admits.
fn people(uses: u32) -> String {
    match uses {
        1 => "1 person".to_owned(),
        _ => format!("{uses} people"),
    }
}

/// Returns a link as a QR code of half blocks with the margin that cameras need. Terminals are
/// light on dark, so the parts that are light on paper are printed.
pub(super) fn qr(link: &str) -> Result<String, CliError> {
    let code = QrCode::new(link)
        .map_err(|err| CliError::Failed(format!("the link makes no QR code: {err}")))?;
    Ok(code
        .render::<Dense1x2>()
        .dark_color(Dense1x2::Light)
        .light_color(Dense1x2::Dark)
        .build())
}

fn document(invitation: &Invitation) -> Value {
    json!({
        "id": invitation.id.0,
        "hint": invitation.hint,
        "note": invitation.note,
        "created_by": invitation.created_by,
        "created": invitation.created_at.seconds(),
        "expires": invitation.expires_at.map(Timestamp::seconds),
        "uses_left": invitation.uses_left,
        "flow": invitation.title,
    })
}

fn table(invitations: &[Invitation]) -> String {
    let rows: Vec<_> = invitations
        .iter()
        .map(|it| {
            vec![
                format!("{}-…", it.hint),
                it.uses_left.to_string(),
                it.expires_at
                    .map_or_else(|| "never".to_owned(), print::time),
                it.created_by
                    .as_deref()
                    .map_or_else(|| "(command line)".to_owned(), print::safe),
                print::cell(it.title.as_deref()),
                print::cell(it.note.as_deref()),
            ]
        })
        .collect();
    let head = ["code", "uses left", "ends (UTC)", "made by", "flow", "note"];
    print::table(&head, &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_square_and_has_a_margin() {
        let picture = qr("http://127.0.0.1:8000/invite/0000-0000-0000-0000").unwrap();
        let lines: Vec<&str> = picture.lines().collect();
        let width = lines[0].chars().count();
        assert!(lines.iter().all(|line| line.chars().count() == width));
        assert_eq!(lines.len(), width.div_ceil(2));
        assert!(
            lines[0]
                .chars()
                .all(|sign| sign == lines[0].chars().next().unwrap())
        );
    }
}
