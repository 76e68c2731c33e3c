//! What is taken for a name, whom it fits, what differs, and who comes first.

use proptest::prelude::*;

use super::*;
use crate::domain::card::CardNumber;
use crate::domain::card::Mark;
use crate::domain::card::Validity;
use crate::domain::facility::FacilityCode;
use crate::domain::person::CitizenId;
use crate::domain::person::Sex;

fn query(text: &str) -> Query {
    match read(text) {
        Ok(Input::Name(query)) => query,
        other => panic!("{text}: {other:?}"),
    }
}

fn name(text: &str) -> PersonName {
    PersonName::parse(text).unwrap()
}

fn born(text: &str) -> BirthDate {
    BirthDate::parse_iso(text).unwrap()
}

/// In what a typed text differs from a recorded name and day; `None`: it does not fit.
fn differs(typed: &str, recorded: &str, day: &str) -> Option<String> {
    let fit = query(typed).fit(&name(recorded), born(day))?;
    let names: Vec<_> = fit.name().into_iter().map(NameDifference::code).collect();
    Some(format!("{} {}", if names.is_empty() { "exact".to_owned() } else { names.join("+") }, fit.birth().code()))
}

fn record(n: u32, name: &str, day: &str) -> CardRecord {
    CardRecord {
        card_number: CardNumber::parse(&format!("GD4990000{n:06}")).unwrap(),
        personal_id: Some(CitizenId::parse(&format!("097185{n:06}")).unwrap()),
        name: self::name(name),
        birth_date: born(day),
        sex: Sex::Female,
        hamlet: None,
        registered_facility: FacilityCode::parse("99001").unwrap(),
        validity: Validity { valid_from: "2026-01-01".parse().unwrap(), valid_until: None },
        five_years_on: None,
        copay_exempt_from: None,
        residence_area: None,
        mark: Mark::None,
        predecessor: None,
        successor: None,
    }
}

#[test]
fn a_name_is_told_from_a_number_and_from_a_scan() {
    for text in [
        "tran thi vi du 1985",
        "Ví Dụ Trần Thị 02/09/1985",
        "02091985 tran vi du",
        "tran thi vi du",
        "Hương 1985",
        "H'Hen Niê 2-9-1985",
        "vi du 02 09 1985",
        "vi 1985-09-02 du",
        "Tra62n Thi5 1985",
        " \u{feff}tran vi du, 9/1985\r\n",
    ] {
        assert!(matches!(read(text), Ok(Input::Name(_))), "{text}");
    }
    for text in [
        "GD4010100000001",
        "0100000001",
        "001185000001",
        "gd4 01 01 000 00001",
        "001185000001||Trần Thị Ví Dụ|02091985|Nữ|Thôn|15032022||||",
    ] {
        assert!(matches!(read(text), Ok(Input::Scan(_))), "{text}");
    }
}

#[test]
fn what_is_neither_is_refused_as_before() {
    for text in [
        "",
        "123",
        "GD401010000000",
        "GD4 01 01 000 0001",
        "Hương",
        "tran|thi|1985",
        "tran\nthi 1985",
        "tran 0100000001",
        "001185000001 tran thi",
        "1985 tran thi 1986",
        "tr\u{fffd}n thi",
        "@@ ## 1985",
        &"a ".repeat(99),
        &"a".repeat(5000),
    ] {
        assert_eq!(read(text).map(|_| ()), scan::read(text).map(|_| ()), "{text}");
        assert!(read(text).is_err(), "{text}");
    }
    for text in ["1985", "02/09/1985", "30/09/1938", "02 09 1985"] {
        assert_eq!(read(text), Err(Problem::Empty.at(Field::Name)), "{text}: a birth date alone is nobody's");
    }
    for text in ["tran thi 85", "vo duc thang 38", "tran thi 5"] {
        assert_eq!(read(text), Err(Problem::Length.at(Field::BirthDate)), "{text}: the year is asked for whole");
    }
    for text in ["tran thi 30/02/1985", "tran thi 32131985", "tran thi 1899"] {
        assert_eq!(read(text), Err(Problem::NotADate.at(Field::BirthDate)), "{text}");
    }
}

#[test]
fn birth_dates_are_read_in_every_form() {
    for (text, iso) in [
        ("a b 02/09/1985", "1985-09-02"),
        ("2.9.1985 a b", "1985-09-02"),
        ("a 2-9-1985 b", "1985-09-02"),
        ("a b 02 09 1985", "1985-09-02"),
        ("a b 1985-09-02", "1985-09-02"),
        ("02091985 a b", "1985-09-02"),
        ("a b 9/1985", "1985-09"),
        ("a b 1985", "1985"),
    ] {
        assert_eq!(query(text).born(), Some(born(iso)), "{text}");
    }
    assert_eq!(query("a b").born(), None);
    for label in ["sinh năm", "SINH NĂM:", "năm sinh", "sinh ngày", "ngày sinh", "ngày tháng năm sinh", "sn", "ns:"] {
        let labelled = query(&format!("võ đức thắng {label} 1938"));
        assert_eq!(labelled, query("võ đức thắng 1938"), "{label}");
    }
    // Names that are words of such a label too.
    for (typed, recorded) in
        [("nguyễn văn năm 1985", "Nguyễn Văn Năm"), ("trần thị sinh 1985", "Trần Thị Sinh"), ("sinh năm 1985", "Sinh Năm")]
    {
        assert!(query(typed).fit(&name(recorded), born("1985")).is_some(), "{typed}");
    }
}

#[test]
fn what_differs_is_said_of_each_person() {
    let recorded = "TRẦN THỊ VÍ DỤ";
    for (typed, wanted) in [
        ("Trần Thị Ví Dụ 02/09/1985", Some("exact equal")),
        ("tran thi vi du 02/09/1985", Some("exact equal")),
        ("Trân Thị Ví Dụ 1985", Some("accents year")),
        ("Ví Dụ Trần Thị 02/09/1985", Some("order equal")),
        ("tran vi du 02091985", Some("part equal")),
        ("tran thi vi di 1985", Some("letter year")),
        ("Trần Thị Ví Duj 1985", Some("accents year")),
        ("Traanf Thij Vis Duj 1985", Some("exact year")),
        ("Trần Thị Víi Dụ 1985", Some("letter year")),
        ("Trna Thị Ví Dụ 1985", Some("letter year")),
        ("Du Vi Tran 1985", Some("part+order year")),
        ("tran thi vi du", Some("exact not_typed")),
        ("tran thi vi du 09/02/1985", Some("exact swapped")),
        ("tran thi vi du 03/09/1985", Some("exact differs")),
        ("tran thi vi du 10/1985", Some("exact differs")),
        ("tran thi vi du 9/1985", Some("exact year")),
        ("tran thi vi di 03/09/1985", None),
        ("tran thi vi di 09/02/1985", None),
        ("tran thi vi du 1986", Some("exact other_year")),
        ("tran thi vi du 1958", Some("exact other_year")),
        ("tran thi vi du 02/09/1986", Some("exact other_year")),
        ("tran thi vi du 03/09/1986", None),
        ("tran thi vi di 1986", None),
        ("tran thi vi du 1996", None),
        ("trn thi vi di 1985", None),
        ("tran thi vi du du 1985", None),
        ("le thi vi du 1985", None),
        ("trn 1985", None),
        ("tran 1985", Some("part year")),
    ] {
        assert_eq!(differs(typed, recorded, "1985-09-02").as_deref(), wanted, "{typed}");
    }
    assert_eq!(differs("tran thi vi du 02/09/1985", recorded, "1985").as_deref(), Some("exact year"));
    assert_eq!(differs("lan lam 1985", "Lan Lan", "1985").as_deref(), Some("letter year"));
    assert_eq!(differs("hen nie 1985", "H'Hen Niê", "1985").as_deref(), Some("letter year"));
}

#[test]
fn whoever_fits_better_comes_first() {
    let people = [
        record(1, "Trần Thị Ví Dụ", "1985-09-02"),
        record(2, "Trân Thị Ví Dụ", "1985-09-02"),
        record(3, "Thị Trần Ví Dụ", "1985-09-02"),
        record(4, "Trần Thị Ví Dụ", "1985"),
        record(5, "Trần Thị Ngọc Ví Dụ", "1985-09-02"),
        record(6, "Trần Thị Ví Dự", "1985-02-09"),
        record(7, "Trần Thị Ví Du", "1985-09-03"),
        record(8, "Trần Thị Vít Dụ", "1985-09-02"),
        record(9, "Lê Thị Khác", "1985-09-02"),
    ];
    let order = |typed: &str| -> Vec<_> {
        let numbers =
            rank(&query(typed), people.iter().rev().cloned()).into_iter().map(|found| found.record.card_number.as_str().to_owned());
        numbers.map(|number| number[number.len() - 1..].parse::<u32>().unwrap()).collect()
    };
    assert_eq!(order("Trần Thị Ví Dụ 02/09/1985"), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(order("tran thi vi du 1996"), [0; 0]);
    // One error in the year finds them where nobody of that year fits.
    let mut by_error = order("tran thi vi du 1986");
    by_error.sort_unstable();
    assert_eq!(by_error, [1, 2, 3, 4, 5, 6, 7]);
    let of_the_year = record(10, "Trần Thị Ví Dụ", "1986-01-01");
    let found = rank(&query("tran thi vi du 1986"), people.iter().cloned().chain([of_the_year.clone()]));
    assert_eq!(found.iter().map(|found| &*found.record).collect::<Vec<_>>(), [&of_the_year]);
}

#[test]
fn the_claim_is_what_was_typed_as_far_as_it_is_a_whole_name() {
    let person = record(1, "Trần Thị Ví Dụ", "1985-09-02");
    let claimed = |typed: &str| query(typed).claim(&person);
    for (typed, same) in [
        ("Ví Dụ Trần Thị 1985", true),
        ("du vi thi tran 1985", true),
        ("traanf thij vi du 1985", true),
        ("Trần Thị Ví Du 1985", false),
        ("tran thi vi di 1985", false),
    ] {
        let claim = claimed(typed);
        assert_eq!(claim.name.map(|name| name.same_as(&person.name)), Some(same), "{typed}");
        assert_eq!((claim.source, claim.birth_date), (Source::Typed, Some(BirthDate::Year(1985))));
        assert_eq!((claim.personal_id, claim.card_number), (person.personal_id.clone(), None));
    }
    assert_eq!(claimed("vi du 1985").name, None, "a part says nothing");
    let without_id = CardRecord { personal_id: None, ..person.clone() };
    assert_eq!(query("vi du 1985").claim(&without_id).insurance_number, Some(person.card_number.insurance_number()));
}

#[test]
fn nothing_typed_is_shown_by_debug() {
    let typed = "tran thi bimat 1985";
    assert_eq!(format!("{:?}", query(typed)), "Query(… 3 words, Some(BirthDate(year)))");
    let mut builder = NameIndexBuilder::default();
    builder.add("097185000001", "Trần Thị Bimat", "1985");
    let index = builder.finish();
    assert_eq!(format!("{index:?}"), "NameIndex(1 people, 3 words)");
    assert!(!format!("{:?}", index.find(&query(typed), 9)).contains("0971"));
}

#[test]
fn rows_that_no_record_can_be_made_of_are_nobody() {
    let mut builder = NameIndexBuilder::default();
    for (id, name, born) in [("1", "A B", "1985"), ("097185000001", "A B", "85"), ("0971850000011", "A B", "1985"), ("", "", "")] {
        builder.add(id, name, born);
    }
    builder.add("0971850000", "A B", "1985-09");
    let index = builder.finish();
    assert_eq!((index.len(), index.is_empty()), (1, false));
    assert_eq!(index.find(&query("a b 9/1985"), 9).best, ["0971850000".into()]);
}

const WORDS: &str = "(Nguyễn|Trần|Thị|Văn|Lan|Loan|Lân|Hoà|Hoa|An|Y|Đỗ)";

fn one_error(word: &str, at: usize, kind: usize, letter: char) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    let at = at % letters.len();
    match kind % 4 {
        0 => letters[at] = letter,
        1 => letters.insert(at, letter),
        2 if letters.len() > 1 => drop(letters.remove(at)),
        _ if letters.len() > 1 => letters.swap(at, if at == 0 { 1 } else { at - 1 }),
        _ => {}
    }
    letters.into_iter().collect()
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[a-zA-ZđĐầạ0-9 |/.,'-]{0,60}|\\PC{0,80}") {
        if let Ok(Input::Name(query)) = read(&text) {
            prop_assert!(scan::read(&text).is_err());
            prop_assert!((1..=MOST_WORDS).contains(&query.words.len()));
            let again = format!("\u{feff} {text}\r\n");
            prop_assert_eq!(read(&again), Ok(Input::Name(query)));
        }
    }

    #[test]
    fn a_person_is_found_by_any_order_of_the_words_with_one_error(
        words in prop::collection::vec(WORDS, 2..6),
        order in any::<u64>(),
        at in any::<usize>(),
        kind in 0_usize..4,
        letter in prop::char::range('a', 'z'),
        with_accents: bool,
    ) {
        let recorded = words.join(" ");
        let mut typed: Vec<String> = if with_accents { words.clone() } else { words.iter().map(|word| fold::fold(word)).collect() };
        let which = at % typed.len();
        let folded = fold::fold(&typed[which]);
        // The only letter of a word leaves no word that is near it.
        prop_assume!(folded.chars().count() > 1);
        typed[which] = one_error(&folded, at / 7, kind, letter);
        let length = typed.len();
        typed.rotate_left(usize::try_from(order).unwrap_or(0) % length);
        let text = format!("{} 1985", typed.join(" "));
        prop_assert!(differs(&text, &recorded, "1985").is_some(), "{} is not {}", text, recorded);
    }

    #[test]
    fn the_index_finds_whom_a_scan_of_all_finds(
        people in prop::collection::vec((prop::collection::vec(WORDS, 1..5), 1980..1984_i32, 1..3_u32, 1..3_u32), 1..40),
        typed in prop::collection::vec("(Nguyen|Tran|Thi|Trân|Lan|Loam|Hoaf|Han|Y|do)", 1..4),
        date in prop::sample::select(vec!["", "1981", "1/1981", "01/02/1982", "02/01/1983"]),
        keep in 1_usize..12,
    ) {
        let records: Vec<_> = (0..).zip(&people).map(|(n, (words, year, month, day))| record(n, &words.join(" "), &format!("{year}-{month:02}-{day:02}"))).collect();
        let mut builder = NameIndexBuilder::default();
        for record in &records {
            builder.add(record.personal_id.as_ref().unwrap().as_str(), record.name.as_str(), &record.birth_date.to_iso());
        }
        let text = format!("{} {date}", typed.join(" "));
        let Ok(Input::Name(query)) = read(&text) else { return Ok(()) };
        let all = rank(&query, records);
        let hits = builder.finish().find(&query, keep);
        prop_assert_eq!((hits.total, hits.unmistaken), (all.len(), all.iter().filter(|found| !found.fit.has_mistake()).count()));
        prop_assert_eq!(hits.best.len(), keep.min(all.len()));
        let id = |found: &Candidate| Box::<str>::from(found.record.personal_id.as_ref().unwrap().as_str());
        if keep >= all.len() {
            prop_assert!(all.iter().all(|found| hits.best.contains(&id(found))));
        }
        prop_assert!(all.is_sorted_by_key(|found| found.fit));
    }
}
