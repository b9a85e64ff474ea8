//! Finds rooms and people.

use serde_json::{Value, json};

use super::input::{Body, require_short};
use super::trouble::Trouble;
use super::{Asked, Matrix};
use crate::model::{Form, PublicId};
use crate::service::PublicRoom;

/// The most rooms or people on a page.
const MOST: usize = 100;

/// The number of people that one search finds.
const FOUND: usize = 10;

impl Matrix {
    /// Returns the name of a room from an alias in the path, without `#` and the server.
    fn alias(&self, asked: &Asked) -> Result<String, Trouble> {
        let whole = asked.part(0);
        require_short("the alias", whole)?;
        let name = self.names.alias(whole).filter(|name| !name.contains('\0'));
        let wrong = || Trouble::not_found("this is no name of a room here");
        name.map(str::to_owned).ok_or_else(wrong)
    }

    pub(super) async fn find_alias(&self, asked: &Asked) -> Result<Value, Trouble> {
        let found = self.service.room_named(self.alias(asked)?).await;
        let room = found.map_err(|_| Trouble::not_found("no room has this name"))?;
        Ok(json!({"room_id": self.names.room(room), "servers": [self.names.server()]}))
    }

    pub(super) async fn put_alias(&self, asked: &Asked, body: &Body) -> Result<Value, Trouble> {
        let room = self.names.parse_room(body.needed("room_id")?);
        let alias = self
            .alias(asked)
            .map_err(|_| Trouble::invalid("this is no name of a room here"))?;
        self.service.name_room(&asked.user, room, alias).await?;
        Ok(json!({}))
    }

    pub(super) async fn remove_alias(&self, asked: &Asked) -> Result<Value, Trouble> {
        self.service
            .unname_room(&asked.user, self.alias(asked)?)
            .await?;
        Ok(json!({}))
    }

    pub(super) async fn aliases(&self, asked: &Asked) -> Result<Value, Trouble> {
        let found = self
            .service
            .names_of_room(&asked.user, self.room(asked))
            .await?;
        let found: Vec<_> = found.iter().map(|name| self.whole_alias(name)).collect();
        Ok(json!({"aliases": found}))
    }

    fn whole_alias(&self, name: &str) -> String {
        format!("#{name}:{}", self.names.server())
    }

    pub(super) async fn visibility(&self, asked: &Asked) -> Result<Value, Trouble> {
        let is_public = self.service.is_room_published(self.room(asked)).await?;
        Ok(json!({"visibility": if is_public { "public" } else { "private" }}))
    }

    pub(super) async fn put_visibility(
        &self,
        asked: &Asked,
        body: &Body,
    ) -> Result<Value, Trouble> {
        let on = match body.text("visibility")?.unwrap_or("public") {
            "public" => true,
            "private" => false,
            _ => return Err(Trouble::invalid("visibility is public or private")),
        };
        self.service
            .publish_room(&asked.user, self.room(asked), on)
            .await?;
        Ok(json!({}))
    }

    /// Returns a page of the directory; `since` is the number of the first room.
    pub(super) async fn public_rooms(&self, asked: &Asked, body: &Body) -> Result<Value, Trouble> {
        let number = |name: &str| -> Result<Option<usize>, Trouble> {
            let wrong = || Trouble::invalid(format!("{name} makes no sense"));
            let text = match (asked.parameter(name), body.field(name)) {
                (Some(text), _) => text,
                (None, Some(Value::String(text))) => text.clone(),
                (None, Some(value)) => value.to_string(),
                (None, None) => return Ok(None),
            };
            text.parse().map(Some).map_err(|_| wrong())
        };
        let start = number("since")?.unwrap_or(0);
        let limit = number("limit")?.unwrap_or(MOST).clamp(1, MOST);
        let filter = body.object("filter")?.unwrap_or_default();
        let words = filter
            .text("generic_search_term")?
            .unwrap_or_default()
            .to_lowercase();
        let fits = |room: &PublicRoom| {
            let names = [&room.title, &room.info, &room.alias];
            words.is_empty()
                || names
                    .into_iter()
                    .flatten()
                    .any(|it| it.to_lowercase().contains(&words))
        };
        let all = self.service.public_rooms().await?;
        let all: Vec<_> = all.iter().filter(|room| fits(room)).collect();
        let chunk: Vec<_> = all
            .iter()
            .skip(start)
            .take(limit)
            .map(|room| self.public(room))
            .collect();
        let mut told = json!({"chunk": chunk, "total_room_count_estimate": all.len()});
        let end = start.saturating_add(limit);
        if end < all.len() {
            told["next_batch"] = json!(end.to_string());
        }
        if start > 0 {
            told["prev_batch"] = json!(start.saturating_sub(limit).to_string());
        }
        Ok(told)
    }

    fn public(&self, room: &PublicRoom) -> Value {
        let mut told = json!({
            "room_id": self.names.room(room.uuid),
            "num_joined_members": room.members,
            "world_readable": false,
            "guest_can_join": false,
            "join_rule": if room.is_open { "public" } else { "invite" },
        });
        let fields = [
            ("name", room.title.clone()),
            ("topic", room.info.clone()),
            ("avatar_url", room.picture.map(|id| self.names.media(id))),
            (
                "canonical_alias",
                room.alias.as_deref().map(|name| self.whole_alias(name)),
            ),
        ];
        for (field, value) in fields {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                told[field] = json!(value);
            }
        }
        told
    }

    pub(super) async fn find_people(&self, asked: &Asked, body: &Body) -> Result<Value, Trouble> {
        let words = body.needed("search_term")?.to_owned();
        let limit = body.field("limit").and_then(Value::as_u64);
        let limit = limit
            .and_then(|it| usize::try_from(it).ok())
            .unwrap_or(FOUND)
            .min(MOST);
        // A Matrix id is searched for by its name.
        let words = self
            .names
            .localpart(&words)
            .map_or(words.clone(), str::to_owned);
        let found = self
            .service
            .find_users(&asked.user, words, Form::Rich)
            .await?;
        let ids: Vec<PublicId> = found.iter().take(limit).map(|user| user.uuid).collect();
        let named = self.service.localparts_of(ids).await?;
        let results: Vec<_> = named
            .iter()
            .map(|user| {
                let mut told = json!({
                    "user_id": self.names.user(&user.localpart), "display_name": user.display_name,
                });
                if let Some(avatar) = user.avatar {
                    told["avatar_url"] = json!(self.names.media(avatar));
                }
                told
            })
            .collect();
        Ok(json!({"results": results, "limited": found.len() > limit}))
    }
}
