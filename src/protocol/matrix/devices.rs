//! Devices, the password, and the end of an account: actions that require the user's password again.

use serde_json::{Value, json};

use super::input::Body;
use super::trouble::Trouble;
use super::{Asked, Matrix};
use crate::auth::Password;
use crate::model::Form;
use crate::service::{ProfileChange, Refusal, RoomDevice, ServiceError};

/// The authentication stage in which a user sends the password.
const STAGE: &str = "m.login.password";

/// The most characters of a device's name.
const MOST_LABEL: usize = 100;

fn device(found: &RoomDevice) -> Value {
    json!({
        "device_id": found.id,
        "display_name": found.label,
        "last_seen_ip": found.address,
        "last_seen_ts": found.seen_at.0,
    })
}

/// The credentials that were sent for one action.
struct Shown {
    login: String,
    password: String,
    session: String,
}

impl Shown {
    fn password(&self) -> Password {
        Password::new(self.password.clone())
    }
}

impl Matrix {
    pub(super) async fn devices(&self, asked: &Asked) -> Result<Value, Trouble> {
        let all = self.service.room_devices(&asked.user).await?;
        let all: Vec<_> = all.iter().map(device).collect();
        Ok(json!({"devices": all}))
    }

    pub(super) async fn device(&self, asked: &Asked) -> Result<Value, Trouble> {
        let all = self.service.room_devices(&asked.user).await?;
        let found = all.iter().find(|it| it.id == asked.part(0));
        let missing = || Trouble::not_found("there is no such device");
        found.map(device).ok_or_else(missing)
    }

    pub(super) async fn put_device(&self, asked: &Asked, body: &Body) -> Result<Value, Trouble> {
        let label = body
            .text("display_name")?
            .map(|name| name.chars().take(MOST_LABEL).collect());
        match label {
            Some(label) => {
                let id = asked.part(0).to_owned();
                self.service.rename_device(&asked.user, id, label).await?;
            }
            None => drop(self.device(asked).await?),
        }
        Ok(json!({}))
    }

    pub(super) async fn remove_devices(
        &self,
        asked: &Asked,
        body: &Body,
        is_one: bool,
    ) -> Result<Value, Trouble> {
        let ids: Vec<String> = if is_one {
            vec![asked.part(0).to_owned()]
        } else {
            let all = body.list("devices")?.iter().map(Value::as_str);
            let all: Option<Vec<_>> = all.map(|id| id.map(str::to_owned)).collect();
            all.ok_or_else(|| Trouble::bad_json("devices is no list of texts"))?
        };
        let route = format!("devices {}", ids.join(" "));
        let shown = self.shown(asked, body, &route).await?;
        let known = (shown.login.as_str(), shown.password());
        let done = self
            .service
            .end_devices(&asked.user, ids, known, &asked.client)
            .await;
        self.settled(asked, &route, &shown, done)
    }

    pub(super) async fn put_password(&self, asked: &Asked, body: &Body) -> Result<Value, Trouble> {
        let new = body.needed("new_password")?.to_owned();
        let keeps_sessions = body.field("logout_devices") == Some(&Value::Bool(false));
        let shown = self.shown(asked, body, "password").await?;
        let change = ProfileChange {
            password: Some((shown.password(), Password::new(new))),
            keeps_sessions,
            ..ProfileChange::default()
        };
        let done = self
            .service
            .edit_profile(&asked.user, change, &asked.client, Form::Rich)
            .await;
        self.settled(asked, "password", &shown, done)
    }

    pub(super) async fn deactivate(&self, asked: &Asked, body: &Body) -> Result<Value, Trouble> {
        let erase = body.flag("erase")?;
        let shown = self.shown(asked, body, "deactivate").await?;
        let (user, client) = (&asked.user, &asked.client);
        if erase {
            let known = (shown.login.as_str(), shown.password());
            let done = self.service.take_all_back(user, known, client).await;
            self.settled(asked, "deactivate", &shown, done)?;
        }
        let done = self
            .service
            .delete_account(user, &shown.login, shown.password(), client)
            .await;
        self.settled(asked, "deactivate", &shown, done)?;
        Ok(json!({"id_server_unbind_result": "no-support"}))
    }

    /// Returns the credentials that the user sent for one action; fails with the required stage if
    /// there are none.
    async fn shown(&self, asked: &Asked, body: &Body, route: &str) -> Result<Shown, Trouble> {
        let Some(auth) = body.object("auth")? else {
            return Err(self.step(asked, route, None));
        };
        let session = auth.text("session")?.unwrap_or_default().to_owned();
        let what = place(asked, route);
        let is_right = auth.text("type")? == Some(STAGE)
            && (session.is_empty() || self.stages.is_begun(&session, &what));
        if !is_right {
            let words = "this step is not the one that was asked for";
            return Err(self.step(asked, route, Some(words)));
        }
        let password = auth.needed("password")?.to_owned();
        let named = match auth.object("identifier")? {
            Some(identifier) => identifier.text("user")?.map(str::to_owned),
            None => auth.text("user")?.map(str::to_owned),
        };
        let named = named.unwrap_or_default();
        let login = match self.names.localpart(&named) {
            Some(name) => self.service.login_of(name.to_lowercase()).await?,
            None => self.service.login_behind(named).await?,
        };
        let (_, own) = self.service.device_of(&asked.user).await?;
        if login != own.login {
            return Err(self.step(asked, route, Some("this is somebody else")));
        }
        Ok(Shown {
            login,
            password,
            session,
        })
    }

    /// Returns the answer to an action that required credentials.
    fn settled<T>(
        &self,
        asked: &Asked,
        route: &str,
        shown: &Shown,
        done: Result<T, ServiceError>,
    ) -> Result<Value, Trouble> {
        match done {
            Ok(_) => {
                self.stages.end(&shown.session);
                Ok(json!({}))
            }
            Err(ServiceError::Refused(Refusal::BadCredentials)) => {
                Err(self.step(asked, route, Some("wrong password")))
            }
            Err(err) => Err(err.into()),
        }
    }

    fn step(&self, asked: &Asked, route: &str, wrong: Option<&str>) -> Trouble {
        let mut told = json!({
            "flows": [{"stages": [STAGE]}],
            "params": {},
            "completed": [],
            "session": self.stages.begin(&place(asked, route), &asked.user.user().0.to_string()),
        });
        if let Some(words) = wrong {
            told["errcode"] = json!("M_FORBIDDEN");
            told["error"] = json!(words);
        }
        Trouble::Stage(told)
    }
}

/// Returns the user and the action for which credentials are sent, as one text.
fn place(asked: &Asked, route: &str) -> String {
    format!("{} {route}", asked.user.user().0)
}
