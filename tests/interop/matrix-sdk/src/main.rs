//! A day of a client made with matrix-sdk: HOMESERVER LOGIN PASSWORD. It prints what a test waits for, and
//! goes on after each line that it is told. See `tests/matrix/clients.rs`.

use std::{io::BufRead as _, time::Duration};

use anyhow::{Context as _, Result, ensure};
use matrix_sdk::{
    Client, Room, RoomState,
    attachment::AttachmentConfig,
    config::SyncSettings,
    room::{MessagesOptions, edit::EditedContent},
    ruma::{
        OwnedEventId,
        api::client::room::create_room::v3::Request as NewRoom,
        events::{
            reaction::ReactionEventContent, relation::Annotation,
            room::message::RoomMessageEventContent,
        },
        user_id,
    },
};
use serde_json::Value;

/// The most answers of `/sync` in which something is looked for.
const MOST: usize = 20;

/// The beginning of a picture of one point.
const DOT: [u8; 33] = [
    0x89, b'P', b'N', b'G', 13, 10, 26, 10, 0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0,
    0, 1, 8, 6, 0, 0, 0, 0x1f, 0x15, 0xc4, 0x89,
];

fn wait_for_the_test() -> Result<()> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    ensure!(!line.is_empty(), "the test has ended");
    Ok(())
}

/// Follows the server until an event of the room is what is looked for.
async fn hear(
    client: &Client,
    room: &Room,
    what: &str,
    is_it: impl Fn(&Value) -> bool,
) -> Result<()> {
    for _ in 0..MOST {
        let settings = SyncSettings::default().timeout(Duration::from_secs(5));
        let told = client.sync_once(settings).await?;
        let news = told.rooms.joined.get(room.room_id());
        let events = news.map(|news| news.timeline.events.as_slice());
        for event in events.unwrap_or_default() {
            if is_it(&serde_json::from_str(event.raw().json().get())?) {
                return Ok(());
            }
        }
    }
    anyhow::bail!("{what} was not told")
}

fn says(event: &Value, text: &str) -> bool {
    event["content"]["body"] == text
}

async fn sent(room: &Room, text: &str) -> Result<OwnedEventId> {
    let content = RoomMessageEventContent::text_plain(text);
    Ok(room.send(content).await?.response.event_id)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut argument = || arguments.next().context("HOMESERVER LOGIN PASSWORD");
    let (server, login, password) = (argument()?, argument()?, argument()?);
    let client = Client::builder().homeserver_url(server).build().await?;
    let auth = client.matrix_auth();
    auth.login_username(&login, &password)
        .initial_device_display_name("matrix-sdk")
        .send()
        .await?;
    client.sync_once(SyncSettings::default()).await?;
    let mut new = NewRoom::new();
    new.name = Some("By the SDK".to_owned());
    new.invite = vec![user_id!("@boris:example.org").to_owned()];
    let room = client.create_room(new).await?;
    println!("{}", room.room_id());

    // A text that is edited, a picture, a text that is redacted.
    let first = sent(&room, "hello from the SDK").await?;
    hear(&client, &room, "the text", |it| {
        says(it, "hello from the SDK")
    })
    .await?;
    ensure!(
        room.name().as_deref() == Some("By the SDK"),
        "the name of the room"
    );
    let better = RoomMessageEventContent::text_plain("better");
    let edit = room
        .make_edit_event(&first, EditedContent::RoomMessage(better.into()))
        .await?;
    room.send(edit).await?;
    let picture = AttachmentConfig::new();
    room.send_attachment("dot.png", &mime::IMAGE_PNG, DOT.to_vec(), picture)
        .await?;
    let wrong = sent(&room, "wrong").await?;
    room.redact(&wrong, Some("oops"), None).await?;
    hear(&client, &room, "the redaction", |it| {
        it["type"] == "m.room.redaction"
    })
    .await?;
    println!("sent");
    wait_for_the_test()?;

    // What the other protocol says, and a reaction to it.
    let mut theirs = None;
    for _ in 0..MOST {
        let settings = SyncSettings::default().timeout(Duration::from_secs(5));
        let told = client.sync_once(settings).await?;
        let news = told.rooms.joined.get(room.room_id());
        let events = news.map(|news| news.timeline.events.as_slice());
        for event in events.unwrap_or_default() {
            let whole: Value = serde_json::from_str(event.raw().json().get())?;
            if says(&whole, "hello back") {
                theirs = event.event_id();
            }
        }
        if theirs.is_some() {
            break;
        }
    }
    let theirs = theirs.context("what the other protocol says was not told")?;
    let like = ReactionEventContent::new(Annotation::new(theirs, "👍".to_owned()));
    room.send(like).await?;
    let page = room.messages(MessagesOptions::backward()).await?;
    ensure!(
        page.chunk.len() >= 5,
        "a page has only {}",
        page.chunk.len()
    );
    println!("heard");
    wait_for_the_test()?;

    room.leave().await?;
    client.sync_once(SyncSettings::default()).await?;
    ensure!(room.state() == RoomState::Left, "it is still in the room");
    auth.logout().await?;
    println!("done");
    Ok(())
}
