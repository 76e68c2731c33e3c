//! Text that a card carries as hex digits.
//!
//! Promise: UTF-8 if it is UTF-8, else UTF-16LE if that gives Latin letters, which old printing programs wrote. Never: a
//! guess at a lost digit, and never UTF-16BE, which no card was seen to carry.

use super::super::field::Problem;
use super::text;

/// Reads hex in either case, Telex damage undone.
pub(super) fn decode(hex: &str) -> Result<String, Problem> {
    let bytes = bytes(&text::without_telex(hex)).ok_or(Problem::NotHex)?;
    let decoded = match core::str::from_utf8(&bytes) {
        // A NUL is valid UTF-8, but in a name it is the upper half of a UTF-16 letter.
        Ok(utf8) if !utf8.contains('\0') => utf8.to_owned(),
        _ => utf16(&bytes).ok_or(Problem::NotText)?,
    };
    let decoded = decoded.trim_start_matches('\u{feff}');
    if text::is_plausible(decoded) { Ok(decoded.to_owned()) } else { Err(Problem::NotText) }
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect::<Option<Vec<u8>>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// UTF-16LE that holds nothing but Latin text. Without this bound nearly all damaged UTF-8, and all UTF-16BE, would read as
/// Chinese.
fn utf16(bytes: &[u8]) -> Option<String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let units = pairs.iter().map(|pair| u16::from_le_bytes(*pair));
    let text: String = char::decode_utf16(units).collect::<Result<_, _>>().ok()?;
    text.chars().all(is_latin_text).then_some(text)
}

fn is_latin_text(c: char) -> bool {
    matches!(c, ' '..='\u{24f}' | '\u{300}'..='\u{36f}' | '\u{1e00}'..='\u{1eff}' | '\u{2010}'..='\u{2027}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAME: &str = "TRẦN THỊ VÍ DỤ";

    fn hex(bytes: impl IntoIterator<Item = u8>) -> String {
        bytes
            .into_iter()
            .flat_map(|b| [b >> 4, b & 15])
            .filter_map(|d| char::from_digit(d.into(), 16))
            .map(|c| c.to_ascii_uppercase())
            .collect()
    }

    #[test]
    fn both_encodings_are_read() {
        assert_eq!(decode(&hex(NAME.bytes())).as_deref(), Ok(NAME));
        assert_eq!(decode(&hex(NAME.encode_utf16().flat_map(u16::to_le_bytes))).as_deref(), Ok(NAME));
        assert_eq!(decode(&hex([0xff, 0xfe].into_iter().chain(NAME.encode_utf16().flat_map(u16::to_le_bytes)))).as_deref(), Ok(NAME));
        assert_eq!(decode("4DE1BÂB75").as_deref(), Ok("Mẫu"));
    }

    #[test]
    fn what_is_no_text_is_refused() {
        assert_eq!(decode(&hex(NAME.encode_utf16().flat_map(u16::to_be_bytes))), Err(Problem::NotText));
        for (text, problem) in [
            ("4D4", Problem::NotHex),
            ("4G", Problem::NotHex),
            ("４１", Problem::NotHex),
            ("41 42", Problem::NotHex),
            ("4DE1BA75", Problem::NotText),
            ("EFBFBD", Problem::NotText),
            ("410A42", Problem::NotText),
            ("00", Problem::NotText),
            ("0054", Problem::NotText),
            ("4CC383C5A0", Problem::NotText),
        ] {
            assert_eq!(decode(text), Err(problem), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_name_comes_back(name in "[A-ZÀ-ỸĐa-zà-ỹđ]{1,9}( [A-ZĐa-zđ]{1,7}){0,4}") {
            prop_assume!(text::is_plausible(&name));
            let utf8 = hex(name.bytes());
            let telex = utf8.replace("AA", "Â").replace("EE", "Ê").replace("DD", "Đ");
            for damaged in [utf8.to_lowercase(), telex.to_lowercase(), telex, utf8] {
                prop_assert_eq!(decode(&damaged), Ok(name.clone()));
            }
        }

        #[test]
        fn a_lost_digit_is_refused(name in "[A-ZĐ]{1,9}", at in any::<prop::sample::Index>()) {
            let mut damaged = hex(name.bytes());
            damaged.remove(at.index(damaged.len()));
            prop_assert_eq!(decode(&damaged), Err(Problem::NotHex));
        }
    }
}
