//! A table as a file for a spreadsheet.
//!
//! Promise: RFC 4180, in UTF-8 with its mark, so that Excel reads the letters; a cell that a spreadsheet would take for a formula is text. Never: a cell
//! that does something when it is opened.

/// What Excel knows UTF-8 by.
const MARK: char = '\u{feff}';

/// Makes the file.
pub(super) fn file<'c>(rows: impl IntoIterator<Item = Vec<std::borrow::Cow<'c, str>>>) -> String {
    let mut file = String::from(MARK);
    for row in rows {
        let cells: Vec<_> = row.iter().map(|text| cell(text)).collect();
        file.push_str(&cells.join(","));
        file.push_str("\r\n");
    }
    file
}

/// Spreadsheets look past spaces for the sign that begins a formula, and some take the full-width ones as well.
fn is_formula(text: &str) -> bool {
    text.starts_with(['\t', '\r', '\n']) || text.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠', '|', '%'])
}

fn cell(text: &str) -> String {
    let safe = if is_formula(text) { format!("'{text}") } else { text.to_owned() };
    if safe.contains([',', '"', '\r', '\n', ';', '\t']) { format!("\"{}\"", safe.replace('"', "\"\"")) } else { safe }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_is_text() {
        for (text, written) in [
            ("=HYPERLINK(\"http://a\")", "\"'=HYPERLINK(\"\"http://a\"\")\""),
            ("+84", "'+84"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            (" =1", "' =1"),
            ("\t=1", "\"'\t=1\""),
            ("\r=1", "\"'\r=1\""),
            ("＝1", "'＝1"),
            ("|cmd", "'|cmd"),
            ("a=1", "a=1"),
            ("Thôn Thử", "Thôn Thử"),
        ] {
            assert_eq!(cell(text), written, "{text:?}");
        }
    }

    #[test]
    fn a_cell_holds_whatever_it_is_given() {
        let rows = [vec!["a".into(), "b,c".into()], vec!["say \"x\"".into(), "two\nlines".into()], vec!["".into(), ";".into()]];
        assert_eq!(file(rows), "\u{feff}a,\"b,c\"\r\n\"say \"\"x\"\"\",\"two\nlines\"\r\n,\";\"\r\n");
    }
}
