//! What the page does, as a browser without script would use it.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use bhyt_agent::domain::visit::Receipt;
use bhyt_agent::domain::visit::ReceiptOutcome;
use bhyt_agent::domain::visit::Revision;

use super::counter;
use super::counter::Counter;
use super::counter::READ;
use super::tab::Answer;
use super::tab::Tab;
use super::tab::between;
use super::tab::saved;

#[tokio::test]
async fn a_person_is_looked_up_and_checked_in() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let page = tab.page.clone().unwrap();
    assert_eq!((page.attribute("data-pending"), page.attribute("data-count")), (Some("0"), Some("0")));
    assert!(page.has("id=\"o-nhap\"") && page.has("autofocus") && page.hidden("luot").is_none());

    assert!(page.has("Trạm y tế xã Mẫu (22001)"), "which station this is: {}", page.body);

    let result = tab.enter(&counter::payload("TRẦN THỊ VÍ DỤ", "02/09/1985")).await;
    assert_eq!(result.status, 200);
    assert_eq!(result.attribute("data-standing"), Some("valid"));
    assert_eq!(result.attribute("data-class"), Some("in_force"));
    assert_eq!(result.attribute("data-identity"), Some("match"));
    for text in [
        "CÒN HẠN",
        "Trần Thị Ví Dụ",
        "02/09/1985",
        "Nữ",
        counter::VALID,
        "Thôn Thử",
        "01/01/2026 – 31/12/2026",
        "100%",
        "danh sách số 1841",
    ] {
        assert!(result.has(text), "{text}");
    }
    assert_eq!(saved(&counter).await, 0);

    counter.clock.advance(READ);
    let page = tab.enter("").await;
    assert!(page.has("ĐÃ LƯU lượt số 1 lúc 10:00: Trần Thị Ví Dụ"), "{}", page.body);
    assert_eq!((page.attribute("data-pending"), page.attribute("data-count")), (Some("1"), Some("1")));
    assert_eq!(page.attribute("data-delivery"), Some("pending"));
    assert!(page.hidden("luot").is_none());
    assert_eq!(saved(&counter).await, 1);
    // Asking again changes nothing.
    assert!(tab.get("/").await.has("ĐÃ LƯU lượt số 1"));
    assert!(tab.enter("").await.has("ĐÃ LƯU lượt số 1"), "an Enter too many hides nothing");
    assert_eq!(saved(&counter).await, 1);
    assert!(!tab.enter(counter::EXPIRED).await.has("ĐÃ LƯU"));
    assert!(!tab.get("/").await.has("ĐÃ LƯU"));
}

#[tokio::test]
async fn the_province_s_answers_show() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    for number in [counter::VALID, counter::EXPIRED] {
        tab.enter(number).await;
        counter.clock.advance(READ);
        tab.enter("").await;
    }
    let before = tab.get("/trang-thai").await;
    assert!(before.has("Chưa gửi 2 lượt, cũ nhất từ 10:00"), "{}", before.body);
    let ids: Vec<_> = counter.desk.today().await.unwrap().iter().map(|logged| logged.visit.content.id).collect();
    let received_at = counter::NOW.parse().unwrap();
    let outcomes = [
        ReceiptOutcome::Refused { code: "bad_number".into(), text: "Số thẻ <sai>".into() },
        ReceiptOutcome::Held { reference: "R-77".into(), received_at, duplicate: false },
    ];
    let receipts = ids.into_iter().zip(outcomes).map(|(id, outcome)| Receipt { id, revision: Revision::FIRST, outcome }).collect();
    counter.visits.store_receipts(receipts, received_at).await.unwrap();

    let status = tab.get("/trang-thai").await;
    assert_eq!((status.attribute("data-pending"), status.attribute("data-parked")), (Some("0"), Some("1")));
    assert!(status.has("data-label=\"parked\"") && !status.has("Đã gửi hết"));
    assert_ne!(status.attribute("data-change"), before.attribute("data-change"));
    let list = tab.get("/hom-nay").await;
    for text in ["data-delivery=\"delivered\"", "R-77", "data-delivery=\"parked\"", "Số thẻ &#60;sai&#62; (bad_number)"] {
        assert!(list.has(text), "{text} in {}", list.body);
    }
    // The next day the refused one is still there.
    counter.clock.advance(Duration::from_hours(24));
    let list = tab.get("/hom-nay").await;
    assert_eq!(list.attribute("data-count"), Some("0"));
    assert!(list.has("bad_number") && list.has("10:00 21/11/2026") && !list.has("R-77"), "{}", list.body);
}

#[tokio::test]
async fn beside_an_answer_stand_the_newest_visits_and_all_of_them_a_click_away() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let rows = |answer: &Answer| answer.body.matches("data-number=").count();
    for n in 1..=27 {
        let lookup = counter.desk.look_up(counter::VALID).await.unwrap();
        counter.desk.check_in(&lookup).await.unwrap();
        if n == 25 {
            let page = tab.get("/").await;
            assert_eq!((rows(&page), page.has("lượt trước đó")), (25, false), "nothing is left out yet");
        }
    }
    for answer in [tab.get("/hom-nay").await, tab.get("/").await, tab.enter(counter::EXPIRED).await] {
        assert_eq!((answer.attribute("data-count"), answer.attribute("data-number"), rows(&answer)), (Some("27"), Some("27"), 25));
        assert!(answer.has("Và 2 lượt trước đó") && answer.has("href=\"/ca-ngay\""), "{}", answer.body);
    }
    for address in ["/hom-nay/ca-ngay", "/ca-ngay"] {
        let answer = tab.get(address).await;
        assert_eq!((answer.status, answer.attribute("data-count"), rows(&answer)), (200, Some("27"), 27), "{address}");
        assert!(!answer.has("lượt trước đó") && answer.has("<a href=\"/\">"), "{}", answer.body);
    }
    // All of it is a page like any other: what is scanned there is answered.
    assert_eq!(tab.enter(counter::VALID).await.attribute("data-standing"), Some("valid"));
}

#[tokio::test]
async fn the_second_enter_of_a_reader_saves_nothing() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let first = tab.enter(counter::VALID).await;
    counter.clock.advance(Duration::from_millis(349));
    let again = tab.enter("").await;
    assert_eq!((again.status, again.hidden("luot")), (200, first.hidden("luot")));
    assert!(again.has("CÒN HẠN"));
    assert_eq!(saved(&counter).await, 0);
    counter.clock.advance(Duration::from_millis(1));
    assert!(tab.enter("").await.has("ĐÃ LƯU"));
    assert_eq!(saved(&counter).await, 1);

    // The message about a bad scan is not wiped away unseen either.
    assert_eq!(tab.enter("123").await.label(), "payload:length");
    assert_eq!(tab.enter("").await.label(), "payload:length");
    counter.clock.advance(READ);
    assert_eq!(tab.enter("").await.label(), "none");
}

#[tokio::test]
async fn the_same_look_up_is_one_visit() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    tab.enter(counter::VALID).await;
    counter.clock.advance(READ);
    let form = tab.form("");
    let (mut one, mut two) = (tab.clone(), tab.clone());
    let answers = tokio::join!(one.post(&[], &form), two.post(&[], &form));
    assert_eq!((answers.0.status, answers.1.status), (303, 303));
    assert_eq!(saved(&counter).await, 1);
    assert_eq!(tab.post(&[], &form).await.status, 303);
    let page = tab.get("/").await;
    assert!(page.has("Lượt số 1 ĐÃ LƯU từ trước") && page.has("data-saved=\"already\""));
    assert_eq!(saved(&counter).await, 1);
}

#[tokio::test]
async fn a_new_text_takes_the_place_of_what_waited() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let first = tab.enter(counter::VALID).await;
    counter.clock.advance(READ);
    let second = tab.enter(counter::REVOKED).await;
    assert_eq!(second.attribute("data-standing"), Some("revoked"));
    assert_ne!(first.hidden("luot"), second.hidden("luot"));
    counter.clock.advance(READ);
    tab.enter("").await;
    let today = counter.desk.today().await.unwrap();
    assert_eq!(today.len(), 1);
    assert_eq!(today[0].visit.content.person.card_number.as_ref().unwrap().as_str(), counter::REVOKED);
    // A bad scan too: an Enter after it must not save the person before.
    tab.enter(counter::VALID).await;
    tab.enter("GD42201").await;
    counter.clock.advance(READ);
    tab.enter("").await;
    counter.clock.advance(READ);
    tab.enter("").await;
    assert_eq!(saved(&counter).await, 1);
}

#[tokio::test]
async fn two_tabs_do_not_mix() {
    let counter = Counter::open().await;
    let mut one = Tab::open(&counter).await;
    let mut two = one.clone();
    two.get("/").await;
    assert_eq!(one.cookie, two.cookie);
    one.enter(counter::VALID).await;
    two.enter(counter::EXPIRED).await;
    counter.clock.advance(READ);
    one.enter("").await;
    two.enter("").await;
    let today = counter.desk.today().await.unwrap();
    let numbers: Vec<_> = today.iter().map(|visit| visit.visit.content.person.card_number.as_ref().unwrap().as_str()).collect();
    assert_eq!(numbers, [counter::EXPIRED, counter::VALID]);
}

#[tokio::test]
async fn an_expired_or_foreign_look_up_is_never_saved() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    tab.enter(counter::VALID).await;
    let mut other = Tab::open(&counter).await;
    let [stolen, visit] = ["luot", "ma_luot"].map(|field| tab.page.as_ref().unwrap().hidden(field).unwrap().to_owned());
    counter.clock.advance(READ);
    for token in [stolen.as_str(), &"0".repeat(32), "x", &stolen[1..]] {
        let form = format!("{}&luot={token}&ma_luot={visit}", other.form(""));
        let answer = other.post(&[], &form).await;
        assert_eq!((answer.status, answer.label()), (410, "lookup:expired"), "{token}");
        assert!(answer.has("kết quả tra đã quá lâu") && !answer.has("Trần Thị"));
    }
    counter.clock.advance(Duration::from_mins(15));
    assert_eq!(tab.enter("").await.label(), "lookup:expired");
    assert_eq!(saved(&counter).await, 0);
}

#[tokio::test]
async fn what_cannot_be_saved_waits_for_the_next_enter() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let first = tab.enter(counter::VALID).await;
    counter.clock.advance(READ);
    let lock = counter.lock_visits();
    for _ in 0..2 {
        let page = tab.enter("").await;
        assert_eq!((page.status, page.label()), (503, "storage:busy"));
        assert!(page.has("CHƯA LƯU") && page.has("CÒN HẠN") && !page.has("ĐÃ LƯU"));
        assert_eq!(page.hidden("luot"), first.hidden("luot"), "the same look-up waits");
    }
    drop(lock);
    assert!(tab.enter("").await.has("ĐÃ LƯU lượt số 1"));
    assert_eq!(saved(&counter).await, 1);
}

#[tokio::test]
async fn every_class_of_verdict_has_its_own_words_and_shape() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let mut shapes = std::collections::BTreeSet::new();
    for (number, standing, class, words) in [
        (counter::VALID, "valid", "in_force", "CÒN HẠN"),
        (counter::EXPIRED, "expired", "not_in_force", "HẾT HẠN"),
        (counter::REVOKED, "revoked", "not_in_force", "THẺ ĐÃ THU HỒI"),
        (counter::NOT_YET, "not_yet_valid", "not_in_force", "CHƯA CÓ GIÁ TRỊ"),
        (counter::ARMY, "managed_elsewhere", "papers", "QUÂN ĐỘI / CÔNG AN QUẢN LÝ"),
        (counter::UNKNOWN, "not_covered", "unknown", "CHƯA TRA ĐƯỢC"),
    ] {
        let page = tab.enter(number).await;
        assert_eq!((page.attribute("data-standing"), page.attribute("data-class")), (Some(standing), Some(class)), "{number}");
        assert_eq!(between(&page.body, "id=\"cau-tra-loi\"", "</h2>").unwrap().split_once('>').unwrap().1, words);
        shapes.insert((class, between(&page.body, "<svg", "</svg>").unwrap().to_owned()));
        assert_eq!(page.has("id=\"muc-huong\""), class == "in_force", "{number}");
    }
    assert_eq!(shapes.len(), 4, "one shape per class");
}

#[tokio::test]
async fn a_person_who_differs_is_said_with_both_values() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    for (name, born, code, texts) in [
        ("LÊ THỊ KHÁC", "02/09/1985", "name_differs", vec!["LÊ THỊ KHÁC", "Trần Thị Ví Dụ"]),
        ("TRẦN THỊ VÍ DỤ", "03/09/1985", "birth_date_differs", vec!["03/09/1985", "02/09/1985"]),
        ("LÊ THỊ KHÁC", "1999", "name_and_birth_date_differ", vec!["LÊ THỊ KHÁC", "1999"]),
    ] {
        let page = tab.enter(&counter::payload(name, born)).await;
        assert_eq!(page.attribute("data-identity"), Some(code));
        let warning = between(&page.body, "id=\"khac-nguoi\"", "</div>").unwrap();
        assert!(texts.iter().all(|text| warning.contains(text)), "{code}: {warning}");
        assert!(page.body.find("id=\"khac-nguoi\"") < page.body.find("id=\"phan-quyet\""));
        // What is not compared is not mixed in.
        assert!(!between(&page.body, "id=\"nguoi\"", "</dl>").unwrap().contains("Thôn Thử"), "{code}");
    }
}

#[tokio::test]
async fn a_person_who_differed_is_marked_in_the_list() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    for (name, born, code, words) in [
        ("TRẦN THỊ VÍ DỤ", "02/09/1985", "match", "Còn hạn</td>"),
        ("LÊ THỊ KHÁC", "02/09/1985", "name_differs", "Còn hạn – <b>KHÁC TÊN</b></td>"),
        ("TRẦN THỊ VÍ DỤ", "03/09/1985", "birth_date_differs", "Còn hạn – <b>KHÁC NGÀY SINH</b></td>"),
        ("LÊ THỊ KHÁC", "1999", "name_and_birth_date_differ", "Còn hạn – <b>KHÁC NGƯỜI?</b></td>"),
    ] {
        tab.enter(&counter::payload(name, born)).await;
        counter.clock.advance(READ);
        let page = tab.enter("").await;
        let newest = between(&page.body, "<tr ", "</tr>").unwrap();
        assert!(newest.contains(&format!("data-identity=\"{code}\"")) && newest.contains(words), "{code}: {newest}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_named_and_not_repeated() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let bad_name = counter::payload("Trần 5", "02/09/1985");
    for (text, label) in [
        ("7391846", "payload:length"),
        ("GD9220173918465", "card_number:shape"),
        ("7391846501|abc", "payload:truncated"),
        ("739184650122|x|y", "payload:part_count"),
        (&bad_name, "name:shape"),
        (&"7391846|".repeat(600), "payload:too_long"),
    ] {
        let page = tab.enter(text).await;
        assert_eq!((page.status, page.label()), (422, label), "{text}");
        assert!(!page.has("7391846") && !page.has("5472E1") && !page.has("id=\"ket-qua\""), "{text}");
        assert!(!between(&page.body, "id=\"o-nhap\"", ">").unwrap().contains("value"), "the input is empty");
    }
    assert_eq!(saved(&counter).await, 0);
}

#[tokio::test]
async fn old_data_no_data_and_a_wrong_clock_are_said() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    assert_eq!(tab.page.as_ref().unwrap().attribute("data-freshness"), Some("fresh"));
    counter.clock.advance(Duration::from_hours(8 * 24));
    let page = tab.enter(counter::VALID).await;
    assert_eq!(page.attribute("data-freshness"), Some("stale"));
    assert!(page.has("data-label=\"data:stale\"") && page.has("class=\"nghi-ngo\"") && page.has("CÒN HẠN"));
    counter.clock.set_wall("2015-01-01T00:00:00Z");
    let page = tab.enter(counter::VALID).await;
    assert_eq!(page.attribute("data-clock"), Some("behind"));
    assert!(page.has("data-label=\"clock:behind\"") && page.has("class=\"nghi-ngo\""));
    let mark = page.attribute("data-change").unwrap();
    assert!(mark.starts_with("2015-01-01"), "the list is the clock's day, even a wrong one's: {mark}");

    let empty = Counter::without_roster().await;
    let mut tab = Tab::open(&empty).await;
    assert_eq!(tab.page.as_ref().unwrap().attribute("data-freshness"), Some("absent"));
    let page = tab.enter(counter::VALID).await;
    assert_eq!(page.attribute("data-standing"), Some("not_covered"));
    assert!(page.has("data-label=\"data:absent\"") && page.has("Cứ tiếp nhận"));
}

#[tokio::test]
async fn files_set_aside_are_asked_for_now_and_then() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let (visits, cards) = ("data-label=\"quarantined:visits\"", "data-label=\"quarantined:cards\"");
    counter.set_aside(&["20261121T010000Z-visits.db", "20261121T010000Z-cards.db"]);
    counter.clock.advance(Duration::from_secs(9));
    assert!(!tab.get("/trang-thai").await.has(visits), "not at every refresh");
    counter.clock.advance(Duration::from_secs(1));
    let bar = tab.get("/trang-thai").await;
    assert!(bar.has(visits) && bar.has(cards) && bar.has("Và 1 cảnh báo nữa"), "{}", bar.body);
    counter.set_aside(&[]);
    counter.clock.advance(Duration::from_secs(10));
    assert!(!tab.get("/trang-thai").await.has(visits), "and no longer than it is so");
}

#[tokio::test]
async fn a_busy_day_is_still_a_light_page() {
    let counter = Counter::open().await;
    for _ in 0..200 {
        let lookup = counter.desk.look_up("GD4220100000007").await.unwrap();
        counter.desk.check_in(&lookup).await.unwrap();
    }
    let mut tab = Tab::open(&counter).await;
    let page = tab.enter(&counter::payload("LÊ THỊ KHÁC", "1999")).await;
    assert!(page.has("Hôm nay: 200 lượt") && page.has("Và 175 lượt trước đó"));
    assert!(page.body.len() < 30_000, "{} bytes", page.body.len());
}

/// Whether a text has letters that only Vietnamese has.
fn is_vietnamese(text: &str) -> bool {
    text.chars().any(|c| "ăâđêôơưĂÂĐÊÔƠƯ".contains(c) || ('ạ'..='ỹ').contains(&c))
}

#[tokio::test]
async fn the_other_language_is_one_button_away_and_leaves_no_word_behind() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let session = tab.cookie.clone().unwrap();
    let token = tab.page.as_ref().unwrap().hidden("bieu_mau").unwrap().to_owned();
    let switched = tab.act_with("/ngon-ngu", &token, &[("ngon_ngu", "en")], &[]).await;
    assert_eq!((switched.status, switched.header("location")), (303, Some("/")));
    let cookie = switched.header("set-cookie").unwrap();
    assert!(cookie.starts_with("bhyt_ngon_ngu=en; ") && cookie.contains("SameSite=Strict"), "{cookie}");
    tab.cookie = Some(format!("{session}; bhyt_ngon_ngu=en"));
    tab.get("/").await;
    for text in [counter::VALID, counter::EXPIRED, counter::REVOKED, counter::ARMY, counter::UNKNOWN, counter::NOT_YET, "1234567"] {
        let form = tab.form(text);
        let found = tab.post(&[], &form).await;
        assert!(found.body.contains("<html lang=\"en\">"), "{text}");
        // People, places, the rules' own names, and the way back are not ours to translate.
        let ours =
            ["<dd>", "<button name=\"ngon_ngu\"", "<p class=\"tram\">", "Luật", "ĐẠI", "<option", "id=\"cap-cuu\"", "id=\"nguoi-truc\""];
        let mut said = found.body.clone();
        for mark in ours {
            said = said.split('\n').filter(|line| !line.contains(mark)).collect::<Vec<_>>().join("\n");
        }
        let odd: Vec<_> = said.lines().filter(|line| is_vietnamese(line)).collect();
        assert!(odd.is_empty(), "{text}: {odd:?}");
        tab.page = Some(found);
    }
}
