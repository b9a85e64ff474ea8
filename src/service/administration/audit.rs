//! What administrators and the operator did, for administrators to read.

use super::require_administrator;
use crate::model::{Act, AuditEntry, By, FlowId, Page};
use crate::service::{Service, ServiceError, SignedIn};
use crate::store::audit::{self, Of};
use crate::store::{Tx, View, flows, users};

impl Service {
    /// What was done, newest first; what was done before one of them where that is given.
    ///
    /// # Errors
    /// [`Refusal::NotAdministrator`](crate::service::Refusal::NotAdministrator).
    pub async fn list_audit(
        &self,
        user: &SignedIn,
        after: Option<i64>,
    ) -> Result<Page<AuditEntry>, ServiceError> {
        let user = *user;
        let now = self.store.now();
        self.store
            .read(move |view| {
                require_administrator(view, &user, now)?;
                Ok(audit::page(view, after)?)
            })
            .await
    }

    /// The same, for the operator.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn audit(&self, after: Option<i64>) -> Result<Page<AuditEntry>, ServiceError> {
        self.store
            .read(move |view| Ok(audit::page(view, after)?))
            .await
    }

    /// Notes what the operator did outside of one transaction.
    ///
    /// # Errors
    /// The file cannot be written.
    pub async fn note_act(
        &self,
        act: Act,
        what: Option<String>,
        detail: Option<String>,
    ) -> Result<(), ServiceError> {
        self.note_act_of(By::OPERATOR, act, Of::named(what).now(detail))
            .await
    }

    /// Notes what somebody did outside of one transaction.
    pub(in crate::service) async fn note_act_of(
        &self,
        by: By,
        act: Act,
        of: Of,
    ) -> Result<(), ServiceError> {
        self.store
            .write(move |tx| Ok(audit::note(tx, by, act, &of)?))
            .await
    }
}

/// Notes what an administrator or, without a user, the operator did. What others do with what is their
/// own is nobody's business, and would push out what is.
pub(in crate::service) fn note(
    tx: &Tx<'_>,
    by: Option<&SignedIn>,
    act: Act,
    of: &Of,
) -> Result<(), ServiceError> {
    let by = match by {
        None => By::OPERATOR,
        Some(user) if users::is_admin(tx, user.user())? == Some(true) => user.by(),
        Some(_) => return Ok(()),
    };
    Ok(audit::note(tx, by, act, of)?)
}

/// A flow by its title.
pub(in crate::service) fn of_flow(view: &View<'_>, flow: FlowId) -> Result<Of, ServiceError> {
    Ok(Of::named(
        flows::by_id(view, flow)?.and_then(|flow| flow.title),
    ))
}
