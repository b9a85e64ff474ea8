//! Who may register: as configured, unless an administrator or the operator overrides it.
//!
//! An override is valid until the configured value changes.

use super::require_administrator;
use crate::config::{Registration, Word};
use crate::model::{Act, By};
use crate::service::{Service, ServiceError, SignedIn};
use crate::store::audit::{self, Of};
use crate::store::properties::{self, REGISTRATION, REGISTRATION_OVER};
use crate::store::{StoreError, Tx, View};

/// Returns who may register now, if the configuration says `configured`.
///
/// # Errors
/// Fails if the database cannot be read.
pub(in crate::service) fn mode(
    view: &View<'_>,
    configured: Registration,
) -> Result<Registration, StoreError> {
    let said = properties::text(view, REGISTRATION)?;
    let over = properties::text(view, REGISTRATION_OVER)?;
    Ok(match (said, over) {
        (Some(said), Some(over)) if over == configured.word() => {
            Registration::read(&said).unwrap_or(configured)
        }
        _ => configured,
    })
}

fn set(tx: &Tx<'_>, mode: Registration, configured: Registration) -> Result<(), StoreError> {
    if mode == configured {
        properties::forget(tx, REGISTRATION)?;
        return properties::forget(tx, REGISTRATION_OVER);
    }
    properties::set_text(tx, REGISTRATION, mode.word())?;
    properties::set_text(tx, REGISTRATION_OVER, configured.word())
}

/// Says who may register, and notes who said so.
fn change(
    tx: &Tx<'_>,
    by: By,
    wanted: Registration,
    configured: Registration,
) -> Result<(), StoreError> {
    let of = Of::default().now(wanted.word().to_owned());
    audit::note(tx, by, Act::RegistrationSet, &of)?;
    set(tx, wanted, configured)
}

impl Service {
    /// Returns who may register now.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn registration(&self) -> Result<Registration, ServiceError> {
        let configured = self.settings.registration;
        self.store
            .read(move |view| Ok(mode(view, configured)?))
            .await
    }

    /// Sets who may register, for the operator.
    ///
    /// # Errors
    /// Fails if the database cannot be written.
    pub async fn set_registration(&self, mode: Registration) -> Result<(), ServiceError> {
        let configured = self.settings.registration;
        self.store
            .write(move |tx| Ok(change(tx, By::OPERATOR, mode, configured)?))
            .await
    }

    /// Forgets an override of another configured value; called when a server starts.
    ///
    /// # Errors
    /// Fails if the database cannot be written.
    pub async fn settle_registration(&self) -> Result<(), ServiceError> {
        let configured = self.settings.registration;
        self.store
            .write(move |tx| {
                let over = properties::text(tx, REGISTRATION_OVER)?;
                if over.is_some_and(|over| over != configured.word()) {
                    set(tx, configured, configured)?;
                }
                Ok(())
            })
            .await
    }

    /// Returns who may register now, for an administrator, who may also change it.
    ///
    /// # Errors
    /// [`Refusal::NotAdministrator`](crate::service::Refusal::NotAdministrator).
    pub async fn registration_for(
        &self,
        user: &SignedIn,
        wanted: Option<Registration>,
    ) -> Result<Registration, ServiceError> {
        let user = *user;
        let now = self.store.now();
        let configured = self.settings.registration;
        let Some(wanted) = wanted else {
            return self
                .store
                .read(move |view| {
                    require_administrator(view, &user, now)?;
                    Ok(mode(view, configured)?)
                })
                .await;
        };
        self.store
            .write(move |tx| {
                require_administrator(tx, &user, tx.now())?;
                Ok::<_, ServiceError>(change(tx, user.by(), wanted, configured)?)
            })
            .await?;
        log::info!("an administrator set registration to {}", wanted.word());
        Ok(wanted)
    }
}
