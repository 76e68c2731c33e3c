//! Finding people by name: who is found of a made-up commune, and what page and command line make of it.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use bhyt_agent::domain::roster::Column;
use bhyt_agent::domain::roster::RosterRow;
use bhyt_agent::domain::search;
use bhyt_agent::domain::search::Input;
use bhyt_agent::domain::search::NameIndex;
use bhyt_agent::domain::search::NameIndexBuilder;
use provincial::Person;
use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::Value;

use crate::counter;
use crate::counter::Counter;
use crate::counter::READ;
use crate::support::TestProvince;
use crate::support::TestStation;
use crate::tab::Tab;
use crate::tab::saved;
use crate::typing;

const COMMUNE: usize = 3000;

/// What is typed for a person.
type Typing = fn(&Person, &mut StdRng) -> String;

/// Of all whom a text was made for: how many are found at all, and how many are among those shown.
fn recall(index: &NameIndex, people: &[Person], rng: &mut StdRng, typed: Typing) -> (usize, usize) {
    let (mut found, mut shown) = (0, 0);
    for person in people {
        let text = typed(person, rng);
        let Ok(Input::Name(query)) = search::read(&text) else { panic!("{text} is no name") };
        let hits = index.find(&query, usize::MAX).best;
        found += usize::from(hits.iter().any(|id| **id == *person.id));
        shown += usize::from(hits.iter().take(search::SHOWN).any(|id| **id == *person.id));
    }
    (found, shown)
}

#[test]
fn everybody_of_a_commune_is_found_by_name() {
    let seed: u64 = rand::random();
    let mut rng = StdRng::seed_from_u64(seed);
    let people = provincial::generate::people(seed, "99001", COMMUNE, "2026-11-21".parse().unwrap());
    let mut builder = NameIndexBuilder::default();
    for person in &people {
        builder.add(&person.id, &person.name, &person.born);
    }
    let index = builder.finish();
    println!("seed {seed}, {COMMUNE} people, {} bytes", index.bytes());
    let ways: [(&str, Typing); 6] = [
        ("name without accents and year", |person, _| format!("{} {}", typing::words(person).join(" "), typing::year(person))),
        ("one error and birth date", |person, rng| {
            format!("{} {}", typing::with_error(typing::words(person), rng).join(" "), typing::date(person))
        }),
        ("other order and year", |person, rng| {
            format!("{} {}", typing::year(person), typing::swapped(typing::words(person), rng).join(" "))
        }),
        ("other order, one error and birth date", |person, rng| {
            let words = typing::with_error(typing::words(person), rng);
            format!("{} {}", typing::date(person), typing::swapped(words, rng).join(" "))
        }),
        ("as recorded, and birth date", |person, _| format!("{} {}", person.name, typing::date(person))),
        ("family and given name, and birth date", |person, _| {
            let words = typing::words(person);
            format!("{} {} {}", words[0], words[words.len() - 1], typing::date(person))
        }),
    ];
    for (way, typed) in ways {
        let (found, shown) = recall(&index, &people, &mut rng, typed);
        println!("{way}: {found} of {COMMUNE} found, {shown} among the first {}", search::SHOWN);
        assert_eq!(found, COMMUNE, "{way}, seed {seed}");
        assert!(shown * 100 >= COMMUNE * 99, "{way}: {shown} among the first, seed {seed}");
    }
    // What must not be found: another year, or an error in each of two words, of letters that no name has.
    let wrong: [(&str, Typing); 2] = [
        ("another year", |person, _| {
            let year: u32 = typing::year(person).parse().unwrap();
            // Two digits differ: one that does is an error.
            format!("{} {}", typing::words(person).join(" "), year + 11)
        }),
        ("two errors", |person, rng| {
            let mut words = typing::words(person);
            let last = words.len() - 1;
            for at in [0, last] {
                let to = rng.random_range(0..=words[at].len());
                words[at].insert(to, 'q');
            }
            format!("{} {}", words.join(" "), typing::date(person))
        }),
    ];
    for (way, typed) in wrong {
        let (found, _) = recall(&index, &people, &mut rng, typed);
        println!("{way}: {found} of {COMMUNE} found");
        assert_eq!(found, 0, "{way}, seed {seed}");
    }
}

#[tokio::test]
async fn a_name_lists_people_and_a_digit_and_enter_chooses() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let list = tab.enter("02091985 tran thi vi di").await;
    assert_eq!((list.status, list.attribute("data-search"), list.attribute("data-total")), (200, Some("found"), Some("1")));
    assert_eq!((list.attribute("data-name"), list.attribute("data-born")), (Some("letter"), Some("equal")));
    for shown in ["Trần Thị Ví Dụ", "02/09/1985", "Nữ", "Thôn Thử", "thẻ …0001", "CCCD …0001", "tên khác một chữ cái", "đúng ngày sinh"]
    {
        assert!(list.has(shown), "{shown}: {}", list.body);
    }
    assert!(!list.has(counter::VALID) && !list.has("022085000001"), "no whole number before anybody is chosen");
    assert!(!list.has("vi di"), "what was typed is not repeated");

    // An empty Enter chooses nobody, however late it comes.
    for _ in 0..2 {
        assert_eq!(tab.enter("").await.attribute("data-search"), Some("found"));
        counter.clock.advance(READ);
    }
    assert_eq!(saved(&counter).await, 0);
    let other = tab.enter("2").await;
    assert_eq!((other.status, other.label(), other.attribute("data-search")), (422, "search:no_such", Some("found")));

    let chosen = tab.enter("1").await;
    assert_eq!((chosen.attribute("data-standing"), chosen.attribute("data-identity")), (Some("valid"), Some("name_differs")));
    assert!(chosen.has("Chữ đã gõ") && !chosen.has("Giấy tờ đưa ra"), "no paper was shown");
    assert!(tab.enter("").await.has("id=\"ket-qua\""), "a reader's second Enter saves nothing");
    counter.clock.advance(READ);
    assert!(tab.enter("").await.has("ĐÃ LƯU"));
    let visit = &counter.desk.today().await.unwrap()[0].visit.content;
    assert_eq!((visit.source.code(), &*visit.verdict.identity_match), ("typed", "name_differs"));
    assert_eq!(visit.person.personal_id.as_ref().unwrap().as_str(), "022085000001");
}

#[tokio::test]
async fn who_is_found_by_what_was_said_has_shown_nothing_and_is_asked_for_a_document() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    for (typed, identity) in [
        ("Ví Dụ Trần Thị 02/09/1985", "not_checked"),
        ("tran thi vi du 1985", "not_checked"),
        ("traanf thij vis duj 1985", "not_checked"),
        ("vi du 1985", "not_checked"),
        ("tran thi vi du", "not_checked"),
        ("Trần Thị Ví Dù 1985", "name_differs"),
        ("tran thi vi du 09/02/1985", "birth_date_differs"),
    ] {
        assert_eq!(tab.enter(typed).await.attribute("data-search"), Some("found"), "{typed}");
        let chosen = tab.enter("1").await;
        assert_eq!((chosen.attribute("data-standing"), chosen.attribute("data-identity")), (Some("valid"), Some(identity)), "{typed}");
        assert!(chosen.has("giấy tờ khác có ảnh") || chosen.has("So với giấy tờ có ảnh"), "{typed}: whatever was said, nothing was shown");
        assert!(!chosen.has("Họ tên và ngày sinh khớp với dữ liệu."), "{typed}");
        counter.clock.advance(READ);
        assert!(tab.enter("").await.has("ĐÃ LƯU"), "{typed}");
    }
    let all = counter.desk.today().await.unwrap();
    assert_eq!(all.len(), 7);
}

#[tokio::test]
async fn whoever_was_chosen_is_saved_as_recorded_and_not_as_mistyped() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    for typed in ["tran thi vi di 1985", "tran thi vi du 09/02/1985"] {
        tab.enter(typed).await;
        let chosen = tab.enter("1").await;
        assert!(chosen.has("Chữ đã gõ") && chosen.has(counter::VALID), "{typed}: what differs is said, of a whole person: {}", chosen.body);
        counter.clock.advance(READ);
        assert!(tab.enter("").await.has("ĐÃ LƯU"), "{typed}");
        let person = counter.desk.today().await.unwrap().remove(0).visit.content.person;
        let (name, born) = (person.name.unwrap(), person.birth_date.unwrap());
        assert_eq!(
            (name.as_str(), &*born.to_iso(), person.card_number.unwrap().as_str()),
            ("Trần Thị Ví Dụ", "1985-09-02", counter::VALID)
        );
    }
}

/// People of one name, as many as wanted, all born in one year.
fn namesakes(rows: &mut Vec<RosterRow>, count: u32) {
    for n in 1..=count {
        let mut row = rows[0].clone();
        row.set(Column::Id, Some(format!("0990850{n:05}").into()));
        row.set(Column::Card, Some(format!("GD49910000{n:05}").into()));
        row.set(Column::Name, Some("LÊ THỊ TRÙNG".into()));
        row.set(Column::Born, Some(format!("1961-03-{n:02}").into()));
        rows.push(row);
    }
}

#[tokio::test]
async fn a_list_is_short_and_says_how_many_more_there_are() {
    let counter = Counter::open().await;
    counter.publish(1842, |rows| namesakes(rows, 12)).await;
    let mut tab = Tab::open(&counter).await;
    let alone = tab.enter("le thi trung").await;
    assert_eq!((alone.attribute("data-search"), alone.attribute("data-total")), (Some("too_many"), Some("12")));
    assert!(alone.has("Có 12 người") && alone.has("năm sinh") && !alone.has("TRÙNG"), "{}", alone.body);
    let year = tab.enter("le thi trung 1961").await;
    assert!(year.has("data-number=\"9\"") && !year.has("data-number=\"10\"") && year.has("Còn 3 người nữa"), "{}", year.body);
    let day = tab.enter("le thi trung 07031961").await;
    assert_eq!(
        (day.attribute("data-born"), day.attribute("data-total")),
        (Some("equal"), Some("12")),
        "the day comes first, others of the year after"
    );
    // The number behind a digit is that of the list the page came from.
    let chosen = tab.enter("1").await;
    assert!(chosen.has("GD4991000000007"), "{}", chosen.body);
    counter.publish(1843, |_| {}).await;
    assert_eq!(tab.enter("le thi trung").await.attribute("data-search"), Some("nobody"));
}

#[tokio::test]
async fn whoever_is_not_there_is_said_in_words_and_nothing_waits() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let nobody = tab.enter("tran thi vi du 1996").await;
    assert_eq!((nobody.attribute("data-search"), nobody.has("năm sinh")), (Some("nobody"), true));
    assert!(tab.enter("").await.has("data-search"), "a reader's second Enter wipes nothing away");
    counter.clock.advance(READ);
    let read = tab.enter("").await;
    assert!(
        !read.has("data-search") && read.has("Chưa có số nào để tra") && saved(&counter).await == 0,
        "who stands there is received as typed"
    );

    let counter = Counter::without_roster().await;
    let mut tab = Tab::open(&counter).await;
    assert_eq!(tab.enter("tran thi vi du 1985").await.attribute("data-search"), Some("no_roster"));
}

/// The number one digit away is often another person of the same household: it is not offered, and the way to the right person is said.
#[tokio::test]
async fn a_number_with_a_wrong_digit_is_nobody_s() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    for wrong in ["0100000008", "022085000008", "GD4220100000008"] {
        let answer = tab.enter(wrong).await;
        assert_eq!((answer.attribute("data-standing"), answer.attribute("data-search")), (Some("not_covered"), None), "{wrong}");
        assert!(answer.has("kiểm tra lại từng chữ số") && answer.has("họ tên và năm sinh"), "{wrong}");
    }
    assert!(!tab.enter(counter::VALID).await.has("kiểm tra lại từng chữ số"));
}

#[tokio::test]
async fn a_list_is_left_by_anything_else_and_is_its_browser_s_alone() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let list = tab.enter("tran thi vi du 1985").await;
    let token = list.hidden("luot").unwrap().to_owned();

    let mut other = Tab::open(&counter).await;
    assert_eq!(other.act("/tra-cuu", &[("luot", &token), ("ma", "1")]).await.label(), "search:expired", "another browser's list");
    // The button of the first person, as it is pressed without script.
    let chosen = tab.act("/tra-cuu", &[("luot", &token), ("ma", "1")]).await;
    assert_eq!(chosen.attribute("data-standing"), Some("valid"));

    tab.enter("tran thi vi du 1985").await;
    assert_eq!(tab.enter(counter::EXPIRED).await.attribute("data-standing"), Some("expired"), "a scan begins anew");
    assert_eq!(tab.enter("1").await.label(), "payload:length", "where no list waits, a digit is a number with digits missing");
    assert_eq!(tab.enter("12").await.label(), "payload:length");

    tab.enter("tran thi vi du 1985").await;
    counter.clock.advance(Duration::from_hours(1));
    assert_eq!(tab.enter("1").await.label(), "search:expired");
    assert_eq!(saved(&counter).await, 0);
}

#[tokio::test]
async fn the_command_line_prints_whom_a_name_fits_with_and_without_the_service() {
    let province = TestProvince::new(100).await;
    let station = TestStation::enrolled(&province).await;
    let daemon = station.loaded().await;
    let person = province.person_in_force();
    let typed = format!("{} {}", typing::words(&person).join(" "), typing::year(&person));
    let asked = async || {
        let output = station.run(&["lookup", "--json", &typed]).await;
        assert_eq!(output.status.code(), Some(0));
        let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
        printed
    };
    let running = asked().await;
    let found = &running["candidates"];
    assert_eq!((&found["code"], &running["verdict"]), (&"found".into(), &Value::Null));
    let first = &found["people"].as_array().unwrap().iter().find(|other| other["card_number"] == *person.card).unwrap();
    assert_eq!((&first["birth_date_fit"], &first["has_mistake"]), (&"year".into(), &false.into()));
    let text = String::from_utf8(station.run(&["lookup", &typed]).await.stdout).unwrap();
    assert!(text.contains("1. ") && text.contains(&*person.card) && text.contains("đúng năm sinh"), "{text}");
    assert_eq!(daemon.terminate().await, Some(0));
    assert_eq!(asked().await, running, "from the files, without the service");
}

/// `Nguyễn Văn A 2030` was taken, saved and sent.
#[tokio::test]
async fn nobody_is_born_after_today() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    for born in ["2027", "2030", "12/2026", "22/11/2026", "31/12/2026"] {
        let answer = tab.enter(&format!("Nguyễn Văn A {born}")).await;
        assert_eq!((answer.status, answer.label()), (422, "birth_date:future"), "{born}");
        assert!(answer.has("CHƯA TRA: ngày sinh vừa gõ ở sau ngày hôm nay. Gõ lại họ tên và ngày sinh"), "{}", answer.body);
    }
    let is_taken = async |tab: &mut Tab, born: &str| tab.enter(&format!("Nguyễn Văn A {born}")).await.has("id=\"ung-vien\"");
    for born in ["2026", "11/2026", "21/11/2026"] {
        assert!(is_taken(&mut tab, born).await, "{born}");
    }
    // A card says what it says; whose it is says the number.
    let card = tab.enter(&counter::payload("TRẦN THỊ VÍ DỤ", "02/09/2030")).await;
    assert_eq!(card.attribute("data-standing"), Some("valid"));
    // The day begins at midnight here, and not in Greenwich.
    counter.clock.set_wall("2026-11-21T17:30:00Z");
    assert!(is_taken(&mut tab, "22/11/2026").await);
    // Where it is the clock that may be wrong, nobody is refused for it.
    counter.clock.set_wall("2015-01-01T00:00:00Z");
    assert!(is_taken(&mut tab, "31/12/2026").await);
}
