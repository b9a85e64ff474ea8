//! Accounts.

use rusqlite::{OptionalExtension, Row, named_params};
use sha2::{Digest, Sha256};
use std::sync::Arc;

use super::error::StoreError;
use super::log::{self, About, Kind, Reach};
use super::resets;
use super::tx::{Tx, View};
use super::{archives, blocks, files, room_media};
use crate::model::{
    Audience, Content, DELETED_LOGIN, Login, News, Origin, Position, PublicId, Timestamp, User,
    UserId,
};

/// The initial values of a new account.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Login.
    pub login: Login,
    /// Argon2id in PHC text; `None`: nobody can sign in.
    pub password_hash: Option<String>,
    /// The display name.
    pub username: Option<String>,
    /// The e-mail address, which only the user sees.
    pub email: Option<String>,
    /// Set for administrators.
    pub is_admin: bool,
    /// Set for bots.
    pub is_bot: bool,
}

/// Changes to a profile; `None` leaves a value as it is.
#[derive(Debug, Clone, Default)]
pub struct ProfileEdit {
    /// The display name; empty removes it.
    pub username: Option<String>,
    /// The e-mail address, which only the user sees.
    pub email: Option<String>,
    /// A short text about the user.
    pub bio: Option<String>,
    /// Picture; empty content removes it.
    pub avatar: Option<Content>,
    /// The id of the picture in Matrix; `None`: a new one.
    pub avatar_name: Option<PublicId>,
}

/// The query for accounts, to which a clause that selects and orders them is appended. It does not read the
/// content of avatars; [`load_avatar`] reads that of one account.
macro_rules! select_users {
    ($rest:literal) => {
        concat!(
            "SELECT u.id, u.uuid, u.login, u.username, u.email, u.bio, u.is_bot, u.is_admin, u.created_at,
                    u.suspended_at, u.deleted_at, u.avatar_public_id, a.size AS avatar_size, a.type AS avatar_type
             FROM users u LEFT JOIN files a ON a.id = u.avatar_file_id ",
            $rest
        )
    };
}

/// Creates an account.
///
/// # Errors
/// [`StoreError::Conflict`] if the login is taken.
pub fn insert(tx: &Tx<'_>, new: &NewUser, origin: Option<Origin>) -> Result<User, StoreError> {
    let uuid = PublicId::generate();
    let looks = new.login.looks();
    tx.prepare(
        "INSERT INTO users (uuid, login, login_key, login_skeleton, login_shape, localpart, password_hash, username, email,
                            is_admin, is_bot, created_at)
         VALUES (:uuid, :login, :login_key, :login_skeleton, :login_shape, :localpart, :password_hash, :username, :email,
                 :is_admin, :is_bot, :now)",
    )?
    .execute(named_params! {
        ":uuid": uuid.to_bytes(),
        ":login": new.login.as_str(),
        ":login_key": looks.key,
        ":login_skeleton": looks.skeleton,
        ":login_shape": looks.shape,
        ":localpart": localpart(tx, &new.login, uuid)?,
        ":password_hash": new.password_hash,
        ":username": new.username,
        ":email": new.email,
        ":is_admin": new.is_admin,
        ":is_bot": new.is_bot,
        ":now": tx.now().0,
    })?;
    let id = UserId(tx.last_id());
    announce(tx, id, Kind::Registered, origin)
}

/// The maximum number of accounts with the same localpart that are told apart by a number.
const MOST_NAMESAKES: u32 = 1000;

/// Returns a name for other protocols that no account has or has ever had.
pub(super) fn localpart(tx: &Tx<'_>, login: &Login, uuid: PublicId) -> Result<String, StoreError> {
    let base = login.localpart();
    for number in 1..MOST_NAMESAKES {
        let name = if number == 1 {
            base.clone()
        } else {
            format!("{base}-{number}")
        };
        if !is_localpart_taken(tx, &name)? {
            return Ok(name);
        }
    }
    Ok(format!("{base}-{uuid}"))
}

/// Returns whether an account has, or has ever had, a name for other protocols.
///
/// # Errors
/// The file cannot be read.
pub fn is_localpart_taken(view: &View<'_>, name: &str) -> Result<bool, StoreError> {
    let mut statement =
        view.prepare("SELECT 1 FROM users WHERE localpart IN (:name, :worn_out)")?;
    Ok(statement.exists(named_params! {":name": name, ":worn_out": worn_out(name)})?)
}

/// Returns what remains of a deleted account's name: enough to tell that it was used, but not the name.
fn worn_out(name: &str) -> String {
    use std::fmt::Write as _;
    let digest = Sha256::digest(name.as_bytes());
    digest.iter().fold("deleted-".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Logs that a profile is new or has changed, and tells all users.
fn announce(
    tx: &Tx<'_>,
    id: UserId,
    kind: Kind,
    origin: Option<Origin>,
) -> Result<User, StoreError> {
    let about = About {
        actor: Some(id),
        user: Some(id),
        ..About::default()
    };
    let position = log::append(tx, Reach::Everyone, kind, about)?;
    tx.prepare("UPDATE users SET change_position = :position WHERE id = :id")?
        .execute(named_params! {":position": position.0, ":id": id.0})?;
    let user = by_id(tx, id)?.ok_or(StoreError::Engine(rusqlite::Error::QueryReturnedNoRows))?;
    tx.tell(
        position,
        origin,
        Audience::Everyone,
        News::User(Arc::new(user.clone())),
    );
    Ok(user)
}

/// Finds an account by row number.
///
/// # Errors
/// The file cannot be read.
pub fn by_id(view: &View<'_>, id: UserId) -> Result<Option<User>, StoreError> {
    let mut statement = view.prepare(select_users!("WHERE u.id = :id"))?;
    Ok(statement
        .query_row(named_params! {":id": id.0}, user)
        .optional()?)
}

/// Finds an account, also a deleted one, by the id that clients know.
///
/// # Errors
/// The file cannot be read.
pub fn by_uuid(view: &View<'_>, uuid: PublicId) -> Result<Option<User>, StoreError> {
    let mut statement = view.prepare(select_users!("WHERE u.uuid = :uuid"))?;
    Ok(statement
        .query_row(named_params! {":uuid": uuid.to_bytes()}, user)
        .optional()?)
}

/// Finds an account by login, however it is typed.
///
/// # Errors
/// The file cannot be read.
pub fn by_login(view: &View<'_>, login: &str) -> Result<Option<User>, StoreError> {
    let mut statement = view.prepare(select_users!("WHERE u.login_key = :key"))?;
    Ok(statement
        .query_row(named_params! {":key": Login::key_of(login)}, user)
        .optional()?)
}

/// Reads the content of the avatar of an account that has one.
///
/// # Errors
/// The file cannot be read.
pub fn load_avatar(view: &View<'_>, user: &mut User) -> Result<(), StoreError> {
    if user.avatar.is_none() {
        return Ok(());
    }
    let mut statement = view.prepare(
        "SELECT f.size, f.name AS file_name, f.content, u.avatar_encoding
         FROM users u JOIN files f ON f.id = u.avatar_file_id WHERE u.id = :id",
    )?;
    let mut rows = statement.query(named_params! {":id": user.id.0})?;
    if let Some(row) = rows.next()? {
        let encoding = files::encoding(row.get("avatar_encoding")?);
        user.avatar_content = files::content(view, row, encoding)?;
    }
    Ok(())
}

/// Returns whether an account has changed after a row of the log, and is reported at that change.
///
/// # Errors
/// The file cannot be read.
pub fn is_superseded(view: &View<'_>, id: UserId, row: Position) -> Result<bool, StoreError> {
    let mut statement =
        view.prepare("SELECT 1 FROM users WHERE id = :id AND change_position > :row")?;
    Ok(statement.exists(named_params! {":id": id.0, ":row": row.0})?)
}

/// Returns the public id of an account, also of a deleted one.
///
/// # Errors
/// The file cannot be read.
pub fn uuid(view: &View<'_>, id: UserId) -> Result<Option<PublicId>, StoreError> {
    if let Some(uuid) = view.known_uuid(id) {
        return Ok(Some(uuid));
    }
    let mut statement = view.prepare("SELECT uuid FROM users WHERE id = :id")?;
    let found = statement
        .query_row(named_params! {":id": id.0}, |row| {
            row.get(0).map(PublicId::from_bytes)
        })
        .optional()?;
    if let Some(uuid) = found {
        view.remember_uuid(id, uuid);
    }
    Ok(found)
}

/// Returns the row number for a public id, if the account is not deleted.
///
/// # Errors
/// The file cannot be read.
pub fn id_of(view: &View<'_>, uuid: PublicId) -> Result<Option<UserId>, StoreError> {
    let mut statement =
        view.prepare("SELECT id FROM users WHERE uuid = :uuid AND deleted_at IS NULL")?;
    Ok(statement
        .query_row(named_params! {":uuid": uuid.to_bytes()}, |row| {
            row.get(0).map(UserId)
        })
        .optional()?)
}

/// Returns the owner of a bot; `None`: it has none.
///
/// # Errors
/// The file cannot be read.
pub fn owner_of(view: &View<'_>, id: UserId) -> Result<Option<UserId>, StoreError> {
    let mut statement = view.prepare("SELECT owner_id FROM users WHERE id = :id")?;
    let found = statement.query_row(named_params! {":id": id.0}, |row| row.get(0));
    Ok(found.optional()?.flatten().map(UserId))
}

/// Returns whether an account is an administrator's; `None` if it is deleted or suspended.
///
/// # Errors
/// The file cannot be read.
pub fn is_admin(view: &View<'_>, id: UserId) -> Result<Option<bool>, StoreError> {
    let mut statement = view.prepare(
        "SELECT is_admin FROM users WHERE id = :id AND deleted_at IS NULL AND suspended_at IS NULL",
    )?;
    let found = statement.query_row(named_params! {":id": id.0}, |row| row.get("is_admin"));
    Ok(found.optional()?)
}

/// Returns all accounts that are not deleted, oldest first.
///
/// # Errors
/// The file cannot be read.
pub fn all(view: &View<'_>) -> Result<Vec<User>, StoreError> {
    let mut statement = view.prepare(select_users!("WHERE u.deleted_at IS NULL ORDER BY u.id"))?;
    let rows = statement.query_map([], user)?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Returns id, login and name of all visible accounts, by name, those without a name last.
///
/// # Errors
/// The file cannot be read.
pub fn names(view: &View<'_>) -> Result<Vec<(UserId, String, Option<String>)>, StoreError> {
    let mut statement = view
        .prepare("SELECT id, login, username FROM users WHERE deleted_at IS NULL AND flags & 1 = 0 ORDER BY username IS NULL, username, id")?;
    let rows = statement.query_map([], |row| {
        Ok((
            UserId(row.get("id")?),
            row.get("login")?,
            row.get("username")?,
        ))
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Returns the position at which an account was last created, changed or deleted.
///
/// # Errors
/// The file cannot be read.
pub fn last_change(view: &View<'_>) -> Result<Position, StoreError> {
    let mut statement =
        view.prepare("SELECT coalesce(max(position), 0) FROM changes WHERE audience = 0")?;
    Ok(statement.query_row([], |row| row.get(0).map(Position))?)
}

/// Returns how many accounts are not deleted.
///
/// # Errors
/// The file cannot be read.
pub fn count(view: &View<'_>) -> Result<i64, StoreError> {
    let mut statement = view.prepare("SELECT COUNT(*) FROM users WHERE deleted_at IS NULL")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// Changes a profile and tells all users.
///
/// # Errors
/// The file cannot be written.
pub fn edit(
    tx: &Tx<'_>,
    id: UserId,
    edit: &ProfileEdit,
    origin: Option<Origin>,
) -> Result<User, StoreError> {
    tx.prepare(
        "UPDATE users SET username = nullif(coalesce(:username, username), ''), email = coalesce(:email, email),
                          bio = coalesce(:bio, bio) WHERE id = :id",
    )?
    .execute(named_params! {
        ":username": edit.username, ":email": edit.email, ":bio": edit.bio, ":id": id.0,
    })?;
    if let Some(avatar) = &edit.avatar {
        set_avatar(
            tx,
            id,
            Some(avatar).filter(|content| !content.bytes.is_empty()),
        )?;
        if let Some(name) = edit.avatar_name {
            room_media::name_avatar(tx, id, name)?;
        }
    }
    announce(tx, id, Kind::Profile, origin)
}

/// Replaces the avatar; `None` removes it.
///
/// # Errors
/// The file cannot be written.
pub fn set_avatar(tx: &Tx<'_>, id: UserId, avatar: Option<&Content>) -> Result<(), StoreError> {
    let file = avatar
        .map(|content| files::store(tx, content))
        .transpose()?;
    tx.prepare(
        "UPDATE users SET avatar_file_id = :file, avatar_encoding = :encoding, avatar_public_id = :public
         WHERE id = :id",
    )?
    .execute(named_params! {
        ":file": file.map(|file| file.0),
        ":public": file.map(|_| files::public_id()),
        ":encoding": avatar.map_or(0, |content| files::encoding_number(content.encoding)),
        ":id": id.0,
    })?;
    tx.scrub();
    Ok(())
}

/// Marks an account as a bot's or as a person's. The caller reports it, with [`edit`].
///
/// # Errors
/// The file cannot be written.
pub fn set_bot(tx: &Tx<'_>, id: UserId, is_bot: bool) -> Result<(), StoreError> {
    tx.prepare("UPDATE users SET is_bot = :bot WHERE id = :id")?
        .execute(named_params! {":bot": is_bot, ":id": id.0})?;
    Ok(())
}

/// Empties an account: its row stays, because messages and flows refer to it; its login becomes free.
///
/// Source: MTP 1.0 revision 17, `delete_user`.
///
/// # Errors
/// The file cannot be written.
pub fn empty(tx: &Tx<'_>, id: UserId, origin: Option<Origin>) -> Result<(), StoreError> {
    set_avatar(tx, id, None)?;
    let (name, is_known): (String, bool) = tx
        .prepare("SELECT localpart, matrix_at IS NOT NULL FROM users WHERE id = :id")?
        .query_row(named_params! {":id": id.0}, |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    // Other people's clients know a user of Matrix by that name.
    let remaining = if is_known { name } else { worn_out(&name) };
    tx.prepare(
        "UPDATE users SET login = :deleted, username = :deleted, localpart = :remaining, login_key = NULL, login_skeleton = NULL,
                          login_shape = NULL, password_hash = NULL, email = '', bio = 'deleted', is_admin = 0, privacy = 0,
                          push_content = NULL, quota = NULL, seen_at = NULL, suspended_at = NULL,
                          created_at = :now, deleted_at = :now WHERE id = :id",
    )?
    .execute(named_params! {":deleted": DELETED_LOGIN, ":remaining": remaining, ":now": tx.now().0, ":id": id.0})?;
    tx.prepare("DELETE FROM uploads WHERE user_id = :id")?
        .execute(named_params! {":id": id.0})?;
    tx.prepare("DELETE FROM txns WHERE user_id = :id")?
        .execute(named_params! {":id": id.0})?;
    blocks::forget(tx, id)?;
    archives::remove(tx, id)?;
    tx.prepare("DELETE FROM mentions WHERE user_id = :id")?
        .execute(named_params! {":id": id.0})?;
    resets::end(tx, id)?;
    tx.scrub();
    announce(tx, id, Kind::Profile, origin)?;
    Ok(())
}

fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User {
        id: UserId(row.get("id")?),
        uuid: PublicId::from_bytes(row.get("uuid")?),
        login: row.get("login")?,
        username: row.get("username")?,
        email: row.get("email")?,
        bio: row.get("bio")?,
        avatar: files::picture(row, ["avatar_public_id", "avatar_size", "avatar_type"])?,
        avatar_content: None,
        is_bot: row.get("is_bot")?,
        is_admin: row.get("is_admin")?,
        created_at: Timestamp(row.get("created_at")?),
        is_suspended: row.get::<_, Option<i64>>("suspended_at")?.is_some(),
        is_deleted: row.get::<_, Option<i64>>("deleted_at")?.is_some(),
    })
}
