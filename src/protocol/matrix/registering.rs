//! Creates accounts in two steps: the first one returns the required stage.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::door::device;
use super::input::Body;
use super::trouble::Trouble;
use super::{Asked, Matrix};
use crate::auth::Password;
use crate::config::Registration as Mode;
use crate::model::{Content, Encoding, Form, is_of_localpart};
use crate::service::{Client, ProfileChange, Refusal, Registration, ServiceError};

/// How long a user may take for the steps.
const LIFETIME: Duration = Duration::from_mins(15);

/// The most authentication sessions that are remembered.
const MOST: usize = 1000;

/// The most of them that one user or one address may have.
const MOST_EACH: usize = 16;

/// The number of characters in a generated user name.
const NAME_SIGNS: usize = 8;

/// The authentication sessions that have begun. An owner with too many displaces its own; when there
/// are too many altogether, the owner with the most loses its oldest.
#[derive(Default)]
pub(super) struct Stages(Mutex<HashMap<String, Begun>>);

struct Begun {
    at: Instant,
    /// The digest of the action.
    digest: [u8; 32],
    /// The digest of the account or address that began.
    owner: [u8; 32],
}

fn digest(what: &str) -> [u8; 32] {
    Sha256::digest(what.as_bytes()).into()
}

/// Returns the oldest session of an owner.
fn oldest(begun: &HashMap<String, Begun>, owner: &[u8; 32]) -> Option<String> {
    let own = begun.iter().filter(|(_, it)| it.owner == *owner);
    own.min_by_key(|(_, it)| it.at).map(|(id, _)| id.clone())
}

impl Stages {
    /// Begins a session for one action, for an account or an address.
    pub(super) fn begin(&self, what: &str, owner: &str) -> String {
        let id = format!("{:032x}", rand::random::<u128>());
        let (at, owner) = (Instant::now(), digest(owner));
        let mut begun = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        begun.retain(|_, it| at.duration_since(it.at) < LIFETIME);
        let mut counts: HashMap<[u8; 32], usize> = HashMap::new();
        for it in begun.values() {
            *counts.entry(it.owner).or_default() += 1;
        }
        let crowded = if counts.get(&owner).is_some_and(|count| *count >= MOST_EACH) {
            Some(owner)
        } else if begun.len() >= MOST {
            let most = counts.into_iter().max_by_key(|(_, count)| *count);
            most.map(|(owner, _)| owner)
        } else {
            None
        };
        if let Some(gone) = crowded.and_then(|owner| oldest(&begun, &owner)) {
            begun.remove(&gone);
        }
        let digest = digest(what);
        begun.insert(id.clone(), Begun { at, digest, owner });
        id
    }

    pub(super) fn is_begun(&self, id: &str, what: &str) -> bool {
        let begun = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        begun
            .get(id)
            .is_some_and(|it| it.at.elapsed() < LIFETIME && it.digest == digest(what))
    }

    /// Ends a session: each can be used once.
    pub(super) fn end(&self, id: &str) {
        let mut begun = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        begun.remove(id);
    }
}

/// Refuses a name that is not valid here.
fn require_name(name: &str) -> Result<(), Trouble> {
    if !name.is_empty() && name.chars().all(is_of_localpart) {
        return Ok(());
    }
    let words = "a user name is made of a-z, 0-9 and . _ = - / +";
    Err(Trouble::said(400, "M_INVALID_USERNAME", words))
}

impl Matrix {
    /// Refuses a name that is not valid or not free.
    async fn require_free(&self, name: &str) -> Result<(), Trouble> {
        require_name(name)?;
        self.service.require_free_name(name.to_owned()).await?;
        Ok(())
    }

    pub(super) async fn available(&self, name: Option<String>) -> Result<Value, Trouble> {
        let name = name.ok_or_else(|| Trouble::missing("username"))?;
        self.require_free(&name).await?;
        Ok(json!({"available": true}))
    }

    pub(super) async fn validity(
        &self,
        code: Option<String>,
        client: &Client,
    ) -> Result<Value, Trouble> {
        let code = code.ok_or_else(|| Trouble::missing("token"))?;
        let valid = self.service.is_good_code(&code, client).await?;
        Ok(json!({"valid": valid}))
    }

    pub(super) async fn register(
        &self,
        body: &Body,
        kind: Option<String>,
        client: &Client,
    ) -> Result<Value, Trouble> {
        match kind.as_deref() {
            None | Some("user") => {}
            Some("guest") => {
                let words = "there are no guests here";
                return Err(Trouble::said(403, "M_GUEST_ACCESS_FORBIDDEN", words));
            }
            Some(_) => return Err(Trouble::invalid("kind is user or guest")),
        }
        let stage = match self.service.registration().await? {
            Mode::Closed => return Err(Refusal::RegistrationClosed.into()),
            Mode::Open => "m.login.dummy",
            Mode::Invite => "m.login.registration_token",
        };
        let wanted = body.text("username")?.filter(|name| !name.is_empty());
        if let Some(name) = wanted {
            self.require_free(name).await?;
        }
        let device = device(body)?;
        let Some(auth) = body.object("auth")? else {
            return Err(self.begin((stage, client), None));
        };
        let session = auth.text("session")?.unwrap_or_default();
        let is_right = auth.text("type")? == Some(stage)
            && (self.registering.is_begun(session, "register") || session.is_empty());
        if !is_right {
            return Err(self.begin(
                (stage, client),
                Some("this step is not the one that was asked for"),
            ));
        }
        let password = Password::new(body.needed("password")?.to_owned());
        let name = match wanted {
            Some(name) => name.to_owned(),
            None => (0..NAME_SIGNS)
                .map(|_| char::from(b'a' + rand::random_range(0..26)))
                .collect(),
        };
        let registration = Registration {
            login: name,
            password,
            username: None,
            email: None,
            is_bot: false,
            invitation: auth.text("token")?.map(str::to_owned),
            is_plain: false,
        };
        let opened = match self.service.register(registration, client, None).await {
            Err(ServiceError::Refused(Refusal::InvitationRequired)) => {
                return Err(self.begin((stage, client), Some("this code is not good")));
            }
            opened => opened?,
        };
        self.registering.end(session);
        let mut told = self.welcome(opened, device).await?;
        if body.flag("inhibit_login")? {
            let token = told["access_token"].as_str().unwrap_or_default().to_owned();
            let user = self.admit(&token, client).await?;
            self.service.log_out(&user, false).await?;
            told = json!({"user_id": told["user_id"], "home_server": told["home_server"]});
        }
        Ok(told)
    }

    /// Returns the required stage, and what was wrong.
    fn begin(&self, (stage, client): (&str, &Client), wrong: Option<&str>) -> Trouble {
        let owner = format!("{:?}", client.neighbourhood);
        let mut told = json!({
            "flows": [{"stages": [stage]}],
            "params": {},
            "completed": [],
            "session": self.registering.begin("register", &owner),
        });
        if let Some(words) = wrong {
            told["errcode"] = json!("M_FORBIDDEN");
            told["error"] = json!(words);
        }
        Trouble::Stage(told)
    }

    pub(super) async fn profile(&self, asked: &Asked) -> Result<Value, Trouble> {
        let found = self.somebody(asked.part(0)).await?;
        let mut all = json!({"displayname": found.display_name});
        if let Some(avatar) = found.avatar {
            all["avatar_url"] = json!(self.names.media(avatar));
        }
        match asked.ids.get(1) {
            None => Ok(all),
            Some(field) => match all.get(field) {
                Some(value) => Ok(json!({field: value})),
                None if field == "avatar_url" => Ok(json!({})),
                None => Err(Trouble::not_found("there is no such field here")),
            },
        }
    }

    pub(super) async fn put_avatar(&self, asked: &Asked, body: &Body) -> Result<Value, Trouble> {
        self.require_own(asked).await?;
        let url = body.text("avatar_url")?.unwrap_or_default();
        let upload = self.names.parse_media(url);
        let (_, own) = self.service.device_of(&asked.user).await?;
        if upload == own.avatar && (upload.is_some() || url.is_empty()) {
            return Ok(json!({}));
        }
        if upload.is_none() && !url.is_empty() {
            return Err(Trouble::invalid("this is no file of this server"));
        }
        let nothing = Content {
            bytes: Vec::new().into(),
            encoding: Encoding::Base64,
        };
        let change = ProfileChange {
            avatar: upload.is_none().then_some(nothing),
            avatar_upload: upload,
            keeps_name: true,
            ..ProfileChange::default()
        };
        let form = Form::Rich;
        let changed = self
            .service
            .edit_profile(&asked.user, change, &asked.client, form);
        Ok(changed.await.map(|_| json!({}))?)
    }

    pub(super) async fn put_display_name(
        &self,
        asked: &Asked,
        body: &Body,
    ) -> Result<Value, Trouble> {
        self.require_own(asked).await?;
        let name = body.text("displayname")?.unwrap_or_default();
        let change = ProfileChange {
            username: Some(name.to_owned()),
            ..ProfileChange::default()
        };
        let changed = self
            .service
            .edit_profile(&asked.user, change, &asked.client, Form::Rich)
            .await;
        match changed {
            Err(ServiceError::Refused(Refusal::NameTaken)) => Err(Trouble::forbidden(
                "this name is, or looks like, somebody's login",
            )),
            changed => changed.map(|_| json!({})).map_err(Trouble::from),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_pushes_out_the_steps_of_others() {
        let stages = Stages::default();
        let first = stages.begin("register", "anna");
        let own: Vec<_> = (0..=MOST_EACH)
            .map(|_| stages.begin("register", "stranger"))
            .collect();
        assert!(stages.is_begun(&first, "register"));
        let kept = own.iter().filter(|id| stages.is_begun(id, "register"));
        assert_eq!(kept.count(), MOST_EACH);
        // Nor do many strangers with several sessions each.
        for stranger in 0..MOST / 2 {
            for _ in 0..3 {
                stages.begin("register", &stranger.to_string());
            }
        }
        assert!(stages.is_begun(&first, "register"));
        let begun = stages.0.lock().unwrap();
        assert!(begun.len() <= MOST);
    }
}
