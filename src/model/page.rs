//! Lists that are read one part at a time.

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// Its rows, in the order of the list.
    pub rows: Vec<T>,
    /// Whether nothing follows.
    pub is_last: bool,
}

/// Maximum number of rows of a page. Source: MTP extensions of this server, lists.
const ROWS: usize = 100;

impl<T> Page<T> {
    /// Number of rows to read for a page: one more than a page holds, which shows whether more follow.
    pub const LIMIT: i64 = 101;

    /// Returns the page that begins with these rows, at most [`LIMIT`](Self::LIMIT).
    #[must_use]
    pub fn of(mut rows: Vec<T>) -> Self {
        let is_last = rows.len() <= ROWS;
        rows.truncate(ROWS);
        Self { rows, is_last }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_holds_a_hundred_and_knows_whether_more_follow() {
        let page = |rows: usize| {
            let page = Page::of(vec![0; rows]);
            (page.rows.len(), page.is_last)
        };
        assert_eq!(page(0), (0, true));
        assert_eq!(page(100), (100, true));
        assert_eq!(page(101), (100, false));
        assert_eq!(i64::try_from(ROWS), Ok(Page::<()>::LIMIT - 1));
    }
}
