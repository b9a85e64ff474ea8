//! Finding the rows of every table in the pages of a damaged file.
//!
//! Pages that a table leads to belong to it. Pages whose parent is damaged, and those that something else
//! leads to, are assigned to their table by the form of their rows.

use std::collections::{HashMap, HashSet};

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::image::{Image, Seen};
use super::pages::Page;
use super::shapes::{self, Shape};
use super::{Table, quoted};
use crate::store::error::StoreError;
use crate::store::search;

/// Copies every readable row. Returns the result for each table.
///
/// # Errors
/// The new file cannot be written.
pub(super) fn copy(image: &Image, target: &Connection) -> Result<Vec<Table>, StoreError> {
    let shapes = shapes::all(target)?;
    let mut seen = Seen::default();
    let roots = roots(image, &mut seen);
    let mut gaps: HashMap<&str, u64> = HashMap::new();
    let mut taken: HashMap<&str, u64> = HashMap::new();
    let mut foreign = HashSet::new();
    for shape in &shapes {
        let mut take = |rows: Vec<Option<super::pages::Row>>| {
            let mut missing = 0;
            for row in rows {
                let Some(row) = row.filter(|row| shape.fits(&row.values)) else {
                    missing += 1;
                    continue;
                };
                if is_kept(shape) {
                    insert(target, shape, row.number, row.values, "REPLACE")?;
                }
                *taken.entry(&shape.name).or_default() += 1;
            }
            Ok::<u64, StoreError>(missing)
        };
        let lost = match roots.get(&shape.name) {
            Some(root) => {
                let mut out_of_place = |number| {
                    foreign.insert(number);
                };
                walk(
                    image,
                    shape,
                    *root,
                    &mut seen,
                    (&mut take, &mut out_of_place),
                )?
            }
            None => 1,
        };
        gaps.insert(shape.name.as_str(), lost);
    }
    for shape in shapes.iter().filter(|shape| !shape.is_index) {
        let found = taken.get(shape.name.as_str()).copied().unwrap_or(0);
        let gaps = gaps.entry(&shape.name).or_default();
        if *gaps == 0 && indexed(&shapes, shape, &taken) > found {
            // The pages are valid, but they are not those of this table, or not all of them.
            *gaps = 1;
        }
    }
    for (number, page, fitting) in orphans(image, &shapes, &seen) {
        if foreign.contains(&number) {
            // Whatever leads to it, it is in use: a table has lost it.
            for shape in &fitting {
                *gaps.entry(&shape.name).or_default() += 1;
            }
        }
        let [shape] = fitting.as_slice() else {
            continue;
        };
        // An unreferenced page of a complete table is left over from something else.
        let is_complete = gaps.get(shape.name.as_str()).is_none_or(|gaps| *gaps == 0);
        if is_complete || !is_kept(shape) {
            continue;
        }
        for row in page.rows(image).into_iter().flatten() {
            insert(target, shape, row.number, row.values, "IGNORE")?;
        }
    }
    let mut tables = Vec::new();
    for shape in shapes.iter().filter(|shape| is_kept(shape)) {
        let sql = format!("SELECT COUNT(*) FROM {}", quoted(&shape.name));
        let saved: i64 = target.query_row(&sql, [], |row| row.get(0))?;
        let saved = u64::try_from(saved).unwrap_or(0);
        let taken = taken.get(shape.name.as_str()).copied().unwrap_or(0);
        let gaps = gaps.get(shape.name.as_str()).copied().unwrap_or(0);
        tables.push(Table {
            name: shape.name.clone(),
            saved,
            // If two rows have the same key, one is wrong.
            gaps: gaps + taken.saturating_sub(saved),
        });
    }
    Ok(tables)
}

/// Returns how many rows the indexes of a table know of.
fn indexed(shapes: &[Shape], table: &Shape, taken: &HashMap<&str, u64>) -> u64 {
    let indexes = shapes
        .iter()
        .filter(|it| it.is_index && it.table == table.name);
    let entries = indexes.filter_map(|it| taken.get(it.name.as_str()).copied());
    entries.max().unwrap_or(0)
}

/// Returns whether its rows cannot be rebuilt.
fn is_kept(shape: &Shape) -> bool {
    !shape.is_index && !shape.name.starts_with("sqlite_") && !search::owns(&shape.name)
}

/// Returns the first page of each table and index, as far as the file still says.
fn roots(image: &Image, seen: &mut Seen) -> HashMap<String, u32> {
    let mut roots = HashMap::new();
    let mut open = vec![1];
    while let Some(number) = open.pop() {
        if !seen.take(number) {
            continue;
        }
        let Some(page) = Page::read(image, number).filter(|page| page.kind.is_table()) else {
            continue;
        };
        open.extend(page.children().into_iter().flatten());
        for row in page.rows(image).into_iter().flatten() {
            if let [_, Value::Text(name), _, Value::Integer(root), _] = row.values.as_slice()
                && let Ok(root) = u32::try_from(*root)
                && root > 1
            {
                roots.insert(name.clone(), root);
            }
        }
    }
    roots
}

/// Walks through the pages of a table or index, and tells of those that belong to something else. Returns
/// at how many places something is missing.
fn walk(
    image: &Image,
    shape: &Shape,
    root: u32,
    seen: &mut Seen,
    (take, out_of_place): (
        &mut impl FnMut(Vec<Option<super::pages::Row>>) -> Result<u64, StoreError>,
        &mut impl FnMut(u32),
    ),
) -> Result<u64, StoreError> {
    let mut gaps = 0;
    let mut open = vec![Some(root)];
    while let Some(number) = open.pop() {
        let page = number
            .filter(|number| !seen.has(*number))
            .and_then(|number| Some((number, Page::read(image, number)?)));
        let Some((number, page)) = page else {
            gaps += 1;
            continue;
        };
        if page.kind.is_table() != shape.has_numbers {
            out_of_place(number);
            gaps += 1;
            continue;
        }
        let rows = page.rows(image);
        let is_foreign = !rows.is_empty()
            && rows
                .iter()
                .all(|row| row.as_ref().is_none_or(|row| !shape.fits(&row.values)));
        if is_foreign {
            // Its own table may still find this page.
            out_of_place(number);
            gaps += 1;
            continue;
        }
        seen.take(number);
        open.extend(page.children());
        gaps += take(rows)?;
    }
    Ok(gaps)
}

/// Returns unreferenced pages with rows, each with the tables and indexes that its rows fit.
fn orphans<'shapes>(
    image: &Image,
    shapes: &'shapes [Shape],
    seen: &Seen,
) -> Vec<(u32, Page, Vec<&'shapes Shape>)> {
    let mut found = Vec::new();
    for number in (2..=image.pages()).filter(|number| !seen.has(*number)) {
        let Some(page) = Page::read(image, number).filter(|page| page.kind.has_rows()) else {
            continue;
        };
        let rows: Vec<_> = page.rows(image).into_iter().flatten().collect();
        if rows.is_empty() {
            continue;
        }
        let fitting = shapes.iter().filter(|shape| {
            let fits = |row: &super::pages::Row| shape.fits(&row.values);
            shape.has_numbers == page.kind.is_table() && rows.iter().all(fits)
        });
        let fitting = fitting.collect();
        found.push((number, page, fitting));
    }
    found
}

fn insert(
    target: &Connection,
    shape: &Shape,
    number: i64,
    values: Vec<Value>,
    otherwise: &str,
) -> Result<(), StoreError> {
    let names: Vec<String> = shape.columns.iter().map(|it| quoted(&it.name)).collect();
    let marks = vec!["?"; names.len()].join(", ");
    // Names cannot be parameters; these come from the schema.
    let sql = format!(
        "INSERT OR {otherwise} INTO {} ({}) VALUES ({marks})",
        quoted(&shape.name),
        names.join(", ")
    );
    let values = shape.whole(number, values);
    let inserted = target
        .prepare_cached(&sql)?
        .execute(params_from_iter(values));
    match inserted.map_err(StoreError::from) {
        // A row that violates a constraint of the table is skipped; it is counted as missing.
        Ok(_) | Err(StoreError::Conflict(_)) => Ok(()),
        Err(err) => Err(err),
    }
}
