//! Incoming hooks, and the bots that write for them.

use rusqlite::{OptionalExtension, Row, named_params};

use super::error::StoreError;
use super::files;
use super::tx::{Tx, View};
use crate::model::{Content, FlowId, Hook, HookId, MessageId, Page, PublicId, Timestamp, UserId};

/// Flag in `users.flags`: the account is found only by users who know it.
const HIDDEN: i64 = 1;
/// Flag in `users.flags`: the account writes for the hooks of one flow.
const OF_HOOKS: i64 = 2;

/// The maximum number of revoked hooks of a flow that are kept, so that the operator can see them.
const KEPT_REVOKED: i64 = 20;

/// The initial values of a new hook.
#[derive(Debug, Clone)]
pub struct NewHook {
    /// SHA-256 of the secret.
    pub secret_hash: [u8; 32],
    /// First characters of the secret.
    pub hint: String,
    /// The flow that it posts to.
    pub flow: FlowId,
    /// The bot that writes.
    pub bot: UserId,
    /// The user who creates it; `None`: the operator.
    pub maker: Option<UserId>,
    /// Its name.
    pub name: String,
    /// Its picture.
    pub picture: Option<Content>,
}

/// Stores a hook, and deletes the oldest revoked ones of its flow.
///
/// # Errors
/// The file cannot be written.
pub fn insert(tx: &Tx<'_>, new: &NewHook) -> Result<HookId, StoreError> {
    tx.prepare(
        "DELETE FROM hooks WHERE flow_id = :flow AND revoked_at IS NOT NULL AND id <=
         (SELECT id FROM hooks WHERE flow_id = :flow AND revoked_at IS NOT NULL
          ORDER BY id DESC LIMIT 1 OFFSET :kept)",
    )?
    .execute(named_params! {":flow": new.flow.0, ":kept": KEPT_REVOKED})?;
    tx.prepare(
        "INSERT INTO hooks (secret_hash, hint, flow_id, bot_id, made_by, name, created_at)
         VALUES (:secret_hash, :hint, :flow, :bot, :maker, :name, :now)",
    )?
    .execute(named_params! {
        ":secret_hash": new.secret_hash,
        ":hint": new.hint,
        ":flow": new.flow.0,
        ":bot": new.bot.0,
        ":maker": new.maker.map(|id| id.0),
        ":name": new.name,
        ":now": tx.now().0,
    })?;
    let id = HookId(tx.last_id());
    if new.picture.is_some() {
        set_picture(tx, id, new.picture.as_ref())?;
    }
    Ok(id)
}

/// Replaces the picture of a hook; `None` removes it.
///
/// # Errors
/// The file cannot be written.
pub fn set_picture(tx: &Tx<'_>, id: HookId, picture: Option<&Content>) -> Result<(), StoreError> {
    let file = picture
        .map(|content| files::store(tx, content))
        .transpose()?;
    tx.prepare(
        "UPDATE hooks SET picture_file_id = :file, picture_public_id = :public WHERE id = :id",
    )?
    .execute(named_params! {
        ":file": file.map(|file| file.0),
        ":public": file.map(|_| files::public_id()),
        ":id": id.0,
    })?;
    tx.scrub();
    Ok(())
}

/// Renames a hook.
///
/// # Errors
/// The file cannot be written.
pub fn set_name(tx: &Tx<'_>, id: HookId, name: &str) -> Result<(), StoreError> {
    tx.prepare("UPDATE hooks SET name = :name WHERE id = :id")?
        .execute(named_params! {":name": name, ":id": id.0})?;
    Ok(())
}

/// A hook that may be used now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Living {
    /// Row number.
    pub id: HookId,
    /// First characters of its secret.
    pub hint: String,
    /// Its name.
    pub name: String,
    /// The flow that it posts to.
    pub flow: FlowId,
    /// The id of that flow that clients know.
    pub flow_uuid: PublicId,
    /// The bot that writes.
    pub bot: UserId,
    /// The id of the bot that clients know.
    pub bot_uuid: PublicId,
    /// Whether the bot writes for hooks only, so that each message names its hook.
    pub is_labelled: bool,
}

/// The query for hooks that may be used now, with the clause that selects one: the bot is in the flow and
/// not suspended, nor is the bot's owner; the creator of the hook is not deleted or suspended and is
/// either in the flow or an administrator.
macro_rules! select_living {
    ($rest:literal) => {
        concat!(
            "SELECT h.id, h.hint, h.name, h.flow_id, f.uuid AS flow, h.bot_id, b.uuid AS bot, b.flags & 2 <> 0 AS is_labelled
             FROM hooks h JOIN flows f ON f.id = h.flow_id AND f.removed_at IS NULL
             JOIN users b ON b.id = h.bot_id AND b.deleted_at IS NULL AND b.suspended_at IS NULL
             JOIN members m ON m.flow_id = h.flow_id AND m.user_id = h.bot_id AND m.state = 'joined'
             LEFT JOIN users o ON o.id = b.owner_id
             LEFT JOIN users u ON u.id = h.made_by
             WHERE h.revoked_at IS NULL AND o.suspended_at IS NULL AND o.deleted_at IS NULL
               AND (h.made_by IS NULL OR u.deleted_at IS NULL AND u.suspended_at IS NULL AND (u.is_admin OR EXISTS
                   (SELECT 1 FROM members w WHERE w.flow_id = h.flow_id AND w.user_id = u.id AND w.state = 'joined'))) ",
            $rest
        )
    };
}

/// Returns the hook with a secret, if it may be used now.
///
/// # Errors
/// The file cannot be read.
pub fn find(view: &View<'_>, secret_hash: &[u8; 32]) -> Result<Option<Living>, StoreError> {
    let mut statement = view.prepare(select_living!("AND h.secret_hash = :hash"))?;
    Ok(statement
        .query_row(named_params! {":hash": secret_hash}, living)
        .optional()?)
}

/// Returns a hook, if it may still be used.
///
/// # Errors
/// The file cannot be read.
pub fn by_id(view: &View<'_>, id: HookId) -> Result<Option<Living>, StoreError> {
    let mut statement = view.prepare(select_living!("AND h.id = :id"))?;
    Ok(statement
        .query_row(named_params! {":id": id.0}, living)
        .optional()?)
}

fn living(row: &Row<'_>) -> rusqlite::Result<Living> {
    Ok(Living {
        id: HookId(row.get("id")?),
        hint: row.get("hint")?,
        name: row.get("name")?,
        flow: FlowId(row.get("flow_id")?),
        flow_uuid: PublicId::from_bytes(row.get("flow")?),
        bot: UserId(row.get("bot_id")?),
        bot_uuid: PublicId::from_bytes(row.get("bot")?),
        is_labelled: row.get("is_labelled")?,
    })
}

/// Records that a hook was used.
///
/// # Errors
/// The file cannot be written.
pub fn used(tx: &Tx<'_>, id: HookId) -> Result<(), StoreError> {
    tx.prepare("UPDATE hooks SET used_at = :now, uses = uses + 1 WHERE id = :id")?
        .execute(named_params! {":now": tx.now().0, ":id": id.0})?;
    Ok(())
}

/// Returns how many hooks of a flow are not revoked.
///
/// # Errors
/// The file cannot be read.
pub fn count(view: &View<'_>, flow: FlowId) -> Result<i64, StoreError> {
    let mut statement =
        view.prepare("SELECT COUNT(*) FROM hooks WHERE flow_id = :flow AND revoked_at IS NULL")?;
    Ok(statement.query_row(named_params! {":flow": flow.0}, |row| row.get(0))?)
}

/// Returns the flow of a hook that is not revoked.
///
/// # Errors
/// The file cannot be read.
pub fn flow_of(view: &View<'_>, id: HookId) -> Result<Option<FlowId>, StoreError> {
    let mut statement =
        view.prepare("SELECT flow_id FROM hooks WHERE id = :id AND revoked_at IS NULL")?;
    let found = statement.query_row(named_params! {":id": id.0}, |row| row.get(0).map(FlowId));
    Ok(found.optional()?)
}

/// What a hook is called.
///
/// # Errors
/// The file cannot be read.
pub fn name(view: &View<'_>, id: HookId) -> Result<Option<String>, StoreError> {
    let mut statement = view.prepare("SELECT name FROM hooks WHERE id = :id")?;
    let found = statement.query_row(named_params! {":id": id.0}, |row| row.get("name"));
    Ok(found.optional()?)
}

/// Revokes a hook and removes its picture. Returns whether it had not been revoked before.
///
/// # Errors
/// The file cannot be written.
pub fn revoke(tx: &Tx<'_>, id: HookId) -> Result<bool, StoreError> {
    let changed = tx
        .prepare("UPDATE hooks SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL")?
        .execute(named_params! {":now": tx.now().0, ":id": id.0})?;
    tx.scrub();
    Ok(changed > 0)
}

/// Returns the hooks of a flow, or of all flows, that are not revoked, newest first; with `after`, the
/// ones after that hook.
///
/// # Errors
/// The file cannot be read.
pub fn page(
    view: &View<'_>,
    flow: Option<FlowId>,
    after: Option<HookId>,
) -> Result<Page<Hook>, StoreError> {
    let mut statement = view.prepare(
        "SELECT h.id, h.name, h.hint, f.uuid AS flow, f.title, b.uuid AS bot, b.login, u.uuid AS maker,
                h.created_at, h.used_at, h.uses, h.picture_public_id, p.size AS picture_size, p.type AS picture_type
         FROM hooks h LEFT JOIN files p ON p.id = h.picture_file_id JOIN flows f ON f.id = h.flow_id JOIN users b ON b.id = h.bot_id
         LEFT JOIN users u ON u.id = h.made_by
         WHERE h.revoked_at IS NULL AND f.removed_at IS NULL AND (:flow IS NULL OR h.flow_id = :flow) AND h.id < :after
         ORDER BY h.id DESC LIMIT :limit",
    )?;
    let params = named_params! {
        ":flow": flow.map(|id| id.0),
        ":after": after.map_or(i64::MAX, |id| id.0),
        ":limit": Page::<Hook>::LIMIT,
    };
    let rows = statement.query_map(params, hook)?;
    Ok(Page::of(rows.collect::<Result<_, _>>()?))
}

fn hook(row: &Row<'_>) -> rusqlite::Result<Hook> {
    let maker: Option<[u8; 16]> = row.get("maker")?;
    Ok(Hook {
        id: HookId(row.get("id")?),
        name: row.get("name")?,
        hint: row.get("hint")?,
        flow: PublicId::from_bytes(row.get("flow")?),
        title: row.get("title")?,
        bot: PublicId::from_bytes(row.get("bot")?),
        login: row.get("login")?,
        maker: maker.map(PublicId::from_bytes),
        created_at: Timestamp(row.get("created_at")?),
        used_at: row.get::<_, Option<i64>>("used_at")?.map(Timestamp),
        uses: row.get("uses")?,
        picture: files::picture(row, ["picture_public_id", "picture_size", "picture_type"])?,
    })
}

/// Returns the bot that writes for the hooks of a flow, whether it is in the flow at present or not.
///
/// # Errors
/// The file cannot be read.
pub fn bot_of(view: &View<'_>, flow: FlowId) -> Result<Option<UserId>, StoreError> {
    let mut statement = view.prepare(
        "SELECT u.id FROM members m JOIN users u ON u.id = m.user_id
         WHERE m.flow_id = :flow AND u.flags & :of_hooks <> 0 AND u.deleted_at IS NULL LIMIT 1",
    )?;
    let params = named_params! {":flow": flow.0, ":of_hooks": OF_HOOKS};
    Ok(statement
        .query_row(params, |row| row.get(0).map(UserId))
        .optional()?)
}

/// Returns the members of a flow that only write for hooks and are needed for incoming or outgoing ones.
///
/// # Errors
/// The file cannot be read.
pub fn bots_in_use(view: &View<'_>, flow: FlowId) -> Result<Vec<UserId>, StoreError> {
    let mut statement = view.prepare(
        "SELECT u.id FROM members m JOIN users u ON u.id = m.user_id
         WHERE m.flow_id = :flow AND m.state = 'joined' AND u.flags & :of_hooks <> 0
           AND (EXISTS (SELECT 1 FROM hooks h WHERE h.flow_id = :flow AND h.bot_id = u.id AND h.revoked_at IS NULL)
             OR EXISTS (SELECT 1 FROM outgoing o WHERE o.flow_id = :flow AND o.bot_id = u.id))",
    )?;
    let params = named_params! {":flow": flow.0, ":of_hooks": OF_HOOKS};
    let rows = statement.query_map(params, |row| row.get(0).map(UserId))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Makes an account the one that writes for the hooks of a flow, which is not found by its name.
///
/// # Errors
/// The file cannot be written.
pub fn set_bot(tx: &Tx<'_>, bot: UserId) -> Result<(), StoreError> {
    tx.prepare("UPDATE users SET flags = flags | :flags WHERE id = :id")?
        .execute(named_params! {":flags": HIDDEN | OF_HOOKS, ":id": bot.0})?;
    Ok(())
}

/// Returns the state of a group of alerts when a message last reported it.
///
/// # Errors
/// The file cannot be read.
pub fn group_state(view: &View<'_>, message: MessageId) -> Result<Option<String>, StoreError> {
    let mut statement = view
        .prepare("SELECT extra ->> 'group' FROM messages WHERE id = :id AND deleted_at IS NULL")?;
    let found = statement.query_row(named_params! {":id": message.0}, |row| row.get(0));
    Ok(found.optional()?.flatten())
}

/// Stores with a message the state of the group of alerts that it reports.
///
/// # Errors
/// The file cannot be written.
pub fn set_group_state(tx: &Tx<'_>, message: MessageId, state: &str) -> Result<(), StoreError> {
    tx.prepare(
        "UPDATE messages SET extra = json_set(coalesce(extra, '{}'), '$.group', :state) WHERE id = :id",
    )?
    .execute(named_params! {":state": state, ":id": message.0})?;
    Ok(())
}
