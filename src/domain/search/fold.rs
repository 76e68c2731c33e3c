//! Words of names as they are compared: lower case without diacritics, and what an input method may have left in them.
//!
//! Promise: total and bounded; two spellings of a name by case, tone, `đ` or apostrophes fold to the same words; one typing error is a letter put, lost,
//! taken for another, or changed places with its neighbour. Never: a second error; a word of the dictionary in place of what was typed.

use super::super::person;

/// Most words of a name that are compared, of those typed and of those recorded. The longest names have twelve.
pub(super) const MOST_WORDS: usize = 16;

/// The words of a name as it is written. An apostrophe joins (`H'Hen`), every other mark parts.
pub(super) fn parts(name: &str) -> impl Iterator<Item = &str> {
    let is_apart = |c: char| c.is_whitespace() || matches!(c, '-' | '.' | ',' | '(' | ')');
    name.split(is_apart).filter(|part| part.chars().any(char::is_alphabetic)).take(MOST_WORDS)
}

/// A word as it is compared.
pub(super) fn fold(word: &str) -> String {
    person::folded(word).chars().filter(|c| c.is_alphanumeric()).collect()
}

/// The word under the keys of Telex, if there are any in it: `traanf` is `tran`. No Vietnamese syllable has these letters there itself; words of other
/// languages do, so this is one more reading and takes none away.
pub(super) fn without_telex(folded: &str) -> Option<String> {
    let mut out = String::with_capacity(folded.len());
    let mut previous = None;
    let mut has_vowel = false;
    for c in folded.chars() {
        let is_doubled = previous == Some(c) && matches!(c, 'a' | 'e' | 'o' | 'd');
        let is_tone = has_vowel && matches!(c, 'f' | 's' | 'r' | 'x' | 'j' | 'z');
        let is_horn = c == 'w' && matches!(previous, Some('a' | 'o' | 'u'));
        if !(is_doubled || is_tone || is_horn) {
            out.push(if c == 'w' { 'u' } else { c });
        }
        has_vowel |= matches!(c, 'a' | 'e' | 'i' | 'o' | 'u' | 'y' | 'w');
        previous = Some(c);
    }
    (out != folded && !out.is_empty()).then_some(out)
}

/// The word under the digits of VNI, `Tra62n`, if that is what it is: one tone and one or two marks, behind what they are put on. Anything else with
/// letters and digits in it is a number.
pub(super) fn without_vni(token: &str) -> Option<String> {
    let vowel = |c: char| matches!(c.to_ascii_lowercase(), 'a' | 'e' | 'i' | 'o' | 'u' | 'y');
    let (mut tones, mut marks, mut bars) = (0, 0, 0);
    let (mut has_vowel, mut has_d) = (false, false);
    let mut out = String::with_capacity(token.len());
    for c in token.chars() {
        match c {
            '1'..='5' if has_vowel => tones += 1,
            '6'..='8' if has_vowel => marks += 1,
            '9' if has_d => bars += 1,
            _ if c.is_alphabetic() => {
                has_vowel |= vowel(c);
                has_d |= c.eq_ignore_ascii_case(&'d');
                out.push(c);
            }
            _ => return None,
        }
    }
    (tones + marks + bars > 0 && tones < 2 && marks < 2 && bars < 2).then_some(out)
}

/// Whether two words are one typing error apart or fewer. A word of one letter has nothing left that would tell it.
pub(super) fn is_near(a: &str, b: &str) -> bool {
    if a.is_ascii() && b.is_ascii() {
        return within_one(a.as_bytes(), b.as_bytes());
    }
    let [a, b] = [a, b].map(|word| word.chars().collect::<Vec<_>>());
    within_one(&a, &b)
}

fn within_one<T: PartialEq>(a: &[T], b: &[T]) -> bool {
    if a.len().abs_diff(b.len()) > 1 || a.len().max(b.len()) < 2 {
        return a == b;
    }
    let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[same..], &b[same..]);
    let same = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    match (&a[..a.len() - same], &b[..b.len() - same]) {
        ([] | [_], [] | [_]) => true,
        ([a1, a2], [b1, b2]) => a1 == b2 && a2 == b1,
        _ => false,
    }
}

/// Which letters a word has: words one error apart differ in at most two of these bits.
pub(super) fn letters(word: &str) -> u32 {
    word.bytes().fold(0, |bits, byte| bits | 1 << if byte.is_ascii_lowercase() { byte - b'a' } else { 26 })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_a_word_fold_to_one() {
        for (word, folded) in
            [("TRẦN", "tran"), ("Tra\u{302}\u{300}n", "tran"), ("Đặng", "dang"), ("đ", "d"), ("H'Hen", "hhen"), ("Ước", "uoc"), ("Y’", "y")]
        {
            assert_eq!(fold(word), folded, "{word}");
        }
        assert_eq!(parts(" Anh-Thư  (bé), H'Hen ").collect::<Vec<_>>(), ["Anh", "Thư", "bé", "H'Hen"]);
        assert_eq!(parts(&"a ".repeat(99)).count(), MOST_WORDS);
    }

    #[test]
    fn what_telex_and_vni_leave_is_taken_away() {
        for (word, bare) in
            [("traanf", "tran"), ("ddawngj", "dang"), ("huwowng", "huong"), ("thij", "thi"), ("nguyeexn", "nguyen"), ("wngs", "ung")]
        {
            assert_eq!(without_telex(word).as_deref(), Some(bare), "{word}");
        }
        for word in ["tran", "sang", "xuan", "rinh", "long", "hoang"] {
            assert_eq!(without_telex(word), None, "{word}");
        }
        for (word, bare) in [("Tra62n", "Tran"), ("D9a85ng", "Dang"), ("thi5", "thi")] {
            assert_eq!(without_vni(word).as_deref(), Some(bare), "{word}");
        }
        for word in ["GD4", "GD401010000000", "a0", "tran1985", "a12", "1a", "9d", "tran"] {
            assert_eq!(without_vni(word), None, "{word}");
        }
    }

    #[test]
    fn one_error_is_near_and_two_are_not() {
        for (a, b) in [
            ("tran", "tran"),
            ("tran", "trann"),
            ("tran", "trn"),
            ("tran", "trsn"),
            ("tran", "tarn"),
            ("vy", "v"),
            ("a", "an"),
            ("ab", "ba"),
        ] {
            assert!(is_near(a, b) && is_near(b, a), "{a}, {b}");
        }
        for (a, b) in [("tran", "tra nh"), ("tran", "rtna"), ("tran", "an"), ("a", "b"), ("", "ab"), ("abc", "cba"), ("đa", "ăb")] {
            assert!(!is_near(a, b) && !is_near(b, a), "{a}, {b}");
        }
    }

    /// The distance by its definition: a table over all prefixes.
    fn distance(a: &[char], b: &[char]) -> usize {
        let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
        for i in 0..=a.len() {
            for j in 0..=b.len() {
                table[i][j] = if i == 0 || j == 0 {
                    i + j
                } else {
                    let put = table[i - 1][j].min(table[i][j - 1]) + 1;
                    let kept = table[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                    let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                    put.min(kept).min(if swapped { table[i - 2][j - 2] + 1 } else { usize::MAX })
                };
            }
        }
        table[a.len()][b.len()]
    }

    proptest! {
        #[test]
        fn near_is_a_distance_of_one(a in "[abcă]{0,6}", b in "[abcă]{0,6}") {
            let [x, y] = [&a, &b].map(|word| word.chars().collect::<Vec<_>>());
            let wanted = if x.len().max(y.len()) < 2 { x == y } else { distance(&x, &y) <= 1 };
            prop_assert_eq!(is_near(&a, &b), wanted);
            if wanted && a.is_ascii() && b.is_ascii() {
                prop_assert!((letters(&a) ^ letters(&b)).count_ones() <= 2);
            }
        }

        #[test]
        fn folding_twice_is_folding_once(word in "[a-zA-ZÀ-ỹ ’-]{0,12}") {
            let once = fold(&word);
            prop_assert_eq!(fold(&once), once.clone());
            prop_assert_eq!(fold(&word.to_lowercase()), once);
        }

        #[test]
        fn any_word_is_read(word in any::<String>()) {
            without_telex(&fold(&word));
            without_vni(&word);
        }
    }
}
