//! `list_backups`: lists the copies of the database, for administrators.
//!
//! Source: MTP extensions of this server, `list_backups`.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::super::codes;
use super::super::error::MtpError;
use super::super::request::{Data, Text};
use super::super::rows::Backup;
use super::Context;
use crate::model::Page;
use crate::service::SignedIn;

#[derive(Default, Deserialize)]
struct Arguments<'a> {
    #[serde(borrow, default)]
    after: Option<Text<'a>>,
}

#[derive(Serialize)]
struct Meta<'a> {
    backups: Vec<Backup<'a>>,
}

pub(super) fn read(data: Data<'_>) -> Result<Option<String>, MtpError> {
    let arguments: Arguments<'_> = data.extensions_as().map_err(MtpError::Malformed)?;
    Ok(arguments.after.map(Text::into_owned))
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    after: Option<String>,
) -> Result<Bytes, MtpError> {
    let copies = cx.service.list_backups(user).await?;
    // If the copy no longer exists, the list ends here.
    let begin = match after {
        Some(after) => copies
            .iter()
            .position(|copy| copy.name == after)
            .map_or(copies.len(), |place| place + 1),
        None => 0,
    };
    let page = Page::of(copies.iter().skip(begin).map(Backup::from).collect());
    let code = codes::of_page(&page);
    Ok(cx.reply_with(code, Meta { backups: page.rows }))
}
