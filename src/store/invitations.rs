//! Invitations to register, and to join flows.

use rusqlite::{OptionalExtension, Row, named_params};

use super::error::StoreError;
use super::tx::{Tx, View};
use crate::model::{FlowId, Invitation, InvitationId, Page, PublicId, Timestamp, UserId};

/// The initial values of a new invitation.
#[derive(Debug, Clone)]
pub struct NewInvitation {
    /// SHA-256 of the code.
    pub code_hash: [u8; 32],
    /// First characters of the code.
    pub hint: String,
    /// Whom it is for, as its creator wrote it.
    pub note: Option<String>,
    /// Who created it; `None`: the command line.
    pub created_by: Option<UserId>,
    /// When it expires; `None`: never.
    pub expires_at: Option<Timestamp>,
    /// How many users may register with it.
    pub uses: i64,
    /// The flow that they join.
    pub flow: Option<FlowId>,
}

/// Stores an invitation.
///
/// # Errors
/// The file cannot be written.
pub fn insert(tx: &Tx<'_>, new: &NewInvitation) -> Result<InvitationId, StoreError> {
    tx.prepare(
        "INSERT INTO invitations (code_hash, hint, note, created_by, created_at, expires_at, uses_left, flow_id)
         VALUES (:code_hash, :hint, :note, :created_by, :now, :expires_at, :uses, :flow)",
    )?
    .execute(named_params! {
        ":code_hash": new.code_hash,
        ":hint": new.hint,
        ":note": new.note,
        ":created_by": new.created_by.map(|id| id.0),
        ":now": tx.now().0,
        ":expires_at": new.expires_at.map(|time| time.0),
        ":uses": new.uses,
        ":flow": new.flow.map(|id| id.0),
    })?;
    Ok(InvitationId(tx.last_id()))
}

/// What is known about an invitation with a given code.
#[derive(Debug, Clone, Copy)]
pub struct Found {
    /// Row number.
    pub id: InvitationId,
    /// The flow that its users join.
    pub flow: Option<FlowId>,
    /// Who created it; `None`: the command line.
    pub maker: Option<UserId>,
    /// Set while it has uses left and has not expired.
    pub holds: bool,
}

/// Returns the invitation with a code, unless it was revoked.
///
/// # Errors
/// The file cannot be read.
pub fn find(
    view: &View<'_>,
    code_hash: &[u8; 32],
    now: Timestamp,
) -> Result<Option<Found>, StoreError> {
    let mut statement = view.prepare(
        "SELECT id, flow_id, created_by, uses_left > 0 AND (expires_at IS NULL OR expires_at > :now) AS holds
         FROM invitations WHERE code_hash = :code_hash AND revoked_at IS NULL",
    )?;
    let params = named_params! {":code_hash": code_hash, ":now": now.0};
    let found = statement.query_row(params, |row| {
        Ok(Found {
            id: InvitationId(row.get("id")?),
            flow: row.get::<_, Option<i64>>("flow_id")?.map(FlowId),
            maker: row.get::<_, Option<i64>>("created_by")?.map(UserId),
            holds: row.get("holds")?,
        })
    });
    Ok(found.optional()?)
}

/// Uses an invitation once.
///
/// # Errors
/// The file cannot be written.
pub fn spend(tx: &Tx<'_>, id: InvitationId) -> Result<(), StoreError> {
    tx.prepare("UPDATE invitations SET uses_left = uses_left - 1 WHERE id = :id")?
        .execute(named_params! {":id": id.0})?;
    Ok(())
}

/// The query for valid invitations, to which a clause that selects and orders them is appended.
macro_rules! select_invitations {
    ($rest:literal) => {
        concat!(
            "SELECT i.id, i.hint, i.note, u.login, u.uuid AS maker, i.created_at, i.expires_at, i.uses_left,
                    f.uuid AS flow, f.title
             FROM invitations i LEFT JOIN users u ON u.id = i.created_by LEFT JOIN flows f ON f.id = i.flow_id
             WHERE i.uses_left > 0 AND i.revoked_at IS NULL AND (i.expires_at IS NULL OR i.expires_at > :now) ",
            $rest
        )
    };
}

/// Returns the valid invitations, newest first.
///
/// # Errors
/// The file cannot be read.
pub fn list(view: &View<'_>, now: Timestamp) -> Result<Vec<Invitation>, StoreError> {
    let mut statement = view.prepare(select_invitations!("ORDER BY i.id DESC"))?;
    let rows = statement.query_map(named_params! {":now": now.0}, invitation)?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Returns a page of the valid invitations: the first one, or the one after an invitation.
///
/// # Errors
/// The file cannot be read.
pub fn page(
    view: &View<'_>,
    after: Option<InvitationId>,
    now: Timestamp,
) -> Result<Page<Invitation>, StoreError> {
    let mut statement = view.prepare(select_invitations!(
        "AND i.id < :after ORDER BY i.id DESC LIMIT :limit"
    ))?;
    let params = named_params! {
        ":now": now.0,
        ":after": after.map_or(i64::MAX, |id| id.0),
        ":limit": Page::<Invitation>::LIMIT,
    };
    let rows = statement.query_map(params, invitation)?;
    Ok(Page::of(rows.collect::<Result<_, _>>()?))
}

fn invitation(row: &Row<'_>) -> rusqlite::Result<Invitation> {
    Ok(Invitation {
        id: InvitationId(row.get("id")?),
        hint: row.get("hint")?,
        note: row.get("note")?,
        created_by: row.get("login")?,
        maker: row
            .get::<_, Option<[u8; 16]>>("maker")?
            .map(PublicId::from_bytes),
        created_at: Timestamp(row.get("created_at")?),
        expires_at: row.get::<_, Option<i64>>("expires_at")?.map(Timestamp),
        uses_left: row.get("uses_left")?,
        flow: row
            .get::<_, Option<[u8; 16]>>("flow")?
            .map(PublicId::from_bytes),
        title: row.get("title")?,
    })
}

/// Returns how many invitations of a user can still be used, counted up to a limit.
///
/// # Errors
/// The file cannot be read.
pub fn open_of(
    view: &View<'_>,
    user: UserId,
    now: Timestamp,
    limit: u32,
) -> Result<u32, StoreError> {
    let mut statement = view.prepare(
        "SELECT COUNT(*) FROM (SELECT 1 FROM invitations
         WHERE created_by = :user AND uses_left > 0 AND revoked_at IS NULL
           AND (expires_at IS NULL OR expires_at > :now) LIMIT :limit)",
    )?;
    let params = named_params! {":user": user.0, ":now": now.0, ":limit": limit};
    Ok(statement.query_row(params, |row| row.get(0))?)
}

/// The maximum number of expired invitations of a user that are kept. If the clock has jumped, all count
/// as expired, and the clock may be corrected again.
const KEPT_EXPIRED: i64 = 100;

/// Removes the invitations of a user that are used up or revoked, and the oldest expired ones, so that
/// creating and revoking without end leaves nothing behind.
///
/// # Errors
/// The file cannot be written.
pub fn forget_ended(tx: &Tx<'_>, user: UserId) -> Result<(), StoreError> {
    tx.prepare(
        "DELETE FROM invitations WHERE created_by = :user AND (uses_left <= 0 OR revoked_at IS NOT NULL OR id <=
         (SELECT id FROM invitations WHERE created_by = :user AND expires_at <= :now
          ORDER BY id DESC LIMIT 1 OFFSET :kept) AND expires_at <= :now)",
    )?
    .execute(named_params! {":user": user.0, ":now": tx.now().0, ":kept": KEPT_EXPIRED})?;
    Ok(())
}

/// Returns the id of the invitation with a code, unless it was revoked.
///
/// # Errors
/// The file cannot be read.
pub fn id_of(view: &View<'_>, code_hash: &[u8; 32]) -> Result<Option<InvitationId>, StoreError> {
    let mut statement = view.prepare(
        "SELECT id FROM invitations WHERE code_hash = :code_hash AND revoked_at IS NULL",
    )?;
    let found = statement.query_row(named_params! {":code_hash": code_hash}, |row| {
        row.get(0).map(InvitationId)
    });
    Ok(found.optional()?)
}

/// What an invitation is called in lists: whom it is for, else how its code begins.
///
/// # Errors
/// The file cannot be read.
pub fn name(view: &View<'_>, id: InvitationId) -> Result<Option<String>, StoreError> {
    let mut statement =
        view.prepare("SELECT coalesce(note, hint || '…') AS name FROM invitations WHERE id = :id")?;
    let found = statement.query_row(named_params! {":id": id.0}, |row| row.get("name"));
    Ok(found.optional()?)
}

/// Revokes an invitation. Returns whether it had not been revoked before.
///
/// # Errors
/// The file cannot be written.
pub fn revoke(tx: &Tx<'_>, id: InvitationId) -> Result<bool, StoreError> {
    let changed = tx
        .prepare("UPDATE invitations SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL")?
        .execute(named_params! {":now": tx.now().0, ":id": id.0})?;
    Ok(changed > 0)
}
