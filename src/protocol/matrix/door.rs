//! Signs users in and out, and creates accounts.

use serde_json::{Value, json};

use super::input::{Body, require_short};
use super::trouble::Trouble;
use super::{Asked, Matrix, WEIGHT};
use crate::auth::Password;
use crate::model::SessionKind;
use crate::service::{Client, Device, Opened, Refusal, Renewed, ServiceError, SignedIn};

/// The number of characters in a new device id.
const DEVICE_SIGNS: usize = 10;

impl Matrix {
    /// Finds the user of a token. A token that was made for another protocol is invalid.
    pub(super) async fn admit(&self, token: &str, client: &Client) -> Result<SignedIn, Trouble> {
        let user = match self.service.admit_bearer(token, client).await {
            Err(ServiceError::Refused(Refusal::NoSession)) => {
                return Err(Trouble::NoToken {
                    soft: self.service.has_expired(token).await?,
                });
            }
            found => found?,
        };
        if user.session().kind != SessionKind::Matrix {
            return Err(Refusal::NoSession.into());
        }
        self.service.admit(Some(&user), client, WEIGHT)?;
        Ok(user)
    }

    pub(super) async fn login(&self, body: &Body, client: &Client) -> Result<Value, Trouble> {
        let kind = body.needed("type")?;
        if kind != "m.login.password" {
            let words = format!("{kind} is no way to sign in here");
            return Err(Trouble::said(400, "M_UNKNOWN", words));
        }
        let named = match body.object("identifier")? {
            Some(identifier) => {
                let kind = identifier.needed("type")?;
                if kind != "m.id.user" {
                    let words = format!("{kind} is no way to name somebody here");
                    return Err(Trouble::said(400, "M_UNKNOWN", words));
                }
                identifier.needed("user")?.to_owned()
            }
            None => body.needed("user")?.to_owned(),
        };
        let password = Password::new(body.needed("password")?.to_owned());
        let device = device(body)?;
        let login = match self.names.localpart(&named) {
            Some(localpart) => self.service.login_of(localpart.to_lowercase()).await?,
            None => self.service.login_behind(named).await?,
        };
        let opened = self.service.log_in(&login, password, client).await;
        let opened = opened.map_err(|err| match err {
            // Does not reveal whether the account exists, or whether it is suspended.
            ServiceError::Refused(Refusal::BadCredentials | Refusal::Suspended) => {
                Trouble::forbidden("wrong user name or password")
            }
            err => err.into(),
        })?;
        self.welcome(opened, device).await
    }

    /// Makes a new session a device, and returns the answer that describes it.
    pub(super) async fn welcome(&self, opened: Opened, device: Device) -> Result<Value, Trouble> {
        let (id, renews) = (device.id.clone(), device.renews);
        let server = self.names.server().to_owned();
        let named = self
            .service
            .adopt_device(&opened.token, device, server)
            .await?;
        let mut told = json!({
            "user_id": self.names.user(&named.localpart),
            "access_token": opened.token.as_str(),
            "device_id": id,
            "home_server": self.names.server(),
        });
        if renews {
            tell_renewed(
                &mut told,
                &self.service.begin_renewing(&opened.token).await?,
            );
        }
        Ok(told)
    }

    /// Exchanges a refresh token for a new token.
    pub(super) async fn refresh(&self, body: &Body) -> Result<Value, Trouble> {
        let shown = body.needed("refresh_token")?;
        let (token, renewed) = self.service.renew_token(shown).await?;
        let mut told = json!({"access_token": token.as_str()});
        tell_renewed(&mut told, &renewed);
        Ok(told)
    }

    pub(super) async fn logout(&self, asked: &Asked, everywhere: bool) -> Result<Value, Trouble> {
        self.service.log_out(&asked.user, everywhere).await?;
        Ok(json!({}))
    }
}

/// Adds how long a token is valid, and the token that renews it.
fn tell_renewed(told: &mut Value, renewed: &Renewed) {
    let life = u64::try_from(renewed.life.as_millis()).unwrap_or(u64::MAX);
    told["refresh_token"] = json!(renewed.refresh.as_str());
    told["expires_in_ms"] = json!(life);
}

/// Returns the device that a body names, or a new one.
pub(super) fn device(body: &Body) -> Result<Device, Trouble> {
    let id = match body.text("device_id")?.filter(|id| !id.is_empty()) {
        Some(id) => id.to_owned(),
        None => (0..DEVICE_SIGNS)
            .map(|_| char::from(b'A' + rand::random_range(0..26)))
            .collect(),
    };
    require_short("device_id", &id)?;
    let label = body.text("initial_device_display_name")?;
    Ok(Device {
        id,
        label: label.map(|label| label.chars().take(100).collect()),
        renews: body.flag("refresh_token")?,
    })
}
