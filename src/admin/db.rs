//! `db …`: the database file.

use std::cell::Cell;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use super::confirm::confirm;
use super::copies::size;
use super::error::CliError;
use super::owner::Owner;
use super::print::{Output, count};
use super::{document, text};
use crate::cli::{Confirmation, DbCommand};
use crate::config::Loaded;
use crate::exit::Exit;
use crate::model::{Act, Timestamp};
use crate::store::compact::{self, Compacted, PAGES_PER_STEP};
use crate::store::upkeep::{self, Findings};
use crate::store::{ServerLock, Store, StoreError, newest_schema, statistics};
use crate::store::{repair, salvage, times};

/// If a file can only be rewritten as a whole, writes have to wait; with a running server, only
/// files up to this size are rewritten.
const COMPACTED_WHILE_SERVING_BYTES: u64 = 256 << 20;

/// How often the progress of a compaction in steps is reported.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// Runs the command.
///
/// # Errors
/// What failed.
pub fn run(
    command: &DbCommand,
    loaded: &Loaded,
    program: &str,
    output: &Output,
) -> Result<Exit, CliError> {
    let database = &loaded.config.database.path;
    let owner = Owner::of(database);
    let result = dispatch(command, loaded, program, output);
    Owner::give_database(owner, database);
    result
}

fn dispatch(
    command: &DbCommand,
    loaded: &Loaded,
    program: &str,
    output: &Output,
) -> Result<Exit, CliError> {
    let database = &loaded.config.database.path;
    match command {
        DbCommand::Create => create(database, program, output),
        DbCommand::Delete(confirmation) => delete(database, *confirmation, output),
        DbCommand::Migrate => migrate(database, program, output),
        DbCommand::Rollback(confirmation) => {
            super::rollback::run(database, *confirmation, program, output)
        }
        DbCommand::Check => check(database, output),
        DbCommand::Repair { times: true, .. } => repair_times(database, output),
        DbCommand::Repair { to, times: false } => repair(database, to.as_deref(), output),
        DbCommand::Compact => compact(database, output),
        DbCommand::Stats => stats(loaded, output),
        DbCommand::Prune {
            older,
            dry_run,
            confirmation,
        } => prune(*older, *dry_run, *confirmation, loaded, output),
    }
}

fn create(database: &Path, program: &str, output: &Output) -> Result<Exit, CliError> {
    if database.exists() && upkeep::schema(database)?.is_some() {
        return Err(CliError::AlreadyExists(format!(
            "{} is already a database; nothing was changed",
            database.display()
        )));
    }
    Store::prepare(database)?;
    if output.is_json() {
        let value = json!({"database": database.display().to_string(), "schema": newest_schema()});
        return document(output, &value);
    }
    text(&format!(
        "made  {}, schema {}\n\nMake an account:  {program} user add LOGIN --admin",
        database.display(),
        newest_schema()
    ))
}

fn delete(database: &Path, confirmation: Confirmation, output: &Output) -> Result<Exit, CliError> {
    // Checked first: no confirmation for a file that is not this program's database.
    upkeep::schema(database)?;
    let _lock = ServerLock::acquire(database)?;
    confirm(
        confirmation,
        &format!(
            "every user, flow and message in {} will be deleted",
            database.display()
        ),
    )?;
    upkeep::drop_tables(database)?;
    if output.is_json() {
        let value = json!({"database": database.display().to_string(), "dropped": true});
        return document(output, &value);
    }
    text(&format!(
        "emptied  {}; `morelia db create` creates new tables in it",
        database.display()
    ))
}

fn migrate(database: &Path, program: &str, output: &Output) -> Result<Exit, CliError> {
    let before = upkeep::schema(database)?;
    let known = newest_schema();
    let begun = Instant::now();
    let copy = if before == Some(known) {
        None
    } else {
        let _lock = ServerLock::acquire(database)?;
        Store::prepare(database)?
    };
    if output.is_json() {
        let value = json!({
            "database": database.display().to_string(),
            "from": before,
            "to": known,
            "copy": copy.map(|copy| copy.display().to_string()),
            "seconds": begun.elapsed().as_secs_f64(),
        });
        return document(output, &value);
    }
    text(&match (before, copy) {
        (Some(before), Some(copy)) => format!(
            "migrated  {} from schema {before} to {known} in {:.1} s\ncopy      {}\n\nTo undo it:  {program} db \
             rollback",
            database.display(),
            begun.elapsed().as_secs_f64(),
            copy.display()
        ),
        (Some(_), None) => format!("{} has schema {known}; nothing to do", database.display()),
        (None, _) => format!("made  tables of schema {known} in {}", database.display()),
    })
}

fn check(database: &Path, output: &Output) -> Result<Exit, CliError> {
    let only = |what: String| Findings {
        data: vec![what],
        ..Findings::default()
    };
    let found = match upkeep::examine(database) {
        Ok(found) => found,
        Err(StoreError::Damaged(what) | StoreError::DamagedFile { what, .. }) => only(what),
        Err(err @ StoreError::Emptied(_)) => only(err.to_string()),
        Err(err) => return Err(err.into()),
    };
    let problems = [found.data.as_slice(), &found.derived].concat();
    let sound = problems.is_empty();
    if output.is_json() {
        let value = json!({
            "database": database.display().to_string(),
            "sound": sound,
            "problems": problems,
            "lost_pages": found.lost_pages,
        });
        document(output, &value)?;
    } else if sound {
        let lost = match found.lost_pages {
            0 => String::new(),
            pages => format!(
                "; {pages} of its pages are unused, and `morelia db compact` returns them to the \
                 disk"
            ),
        };
        text(&format!("ok  {} is sound{lost}", database.display()))?;
    } else {
        let lines: Vec<String> = problems
            .iter()
            .map(|line| format!("FAIL  {line}"))
            .collect();
        let remedy = if found.data.is_empty() {
            "No data is damaged. Rebuild the rest with `morelia db repair`."
        } else {
            "Stop the server and restore a backup: `morelia backup list`, `morelia restore FILE`. Without \
             one, save what can be read: `morelia db repair --to FILE`."
        };
        text(&format!("{}\n\n{remedy}", lines.join("\n")))?;
    }
    Ok(if sound { Exit::Ok } else { Exit::ProblemsFound })
}

fn repair(database: &Path, to: Option<&Path>, output: &Output) -> Result<Exit, CliError> {
    if !database.exists() {
        return Err(StoreError::Missing(database.to_owned()).into());
    }
    let _lock = ServerLock::acquire(database)?;
    if let Some(target) = to {
        return save(database, target, output);
    }
    let found = repair::rebuild(database, |_| ())?;
    if output.is_json() {
        let value = json!({
            "database": database.display().to_string(),
            "problems": found,
        });
        return document(output, &value);
    }
    let mut lines: Vec<String> = found
        .iter()
        .map(|line| format!("repaired  {line}"))
        .collect();
    lines.push(format!(
        "rebuilt  the search index and every other index of {}",
        database.display()
    ));
    text(&lines.join("\n"))
}

/// Corrects times that were written while the clock was ahead.
fn repair_times(database: &Path, output: &Output) -> Result<Exit, CliError> {
    if !database.exists() {
        return Err(StoreError::Missing(database.to_owned()).into());
    }
    let now = Timestamp::now();
    if !now.can_be_now() {
        return Err(CliError::Usage(format!(
            "the clock is wrong, it shows {} UTC: set it first",
            now.date_time()
        )));
    }
    let _lock = ServerLock::acquire(database)?;
    let mended = times::mend(database, now)?;
    if output.is_json() {
        let value = json!({
            "database": database.display().to_string(),
            "now": now.seconds(),
            "messages": mended.messages,
            "rows": mended.rows,
        });
        return document(output, &value);
    }
    text(&format!(
        "repaired  {} and {} that were later than now, {} UTC",
        count(
            i64::try_from(mended.messages).unwrap_or(i64::MAX),
            "message"
        ),
        count(i64::try_from(mended.rows).unwrap_or(i64::MAX), "other row"),
        now.date_time()
    ))
}

/// Saves what can be read of a damaged database.
fn save(database: &Path, target: &Path, output: &Output) -> Result<Exit, CliError> {
    let saved = salvage::salvage(database, target)?;
    let is_whole = saved.tables.iter().all(|table| table.gaps == 0);
    if output.is_json() {
        let tables: Vec<_> = saved
            .tables
            .iter()
            .map(|table| json!({"name": table.name, "saved": table.saved, "gaps": table.gaps}))
            .collect();
        let value = json!({
            "database": database.display().to_string(),
            "saved_to": target.display().to_string(),
            "whole": is_whole,
            "tables": tables,
            "settled": saved.settled,
        });
        document(output, &value)?;
    } else {
        let mut lines: Vec<String> = saved
            .tables
            .iter()
            .map(|table| {
                let gaps = i64::try_from(table.gaps).unwrap_or(i64::MAX);
                let missing = match gaps {
                    0 => String::new(),
                    gaps => format!(", and rows are missing at {}", count(gaps, "place")),
                };
                format!("saved  {:<20} {}{missing}", table.name, table.saved)
            })
            .collect();
        lines.extend(saved.settled.iter().map(|line| format!("then   {line}")));
        lines.push(format!(
            "\n{new} holds what could be read of {}. Look at it with `morelia backup verify {new}`, \
             and put it in the place of the database with `morelia restore {new}`.",
            database.display(),
            new = target.display(),
        ));
        text(&lines.join("\n"))?;
    }
    Ok(if is_whole {
        Exit::Ok
    } else {
        Exit::ProblemsFound
    })
}

fn compact(database: &Path, output: &Output) -> Result<Exit, CliError> {
    let (before, log) = statistics::sizes(database);
    let is_served = ServerLock::is_held(database);
    let wait = |why: &str| {
        CliError::Busy(format!(
            "{} {why}: stop the server, compact it, and start the server again; after that it can be \
             compacted while the server runs",
            database.display()
        ))
    };
    if is_served && before > COMPACTED_WHILE_SERVING_BYTES && !compact::can_go_in_steps(database)? {
        return Err(wait(
            "can only be rewritten as a whole, and is so large that nobody could write during that \
             time",
        ));
    }
    let told = Cell::new(Instant::now());
    let compacted = compact::compact(database, |free| {
        if told.get().elapsed() > TELL_EVERY {
            told.set(Instant::now());
            output.note(&format!("pages that are still to be given back: {free}"));
        }
    });
    let compacted = compacted.map_err(|err| match err {
        StoreError::Damaged(_) if is_served => wait("has pages that nothing refers to any more"),
        err => err.into(),
    })?;
    let (after, _) = statistics::sizes(database);
    let before = before + log;
    let steps = match compacted {
        Compacted::AtOnce => None,
        Compacted::InSteps(steps) => Some(steps),
    };
    if output.is_json() {
        let value = json!({
            "database": database.display().to_string(),
            "before_bytes": before,
            "after_bytes": after,
            "steps": steps,
            "pages_per_step": steps.map(|_| PAGES_PER_STEP),
        });
        return document(output, &value);
    }
    let how = steps.map_or_else(String::new, |steps| {
        format!(" ({})", count(i64::from(steps), "step"))
    });
    text(&format!(
        "compacted  {}: {} → {}{how}",
        database.display(),
        size(before),
        size(after)
    ))
}

fn stats(loaded: &Loaded, output: &Output) -> Result<Exit, CliError> {
    let database = &loaded.config.database.path;
    let stats = super::on_database(database, &loaded.config, async |service| {
        Ok(service.statistics().await?)
    })?;
    let (file, log) = statistics::sizes(database);
    let free = u64::try_from(stats.free_bytes).unwrap_or(0);
    let files = u64::try_from(stats.files_bytes).unwrap_or(0);
    if output.is_json() {
        let value = json!({
            "database": database.display().to_string(),
            "schema": newest_schema(),
            "users": stats.users,
            "admins": stats.admins,
            "sessions": stats.sessions,
            "flows": stats.chats + stats.channels + stats.groups,
            "chats": stats.chats,
            "channels": stats.channels,
            "groups": stats.groups,
            "messages": stats.messages,
            "oldest_message": stats.oldest_message.map(Timestamp::seconds),
            "newest_message": stats.newest_message.map(Timestamp::seconds),
            "files": stats.files,
            "files_bytes": files,
            "large_files": stats.large_files,
            "large_files_bytes": stats.large_files_bytes,
            "uploads": stats.uploads,
            "changes": stats.changes,
            "size_bytes": file,
            "log_bytes": log,
            "free_bytes": free,
        });
        return document(output, &value);
    }
    let time =
        |time: Option<Timestamp>| time.map_or_else(|| "none".to_owned(), Timestamp::date_time);
    text(&format!(
        "database        {}, schema {}\n\
         size            {}, of it free {}; write-ahead log {}\n\
         users           {}, of them administrators {}\n\
         sessions        {}\n\
         flows           {}, {}, {}\n\
         messages        {}\n\
         oldest message  {}\n\
         newest message  {}\n\
         files           {}, {}; large ones beside the database {}, {}\n\
         uploads         {}\n\
         changes         {}",
        database.display(),
        newest_schema(),
        size(file),
        size(free),
        size(log),
        stats.users,
        stats.admins,
        stats.sessions,
        count(stats.chats, "chat"),
        count(stats.channels, "channel"),
        count(stats.groups, "group"),
        stats.messages,
        time(stats.oldest_message),
        time(stats.newest_message),
        stats.files,
        size(files),
        stats.large_files,
        size(stats.large_files_bytes.max(0).unsigned_abs()),
        stats.uploads,
        stats.changes,
    ))
}

fn prune(
    older: Option<Duration>,
    dry_run: bool,
    confirmation: Confirmation,
    loaded: &Loaded,
    output: &Output,
) -> Result<Exit, CliError> {
    let keep = older.or(loaded.config.history.keep).ok_or_else(|| {
        CliError::Usage(
            "messages are kept forever: say how old they may get with --older, or set keep in section \
             [history]"
                .to_owned(),
        )
    })?;
    let database = &loaded.config.database.path;
    let before = Timestamp::now().before(keep);
    let since = format!("{} UTC", before.date_time());
    let removed = super::on_database(database, &loaded.config, async |service| {
        let old = service.count_old_messages(before).await?;
        if dry_run || old.messages == 0 {
            return Ok(old);
        }
        confirm(
            confirmation,
            &format!(
                "{} from before {since} will be deleted",
                count(old.messages, "message")
            ),
        )?;
        let since = before.seconds().to_string();
        service
            .note_act(Act::MessagesPruned, None, Some(since))
            .await?;
        Ok(service.remove_old_messages(before).await?)
    })?;
    let bytes = u64::try_from(removed.size_bytes).unwrap_or(0);
    if output.is_json() {
        let value = json!({
            "before": before.seconds(),
            "dry_run": dry_run,
            "messages": removed.messages,
            "size_bytes": bytes,
        });
        return document(output, &value);
    }
    let word = if dry_run { "would remove" } else { "removed" };
    text(&format!(
        "{word}  {} from before {since}, {}",
        count(removed.messages, "message"),
        size(bytes)
    ))
}
