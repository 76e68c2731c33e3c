//! What a person does on the page with a saved visit, as a browser without script would use it.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use bhyt_agent::domain::roster::Column;
use bhyt_agent::domain::visit::Delivery;
use bhyt_agent::domain::visit::Receipt;
use bhyt_agent::domain::visit::ReceiptOutcome;
use bhyt_agent::domain::visit::Revision;
use bhyt_agent::domain::visit::VisitId;

use super::correct::refuse;
use super::counter;
use super::counter::Counter;
use super::counter::READ;
use super::tab::Answer;
use super::tab::Tab;
use super::tab::between;

const ROUTES: [&str; 4] = ["/luot/sua", "/luot/gui-lai", "/luot/dong", "/luot/da-xem"];

/// A visit that the province refused, and a tab that shows it.
async fn refused(number: &str, code: &str) -> (Counter, Tab, VisitId) {
    let counter = Counter::open().await;
    let id = counter.desk.check_in(&counter.desk.look_up(number).await.unwrap()).await.unwrap().id;
    refuse(&counter, id, 1, code).await;
    let tab = Tab::open(&counter).await;
    (counter, tab, id)
}

/// The fields of a form as they stand on the page.
fn shown<'a>(page: &'a Answer, address: &str) -> Vec<(&'a str, &'a str)> {
    let form = between(&page.body, &format!("action=\"{address}\""), "</form>").unwrap_or_else(|| panic!("{address}: {}", page.body));
    let fields = ["ma_luot", "ban", "so"].into_iter();
    fields.filter_map(|name| Some((name, between(form, &format!("name=\"{name}\" value=\""), "\"")?))).collect()
}

async fn deliveries(counter: &Counter, id: VisitId) -> Vec<Delivery> {
    counter.desk.visit(id).await.unwrap().into_iter().map(|logged| logged.delivery).collect()
}

#[tokio::test]
async fn the_reason_stands_in_vietnamese_and_sending_again_is_offered_where_it_may_help() {
    for (code, words, may_be_resent) in [
        ("no_identity", "Lượt không có số thẻ", false),
        ("wrong_station", "tên trạm khác", true),
        ("unknown_attendance_category", "Mã đối tượng", false),
        ("malformed", "không đọc được nội dung", false),
        ("other_content", "nội dung khác", false),
        ("something_new", "made up", true),
    ] {
        let (counter, mut tab, _) = refused(counter::VALID, code).await;
        for day in 0..2 {
            let page = tab.get("/").await;
            let is_told = code == "something_new";
            assert!(page.has(words) && page.has(&format!("({code})")) == is_told, "{code}: {}", page.body);
            assert_eq!(page.has("action=\"/luot/gui-lai\""), may_be_resent, "{code}, day {day}");
            assert!(page.has("action=\"/luot/sua\"") && page.has("action=\"/luot/dong\""), "{code}, day {day}");
            assert!(!page.has("<details open"), "no field is open before somebody wants it");
            counter.clock.advance(Duration::from_hours(24));
        }
    }
}

#[tokio::test]
async fn a_refused_visit_is_corrected_with_the_right_number() {
    let (counter, mut tab, id) = refused(counter::UNKNOWN, "no_identity").await;
    let page = tab.page.clone().unwrap();
    let mut fields = shown(&page, "/luot/sua");
    fields.push(("ma", counter::VALID));
    let person = tab.act("/luot/sua", &fields).await;
    assert!(person.has("id=\"nguoi-moi\"") && person.has("Trần Thị Ví Dụ"), "{}", person.body);
    assert_eq!(deliveries(&counter, id).await, [Delivery::Parked], "whose it would become is seen first");
    let token = person.hidden("nguoi").unwrap().to_owned();
    fields.push(("nguoi", &token));
    counter.clock.advance(counter::READ);
    let after = tab.act("/luot/sua", &fields).await;
    assert_eq!(after.attribute("data-saved"), Some("corrected"));
    assert!(after.has("ĐÃ SỬA, đang gửi lại: Trần Thị Ví Dụ"), "{}", after.body);
    assert_eq!((after.attribute("data-parked"), after.attribute("data-count")), (Some("0"), Some("1")));
    assert_eq!(deliveries(&counter, id).await, [Delivery::Superseded, Delivery::Pending]);
    // The second Enter of a reader, or going back and sending again, corrects nothing twice.
    let again = tab.act("/luot/sua", &fields).await;
    assert_eq!((again.status, again.label()), (409, "visit:changed"));
    assert_eq!(deliveries(&counter, id).await.len(), 2);
}

#[tokio::test]
async fn what_cannot_be_read_or_is_missing_is_said_and_changes_nothing() {
    let (counter, mut tab, id) = refused(counter::VALID, "wrong_station").await;
    let page = tab.page.clone().unwrap();
    let (fields, id_text) = (shown(&page, "/luot/sua"), id.0.to_string());
    let with = |name: &'static str, value: &'static str| [fields.clone(), vec![(name, value)]].concat();
    let long = "a".repeat(501);
    for (address, fields, label) in [
        ("/luot/sua", with("ma", "123"), "payload:length"),
        ("/luot/sua", with("ma", "  "), "visit:nothing"),
        ("/luot/sua", vec![("ma_luot", &*id_text), ("ma", counter::VALID)], "visit:changed"),
        ("/luot/sua", vec![("ma_luot", "x"), ("ban", "1"), ("ma", counter::VALID)], "visit:no_visit"),
        ("/luot/dong", with("ghi_chu", " \n "), "visit:note"),
        ("/luot/dong", [fields.clone(), vec![("ghi_chu", &*long)]].concat(), "visit:note"),
        ("/luot/dong", vec![("ghi_chu", "x")], "visit:no_visit"),
        ("/luot/gui-lai", vec![], "visit:no_visit"),
        ("/luot/da-xem", vec![("so", "x")], "visit:no_visit"),
    ] {
        let answer = tab.act(address, &fields).await;
        assert_eq!(answer.label(), label, "{address} {fields:?}");
        assert!(answer.status >= 400);
        tab.get("/").await;
    }
    assert_eq!(deliveries(&counter, id).await, [Delivery::Parked]);
}

#[tokio::test]
async fn a_refused_visit_is_sent_again_and_ended_with_a_note() {
    let (counter, mut tab, id) = refused(counter::VALID, "wrong_station").await;
    let page = tab.page.clone().unwrap();
    let fields = shown(&page, "/luot/gui-lai");
    assert_eq!(tab.act("/luot/gui-lai", &fields).await.attribute("data-saved"), Some("resent"));
    assert_eq!(deliveries(&counter, id).await, [Delivery::Pending]);
    assert_eq!(tab.act("/luot/gui-lai", &fields).await.label(), "visit:not_parked");

    refuse(&counter, id, 1, "wrong_station").await;
    let page = tab.get("/").await;
    let note = [shown(&page, "/luot/dong"), vec![("ghi_chu", "Nhập nhầm <b>người</b>")]].concat();
    let after = tab.act("/luot/dong", &note).await;
    assert_eq!((after.attribute("data-saved"), after.attribute("data-parked")), (Some("closed"), Some("0")));
    let logged = counter.desk.visit(id).await.unwrap().pop().unwrap();
    assert_eq!((logged.delivery, &*logged.closing.unwrap().note), (Delivery::Closed, "Nhập nhầm <b>người</b>"));
    assert!(!tab.get("/").await.has("action=\"/luot/dong\""));
}

#[tokio::test]
async fn what_newer_data_say_otherwise_is_listed_until_somebody_has_seen_it() {
    let counter = Counter::open().await;
    counter.desk.check_in(&counter.desk.look_up(counter::VALID).await.unwrap()).await.unwrap();
    counter.clock.advance(Duration::from_hours(24));
    let mut tab = Tab::open(&counter).await;
    let before = tab.get("/trang-thai").await;
    assert!(!tab.get("/hom-nay").await.has("Cần kiểm tra lại"));
    counter.publish(1842, |rows| rows[0].set(Column::Standing, Some("revoked".into()))).await;
    counter.desk.recheck().await.unwrap();
    assert_ne!(tab.get("/trang-thai").await.attribute("data-change"), before.attribute("data-change"));
    let page = tab.get("/").await;
    let list = between(&page.body, "id=\"kiem-tra-lai\"", "</table>").unwrap_or_else(|| panic!("{}", page.body));
    for text in ["10:00 21/11/2026", "Trần Thị Ví Dụ", "Còn hạn, 100%", "07:00 21/11/2026", "Đã thu hồi", "07:00 22/11/2026"]
    {
        assert!(list.contains(text), "{text} in {list}");
    }
    let fields = shown(&page, "/luot/da-xem");
    assert_eq!(tab.act("/luot/da-xem", &fields).await.attribute("data-saved"), Some("seen"));
    assert!(!tab.get("/hom-nay").await.has("Cần kiểm tra lại"));
}

#[tokio::test]
async fn f45_the_forms_of_the_list_want_their_token_and_our_own_page() {
    let (counter, mut tab, id) = refused(counter::VALID, "wrong_station").await;
    let token = tab.page.as_ref().unwrap().hidden("bieu_mau").unwrap().to_owned();
    let other = Tab::open(&counter).await;
    let foreign = other.page.as_ref().unwrap().hidden("bieu_mau").unwrap();
    let id_text = id.0.to_string();
    let fields = [("ma_luot", &*id_text), ("ban", "1"), ("ma", counter::EXPIRED), ("ghi_chu", "x"), ("so", "1")];
    let neighbour = format!("http://127.0.0.1:{}", counter.address.port() ^ 1);
    for route in ROUTES {
        for wrong in ["", foreign, &token[1..]] {
            let answer = tab.act_with(route, wrong, &fields, &[]).await;
            assert_eq!((answer.status, answer.label()), (403, "form:token"), "{route}");
        }
        for extra in [("Origin", "http://evil.example"), ("Origin", "null"), ("Origin", &*neighbour), ("Sec-Fetch-Site", "cross-site")] {
            let answer = tab.act_with(route, &token, &fields, &[extra]).await;
            assert_eq!((answer.status, answer.label()), (403, "request:origin"), "{route} {extra:?}");
        }
        let host = ("Host", "evil.example");
        assert_eq!(tab.act_with(route, &token, &fields, &[host]).await.status, 421, "{route}");
        let kind = ("Content-Type", "text/plain");
        assert_eq!(tab.act_with(route, &token, &fields, &[kind]).await.label(), "form:kind", "{route}");
        for method in ["GET", "PUT", "DELETE"] {
            assert_eq!(tab.ask(method, route, &[], "").await.status, 405, "{method} {route}");
        }
    }
    let logged = counter.desk.visit(id).await.unwrap();
    assert_eq!((logged.len(), logged[0].delivery, logged[0].visit.content.revision), (1, Delivery::Parked, Revision::FIRST));
    // The list alone, as the script asks for it, carries the token of its browser.
    let list = tab.get("/hom-nay").await;
    assert_eq!(list.hidden("bieu_mau"), Some(&*token));
}

#[tokio::test]
async fn a_scan_in_the_page_s_own_input_is_still_a_look_up_while_visits_are_refused() {
    let (counter, mut tab, _) = refused(counter::VALID, "malformed").await;
    assert_eq!(tab.enter(counter::EXPIRED).await.attribute("data-standing"), Some("expired"));
    counter.clock.advance(READ);
    assert_eq!(tab.enter("").await.attribute("data-saved"), Some("new"));
}

#[tokio::test]
async fn a_visit_of_a_clock_in_doubt_says_so_and_shows_the_province_s_time() {
    use bhyt_agent::domain::contact::Machine;
    use bhyt_agent::domain::contact::TimeAnchor;
    let counter = Counter::open().await;
    counter.clock.set_wall("2015-01-01T00:00:00Z");
    counter.desk.check_in(&counter.desk.look_up(counter::VALID).await.unwrap()).await.unwrap();
    let mut tab = Tab::open(&counter).await;
    assert!(tab.page.as_ref().unwrap().has("07:00") && !tab.page.as_ref().unwrap().has("giờ đã chỉnh theo tỉnh"));
    let links = counter.visits.chain_links().await.unwrap();
    let since_boot = counter.desk.time().reading().since_boot;
    let anchor = TimeAnchor { boot_id: "test".into(), since_boot, at: "2026-11-21T04:30:00Z".parse().unwrap() };
    counter.visits.contact_made(links.next, Machine::Known, None, anchor.clone()).await.unwrap();
    assert!(counter.desk.time().anchored(anchor));
    let list = tab.get("/hom-nay").await;
    assert!(list.has("11:30") && list.has("giờ đã chỉnh theo tỉnh"), "{}", list.body);
}

#[tokio::test]
async fn the_end_of_the_day_counts_what_waits_and_says_what_switching_off_does() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let empty = tab.get("/ca-ngay").await;
    assert_eq!(empty.attribute("data-unsent"), Some("0"));
    assert!(empty.has("Không còn lượt nào chờ gửi.") && empty.has("Hôm nay chưa có biên nhận nào."));
    for number in [counter::VALID, counter::EXPIRED, counter::LONG] {
        tab.enter(number).await;
        counter.clock.advance(counter::READ);
        tab.enter("").await;
    }
    let newest = tab.get("/").await;
    assert!(newest.has("href=\"/ca-ngay\"") && !newest.has("id=\"cuoi-ngay\""));
    let now = counter.desk.time().now().at;
    let today = counter.desk.today().await.unwrap();
    let held = ReceiptOutcome::Held { reference: "R-77".into(), received_at: now, duplicate: false };
    let refused = ReceiptOutcome::Refused { code: "no_identity".into(), text: "no".into() };
    let receipts = today.iter().zip([refused, held]).map(|(logged, outcome)| {
        let content = &logged.visit.content;
        Receipt { id: content.id, revision: content.revision, outcome }
    });
    counter.visits.store_receipts(receipts.collect(), now).await.unwrap();
    let end = tab.get("/ca-ngay").await;
    assert_eq!(end.attribute("data-unsent"), Some("1"));
    for said in [
        "Hôm nay: đã gửi 1, chờ gửi 1, bị từ chối 1, đã đóng 0.",
        "Còn 1 lượt chờ gửi.",
        "Tỉnh từ chối 1 lượt, cần xem lại.",
        "Biên nhận mới nhất hôm nay: R-77.",
        "Tắt máy được: các lượt đã lưu vẫn còn. Lượt chờ gửi sẽ tự gửi",
    ] {
        assert!(end.has(said), "{said}: {}", end.body);
    }
    // The next morning it still waits, and is told.
    counter.clock.advance(Duration::from_hours(24));
    let next = tab.get("/ca-ngay").await;
    assert!(next.has("Hôm nay: đã gửi 0, chờ gửi 0") && next.has("Còn 1 lượt chờ gửi"), "{}", next.body);
}
