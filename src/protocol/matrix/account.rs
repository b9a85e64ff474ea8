//! The user's own account, and profiles.

use serde_json::{Value, json};

use super::trouble::Trouble;
use super::{Asked, Matrix};

impl Matrix {
    pub(super) async fn whoami(&self, asked: &Asked) -> Result<Value, Trouble> {
        let (device, named) = self.service.device_of(&asked.user).await?;
        Ok(json!({
            "user_id": self.names.user(&named.localpart),
            "device_id": device,
            "is_guest": false,
        }))
    }
}

/// Returns the capabilities of this server.
pub(super) fn capabilities() -> Value {
    json!({"capabilities": {
        "m.room_versions": {"default": "11", "available": {"11": "stable"}},
        "m.change_password": {"enabled": true},
        "m.set_displayname": {"enabled": true},
        "m.set_avatar_url": {"enabled": true},
        "m.3pid_changes": {"enabled": false},
        "m.get_login_token": {"enabled": false},
    }})
}
