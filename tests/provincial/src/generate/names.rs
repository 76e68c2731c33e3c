//! Vietnamese names by frequency, put together at random.
//!
//! Promises: family names follow the known shares of the country (rounded), middle and given names follow sex and
//! generation. Must never be a list of whole names: every name is a chance meeting of its parts.

use chrono::Datelike;
use chrono::NaiveDate;
use rand::{RngExt, rngs::Xoshiro256PlusPlus};

use super::pick;
use crate::wire::Sex;

/// Family names and their share in thousandths (rounded; the rare ones stand for all rare ones).
pub(super) const FAMILY: &[(&str, u32)] = &[
    ("Nguyễn", 384),
    ("Trần", 121),
    ("Lê", 95),
    ("Phạm", 70),
    ("Hoàng", 38),
    ("Huỳnh", 13),
    ("Phan", 45),
    ("Vũ", 30),
    ("Võ", 9),
    ("Đặng", 21),
    ("Bùi", 20),
    ("Đỗ", 14),
    ("Hồ", 13),
    ("Ngô", 13),
    ("Dương", 10),
    ("Đinh", 8),
    ("Lý", 5),
    ("Đoàn", 6),
    ("Trịnh", 6),
    ("Mai", 5),
    ("Lương", 5),
    ("Cao", 4),
    ("Hà", 4),
    ("Tạ", 3),
    ("Lưu", 3),
    ("Chu", 3),
    ("Quách", 2),
    ("Thái", 2),
    ("Tô", 2),
    ("Kiều", 1),
    ("Triệu", 2),
    ("Nông", 2),
    ("La", 1),
    ("Khổng", 1),
    ("Âu", 1),
];

const MIDDLE_MAN_OLD: &[(&str, u32)] =
    &[("Văn", 58), ("Đức", 7), ("Hữu", 6), ("Đình", 5), ("Xuân", 5), ("Quang", 4), ("Ngọc", 4), ("Công", 4), ("Duy", 3), ("Bá", 2)];
const MIDDLE_MAN_YOUNG: &[(&str, u32)] = &[
    ("Văn", 16),
    ("Minh", 12),
    ("Đức", 10),
    ("Gia", 9),
    ("Quang", 8),
    ("Tuấn", 7),
    ("Quốc", 6),
    ("Bảo", 6),
    ("Anh", 5),
    ("Hải", 4),
    ("Hoàng", 4),
    ("Duy", 4),
    ("Thành", 4),
    ("Tiến", 3),
    ("Trung", 2),
];
const MIDDLE_WOMAN_OLD: &[(&str, u32)] = &[("Thị", 93), ("Ngọc", 2), ("Thu", 2), ("Kim", 2), ("Thanh", 1)];
const MIDDLE_WOMAN_YOUNG: &[(&str, u32)] = &[
    ("Thị", 44),
    ("Ngọc", 10),
    ("Bảo", 7),
    ("Thu", 6),
    ("Phương", 6),
    ("Khánh", 5),
    ("Thanh", 5),
    ("Minh", 5),
    ("Quỳnh", 4),
    ("Hà", 4),
    ("Thảo", 2),
    ("Diệu", 2),
];

const GIVEN_MAN_OLD: &[(&str, u32)] = &[
    ("Hùng", 9),
    ("Dũng", 7),
    ("Sơn", 7),
    ("Hải", 6),
    ("Thắng", 6),
    ("Bình", 6),
    ("Minh", 5),
    ("Thành", 5),
    ("Tuấn", 5),
    ("Cường", 5),
    ("Hoà", 4),
    ("Long", 4),
    ("Tiến", 4),
    ("Chiến", 4),
    ("Quang", 4),
    ("Tâm", 3),
    ("Lợi", 3),
    ("Phúc", 3),
    ("Thọ", 3),
    ("Khánh", 2),
    ("Bền", 1),
];
const GIVEN_MAN_YOUNG: &[(&str, u32)] = &[
    ("Anh", 9),
    ("Huy", 8),
    ("Khang", 7),
    ("Bảo", 7),
    ("Minh", 6),
    ("Phúc", 6),
    ("Khôi", 5),
    ("Nam", 5),
    ("Đạt", 5),
    ("Kiên", 5),
    ("Long", 4),
    ("Quân", 4),
    ("Phong", 4),
    ("Hiếu", 4),
    ("Dũng", 3),
    ("Tùng", 3),
    ("Thịnh", 3),
    ("Đăng", 3),
    ("Vinh", 2),
    ("Hải", 2),
];
const GIVEN_WOMAN_OLD: &[(&str, u32)] = &[
    ("Lan", 7),
    ("Hoa", 7),
    ("Hương", 6),
    ("Mai", 6),
    ("Thuỷ", 6),
    ("Hà", 5),
    ("Hằng", 5),
    ("Liên", 5),
    ("Nga", 5),
    ("Thanh", 4),
    ("Loan", 4),
    ("Bình", 4),
    ("Hồng", 4),
    ("Tuyết", 4),
    ("Yến", 4),
    ("Dung", 3),
    ("Minh", 3),
    ("Vân", 3),
    ("Xuân", 3),
    ("Tý", 2),
    ("Nhàn", 2),
];
const GIVEN_WOMAN_YOUNG: &[(&str, u32)] = &[
    ("Linh", 9),
    ("Anh", 9),
    ("Trang", 7),
    ("Ngọc", 6),
    ("Nhi", 6),
    ("Vy", 5),
    ("Hân", 5),
    ("My", 5),
    ("Chi", 5),
    ("Châu", 4),
    ("Thảo", 4),
    ("Hà", 4),
    ("Ngân", 4),
    ("Mai", 3),
    ("Huyền", 3),
    ("Yến", 3),
    ("Thư", 3),
    ("Giang", 2),
    ("Dương", 2),
    ("Vân", 2),
];
/// Second given names, put before the last one: "Thị Thanh Hương", "Gia Bảo Anh".
const COMPOUND: &[(&str, u32)] =
    &[("Thanh", 5), ("Minh", 5), ("Ngọc", 5), ("Phương", 4), ("Bảo", 4), ("Khánh", 4), ("Thu", 3), ("Hoàng", 3), ("Tuấn", 2), ("Nhật", 2)];

/// A family name.
pub(super) fn family(rng: &mut Xoshiro256PlusPlus) -> &'static str {
    pick(rng, FAMILY)
}

/// A whole name in capitals, as registers write it.
pub(super) fn full(rng: &mut Xoshiro256PlusPlus, family: &str, sex: Sex, born: NaiveDate) -> String {
    let young = born.year() >= 1990;
    let man = sex == Sex::Male || (sex == Sex::Undetermined && rng.random_bool(0.5));
    let (middles, givens) = match (man, young) {
        (true, false) => (MIDDLE_MAN_OLD, GIVEN_MAN_OLD),
        (true, true) => (MIDDLE_MAN_YOUNG, GIVEN_MAN_YOUNG),
        (false, false) => (MIDDLE_WOMAN_OLD, GIVEN_WOMAN_OLD),
        (false, true) => (MIDDLE_WOMAN_YOUNG, GIVEN_WOMAN_YOUNG),
    };
    let middle = pick(rng, middles);
    let given = pick(rng, givens);
    let second = rng.random_bool(if young { 0.2 } else { 0.08 }).then(|| pick(rng, COMPOUND));
    match second {
        Some(second) if second != middle && second != given => format!("{family} {middle} {second} {given}"),
        _ => format!("{family} {middle} {given}"),
    }
    .to_uppercase()
}
