//! How far somebody has read.

use serde_json::{Value, json};

use super::input::Body;
use super::trouble::Trouble;
use super::{Asked, Matrix, names};
use crate::model::PublicId;

impl Matrix {
    pub(super) async fn receipt(&self, asked: &Asked) -> Result<Value, Trouble> {
        match asked.part(1) {
            "m.read" | "m.read.private" => self.read_up_to(asked, asked.part(2)).await,
            "m.fully_read" => {
                let room = self.room(asked);
                self.service.require_in_room(&asked.user, room).await?;
                Ok(json!({}))
            }
            _ => Err(Trouble::invalid("this is no kind of receipt here")),
        }
    }

    pub(super) async fn read_markers(&self, asked: &Asked, body: &Body) -> Result<Value, Trouble> {
        for kind in ["m.read", "m.read.private"] {
            if let Some(id) = body.text(kind)? {
                self.read_up_to(asked, id).await?;
            }
        }
        let room = self.room(asked);
        self.service.require_in_room(&asked.user, room).await?;
        Ok(json!({}))
    }

    async fn read_up_to(&self, asked: &Asked, id: &str) -> Result<Value, Trouble> {
        let room = self.room(asked);
        let uuid = names::parse_event(id).map_or(PublicId::NOTHING, |(uuid, _)| uuid);
        self.service.read_up_to(&asked.user, room, uuid).await?;
        Ok(json!({}))
    }

    pub(super) async fn typing(&self, asked: &Asked, body: &Body) -> Result<Value, Trouble> {
        let room = self.room(asked);
        let (_, own) = self.service.device_of(&asked.user).await?;
        self.service.require_in_room(&asked.user, room).await?;
        if asked.part(1) != self.names.user(&own.localpart) {
            return Err(Trouble::forbidden("nobody types for somebody else"));
        }
        if body.flag("typing")? {
            self.service.typing(&asked.user, room).await?;
        }
        Ok(json!({}))
    }
}
