//! Text of a payload: numbers without separators, sex, addresses, and the signs of damage.
//!
//! Promise: the only repair is the one with a single cause, Telex joining two ASCII letters. Never: a repair of a name
//! or an address; a damaged one is refused.

use unicode_normalization::UnicodeNormalization;

use super::super::field::Problem;
use super::super::field::is_unseen;
use super::super::person::Sex;

/// The content of a part, or `None` for an empty one and for the hyphen that cards print instead. Spaces at its ends are
/// dropped, other white space is not: a no-break space may be the second half of a misread `à`.
pub(super) fn given(part: &str) -> Option<&str> {
    match part.trim_matches(' ') {
        "" | "-" => None,
        content => Some(content),
    }
}

/// Undoes what the Telex input method does to the keys a reader sends: `AA`, `EE`, `DD` arrive as `Â`, `Ê`, `Đ`. Only for
/// text that is ASCII by definition, where the three letters can have no other origin.
pub(super) fn without_telex(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // Composed first: some input methods send the letter and its circumflex apart.
    for c in text.nfc() {
        match c {
            'Â' => out.push_str("AA"),
            'â' => out.push_str("aa"),
            'Ê' => out.push_str("EE"),
            'ê' => out.push_str("ee"),
            'Đ' => out.push_str("DD"),
            'đ' => out.push_str("dd"),
            other => out.push(other),
        }
    }
    out
}

/// A number as the newtypes want it: no separators, capital letters, Telex undone. ASCII capitals only, because Unicode's
/// would turn one character into two or a foreign letter into a Latin one.
pub(super) fn number(text: &str) -> String {
    without_telex(text)
        .chars()
        .filter(|c| !(c.is_whitespace() || matches!(c, '-' | '.' | '\u{2010}'..='\u{2015}' | '\u{2212}')))
        .map(|c| c.to_ascii_uppercase())
        .collect()
}

/// Reads `Nam`, `Nữ` and `Nu` in any case and Unicode form.
pub(super) fn sex_word(text: &str) -> Result<Sex, Problem> {
    match text.nfc().collect::<String>().to_lowercase().as_str() {
        "nam" => Ok(Sex::Male),
        "nữ" | "nu" => Ok(Sex::Female),
        _ => Err(Problem::UnknownCode),
    }
}

/// NFC with single spaces.
pub(super) fn tidy(text: &str) -> String {
    text.nfc().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether text can have been written by a person: no control, format or private character, no replacement character, and
/// no UTF-8 that somebody read as Windows-1252 or 1258.
pub(super) fn is_plausible(text: &str) -> bool {
    let hidden = |c: char| is_unseen(c) || matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{fff0}'..='\u{ffff}' | '\u{f0000}'..);
    !text.chars().any(hidden) && !was_misread(text)
}

/// Vietnamese letters are two or three bytes in UTF-8. Read one byte at a time they become one of six letters followed by
/// a symbol (`ầ` → `áº§`, `à` → `Ã` and a no-break space). The second half is sometimes a letter too (`LÊ` → `LÃŠ`), so
/// that a check for letters alone lets such a name pass.
fn was_misread(text: &str) -> bool {
    let second_half = |c: char| matches!(c, '\u{80}'..='\u{bf}' | 'Œ' | 'œ' | 'Š' | 'š' | 'Ž' | 'ž' | 'Ÿ' | 'ƒ' | 'ˆ' | '˜');
    text.chars().zip(text.chars().skip(1)).any(|(a, b)| matches!(a, 'Ã' | 'Ă' | 'Ä' | 'Å' | 'Æ' | 'á') && second_half(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telex_is_undone_in_every_form() {
        assert_eq!(without_telex("4DE1BÂB75"), "4DE1BAAB75");
        assert_eq!(without_telex("4de1ba\u{302}b75"), "4de1baab75");
        assert_eq!(without_telex("ÊêĐđE\u{302}"), "EEeeDDddEE");
        // Only three: `Ô` would be `OO`, which is no hex, and an accent is a lost tone key.
        assert_eq!(without_telex("ÔÁ"), "ÔÁ");
    }

    #[test]
    fn separators_are_dropped_and_nothing_else() {
        assert_eq!(number(" gd4.01–01\u{a0}0000-0001"), "GD4010100000001");
        assert_eq!(number("đ4"), "DD4");
        assert_eq!(number("１２ß"), "１２ß");
    }

    #[test]
    fn misread_text_is_noticed() {
        for text in ["LÃŠ VÄ‚N", "LÃª", "HÃ\u{a0}", "Tráº§n", "a\u{fffd}", "a\u{200b}b", "a\u{90}", "\u{e000}", "HĂ\u{a0}"] {
            assert!(!is_plausible(text), "{text:?}");
        }
        for text in ["XÃ MẪU, TỈNH THỬ", "Xã Mẫu – Thử", "ẤP ĐÁ 3/2 (cũ)", "Đắk Lắk", "xã A\u{a0}B"] {
            assert!(is_plausible(text), "{text:?}");
        }
    }

    #[test]
    fn sex_is_read_in_any_form() {
        for (text, sex) in [("Nam", Sex::Male), ("NỮ", Sex::Female), ("nu", Sex::Female), ("Nu\u{31b}\u{303}", Sex::Female)] {
            assert_eq!(sex_word(text), Ok(sex), "{text}");
        }
        assert_eq!(sex_word("Na"), Err(Problem::UnknownCode));
    }
}
