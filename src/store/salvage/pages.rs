//! The content of a page: children, rows, and the values of a row, as far as they are valid.

use rusqlite::types::Value;

use super::image::Image;

/// The size in bytes of the file header, before the header of the first page.
const FILE_HEADER: usize = 100;

/// The kind of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An inner page of a table with row numbers.
    TableInside,
    /// A leaf page of such a table, which has rows.
    TableLeaf,
    /// An inner page of an index, or of a table without row numbers, which has rows too.
    IndexInside,
    /// A leaf page of those, which has rows.
    IndexLeaf,
}

impl Kind {
    pub(super) fn is_table(self) -> bool {
        matches!(self, Self::TableInside | Self::TableLeaf)
    }

    pub(super) fn has_children(self) -> bool {
        matches!(self, Self::TableInside | Self::IndexInside)
    }

    pub(super) fn has_rows(self) -> bool {
        self != Self::TableInside
    }
}

/// A row as it is stored.
#[derive(Debug)]
pub(super) struct Row {
    /// Its number, in tables that have one.
    pub(super) number: i64,
    /// Its values, in the order of the file.
    pub(super) values: Vec<Value>,
}

/// A page with a valid header.
pub(super) struct Page {
    bytes: Vec<u8>,
    pub(super) kind: Kind,
    start: usize,
    cells: usize,
}

impl Page {
    /// Reads the header of a page; `None`: it is not a page of a tree.
    pub(super) fn read(image: &Image, number: u32) -> Option<Self> {
        if image.is_map(number) {
            return None;
        }
        let bytes = image.page(number)?;
        let start = if number == 1 { FILE_HEADER } else { 0 };
        let kind = match bytes.get(start)? {
            2 => Kind::IndexInside,
            5 => Kind::TableInside,
            10 => Kind::IndexLeaf,
            13 => Kind::TableLeaf,
            _ => return None,
        };
        let cells = usize::from(two(&bytes, start + 3)?);
        let page = Self {
            bytes,
            kind,
            start,
            cells,
        };
        (page.pointers() + 2 * cells <= page.bytes.len()).then_some(page)
    }

    /// Returns the pages that it leads to; `None` for an invalid one.
    pub(super) fn children(&self) -> Vec<Option<u32>> {
        if !self.kind.has_children() {
            return Vec::new();
        }
        let mut children: Vec<Option<u32>> = (0..self.cells)
            .map(|cell| self.cell(cell).and_then(|at| four(&self.bytes, at)))
            .collect();
        children.push(four(&self.bytes, self.start + 8));
        children
    }

    /// Returns its rows; `None` for an invalid one.
    pub(super) fn rows(&self, image: &Image) -> Vec<Option<Row>> {
        if !self.kind.has_rows() {
            return Vec::new();
        }
        (0..self.cells)
            .map(|cell| self.row(image, self.cell(cell)?))
            .collect()
    }

    fn pointers(&self) -> usize {
        self.start + if self.kind.has_children() { 12 } else { 8 }
    }

    /// Returns where a cell begins.
    fn cell(&self, cell: usize) -> Option<usize> {
        let at = usize::from(two(&self.bytes, self.pointers() + 2 * cell)?);
        (at >= self.pointers() + 2 * self.cells && at < self.bytes.len()).then_some(at)
    }

    fn row(&self, image: &Image, mut at: usize) -> Option<Row> {
        if self.kind == Kind::IndexInside {
            at += 4;
        }
        let (length, after) = varint(&self.bytes, at)?;
        let length = usize::try_from(length).ok()?;
        let (number, after) = match self.kind {
            Kind::TableLeaf => varint(&self.bytes, after)?,
            _ => (0, after),
        };
        let usable = self.bytes.len();
        let most = match self.kind {
            Kind::TableLeaf => usable - 35,
            _ => (usable - 12) * 64 / 255 - 23,
        };
        if length <= most {
            let payload = self.bytes.get(after..after.checked_add(length)?)?;
            return Some(Row {
                number,
                values: values(payload)?,
            });
        }
        let least = (usable - 12) * 32 / 255 - 23;
        let rest = least + (length - least) % (usable - 4);
        let here = if rest <= most { rest } else { least };
        let end = after.checked_add(here)?;
        let mut payload = self.bytes.get(after..end)?.to_vec();
        let mut next = four(&self.bytes, end)?;
        while payload.len() < length {
            let page = image.page(next)?;
            next = four(&page, 0)?;
            let wanted = (length - payload.len()).min(usable - 4);
            payload.extend_from_slice(page.get(4..4 + wanted)?);
            if next == 0 && payload.len() < length {
                return None;
            }
        }
        Some(Row {
            number,
            values: values(&payload)?,
        })
    }
}

/// Reads the values of a record, which must use all of its bytes.
fn values(record: &[u8]) -> Option<Vec<Value>> {
    let (head, mut at) = varint(record, 0)?;
    let head = usize::try_from(head).ok()?;
    let mut body = head;
    let mut values = Vec::new();
    while at < head {
        let (kind, after) = varint(record, at)?;
        at = after;
        let length = match kind {
            0 | 8 | 9 => 0,
            1..=4 => usize::try_from(kind).ok()?,
            5 => 6,
            6 | 7 => 8,
            12.. => usize::try_from((kind - 12) / 2).ok()?,
            _ => return None,
        };
        let bytes = record.get(body..body.checked_add(length)?)?;
        body += length;
        values.push(match kind {
            0 => Value::Null,
            1..=6 => Value::Integer(signed(bytes)),
            7 => Value::Real(f64::from_bits(signed(bytes).cast_unsigned())),
            8 => Value::Integer(0),
            9 => Value::Integer(1),
            _ if kind % 2 == 0 => Value::Blob(bytes.to_vec()),
            // Text that is no longer valid stays readable around the damage.
            _ => Value::Text(String::from_utf8_lossy(bytes).into_owned()),
        });
    }
    (at == head && body == record.len()).then_some(values)
}

fn signed(bytes: &[u8]) -> i64 {
    let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    let mut all = [if negative { 0xff } else { 0 }; 8];
    all[8 - bytes.len()..].copy_from_slice(bytes);
    i64::from_be_bytes(all)
}

/// Reads a number of one to nine bytes. Returns it with the offset after it.
fn varint(bytes: &[u8], at: usize) -> Option<(i64, usize)> {
    let mut number: u64 = 0;
    for place in 0..8 {
        let byte = *bytes.get(at + place)?;
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((number.cast_signed(), at + place + 1));
        }
    }
    let last = *bytes.get(at + 8)?;
    Some(((number << 8 | u64::from(last)).cast_signed(), at + 9))
}

fn two(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn four(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_a_record_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = values(&bytes);
        }
    }

    #[test]
    fn numbers_have_their_sign_and_length() {
        assert_eq!(signed(&[0xff]), -1);
        assert_eq!(signed(&[0x00, 0x80]), 128);
        assert_eq!(varint(&[0x81, 0x00], 0), Some((128, 2)));
        assert_eq!(varint(&[0xff; 9], 0), Some((-1, 9)));
        assert_eq!(varint(&[0xff; 8], 0), None);
    }
}
