//! What stands on paper of an outage, of a correction and of a wrong clock; and what is counted.

use bhyt_agent::control::contract::Request;
use bhyt_agent::desk::Change;
use bhyt_agent::desk::Correction;
use bhyt_agent::desk::Desk;
use bhyt_agent::desk::Note;
use bhyt_agent::desk::Whom;
use bhyt_agent::desk::outages;
use bhyt_agent::domain::benefit::CareType;
use bhyt_agent::domain::operator::Operator;
use bhyt_agent::domain::operator::Role;
use bhyt_agent::domain::visit::OperatorName;
use bhyt_agent::domain::visit::Receipt;
use bhyt_agent::domain::visit::ReceiptOutcome;
use bhyt_agent::domain::visit::Revision;
use bhyt_agent::domain::visit::VisitId;
use tokio_util::sync::CancellationToken;

use crate::counter::Counter;
use crate::counter::EXPIRED;
use crate::counter::NOW;
use crate::counter::OPERATOR;
use crate::counter::UNKNOWN;
use crate::counter::VALID;
use crate::support::TestProvince;
use crate::support::TestStation;
use crate::support::wait_for;
use crate::tab::Answer;
use crate::tab::Tab;

async fn came(desk: &Desk, text: &str) -> VisitId {
    let lookup = desk.look_up(text).await.unwrap();
    desk.check_in(&lookup).await.unwrap().id
}

fn colleague(counter: &Counter) -> Desk {
    counter.desk.with(Operator { id: None, name: OperatorName::parse("Lê Thị Hai").unwrap(), role: Role::Reception })
}

fn note(text: &str) -> Change<Note> {
    Change::To(Note::parse(text))
}

async fn paper(tab: &mut Tab, address: &str, id: VisitId) -> Answer {
    tab.get("/").await;
    tab.act(address, &[("ma_luot", &id.0.to_string())]).await
}

/// What stands beside a label.
fn line(answer: &Answer, label: &str) -> Option<String> {
    crate::tab::between(&answer.body, &format!("<dt>{label}</dt><dd>"), "</dd>").map(str::to_owned)
}

/// A way has failed for an hour, and goes on failing.
async fn outage(counter: &Counter) -> CancellationToken {
    counter.loses_the_province().await;
    let stop = CancellationToken::new();
    tokio::spawn(outages::follow(counter.desk.clone(), stop.clone()));
    wait_for("the outage is known", async || (!counter.desk.overview().outages.is_empty()).then_some(())).await;
    stop
}

/// The question fails before the visit is saved, and no push has failed yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_failed_question_about_the_first_person_of_an_outage_stands_on_the_sheet() {
    let mut province = TestProvince::new(30).await;
    let station = TestStation::enrolled(&province).await;
    let daemon = station.loaded().await;
    province.switch_off().await;
    station.lookup(UNKNOWN).await;
    station.status_when("the question has failed", |status| !status["ask"]["failing"].is_null()).await;
    let id = VisitId(station.check_in(UNKNOWN).await.unwrap());
    let mut tab = Tab::at_station(&station).await;
    let sheet = wait_for("the question is on the sheet", async || {
        Some(paper(&mut tab, "/luot/chung-cu", id).await).filter(|sheet| sheet.has("<tr data-try data-about>"))
    })
    .await;
    assert!(sheet.has("Hỏi tỉnh về chính người này") && sheet.has("(unreachable)"), "{}", sheet.body);
    assert!(!sheet.has("không ghi nhận lần mất liên lạc nào"), "{}", sheet.body);
    let at = crate::tab::between(&sheet.body, "<tr data-try data-about><td>", "</td>").unwrap();
    assert!(chrono::NaiveDateTime::parse_from_str(at, "%H:%M:%S %d/%m/%Y").is_ok(), "{at}");
    station.ask(&Request::Status).await.unwrap();
    assert_eq!(daemon.terminate().await, Some(0));
}

#[tokio::test]
async fn after_a_correction_the_sheet_says_what_was_known_at_reception_and_the_rest_apart() {
    let counter = Counter::open().await;
    counter.loses_the_province().await;
    let id = came(&counter.desk, UNKNOWN).await;
    counter.clock.advance(core::time::Duration::from_mins(7));
    counter.province_answers().await;
    let correction = Correction { whom: Some(Whom::Text(UNKNOWN.into())), ..Correction::default() };
    colleague(&counter).correct(id, correction).await.unwrap();
    let mut tab = Tab::open(&counter).await;
    let sheet = paper(&mut tab, "/luot/chung-cu", id).await;
    assert_eq!(line(&sheet, "Người tiếp đón").as_deref(), Some(OPERATOR));
    assert_eq!(line(&sheet, "Trả lời dựa trên").as_deref(), Some("Không có dữ liệu về người này"));
    assert_eq!(line(&sheet, "Dữ liệu tính đến").as_deref(), Some("07:00 21/11/2026, danh sách số 1841"));
    assert_eq!(line(&sheet, "Dữ liệu có trước lúc tiếp đón").as_deref(), Some("3 giờ"));
    let (then, later) = sheet.body.split_once("<section data-later>").unwrap();
    assert!(!then.contains("Ngô Thị Khách") && !then.contains("10:07"), "{then}");
    assert!(later.contains("Bản 2: 10:07 21/11/2026, người sửa: Lê Thị Hai") && later.contains("Ngô Thị Khách"), "{later}");
    assert!(later.contains("Tỉnh đã trả lời riêng về người này"), "{later}");
    assert!(later.contains("<dd>10:07 21/11/2026, tỉnh trả lời riêng về người này</dd>"), "of no list: {later}");
    // The slip is of the correction, and says so.
    let slip = paper(&mut tab, "/luot/phieu", id).await;
    assert_eq!(line(&slip, "Đã sửa").as_deref(), Some("10:07 21/11/2026, người sửa: Lê Thị Hai"));
    assert!(line(&slip, "Thẻ lúc tiếp đón").is_none() && line(&slip, "Thẻ, theo bản sửa").is_some(), "{}", slip.body);
    let corrected = counter.desk.visit(id).await.unwrap().pop().unwrap();
    assert_eq!(corrected.visit.content.operator.as_str(), OPERATOR, "who received the person stays");
}

/// An answer of the province about one person has its own time, and belongs to no list.
#[tokio::test]
async fn a_serial_stands_beside_the_time_of_its_own_list_alone() {
    let counter = Counter::open().await;
    counter.loses_the_province().await;
    counter.province_answers().await;
    let mut tab = Tab::open(&counter).await;
    for (text, known, basis) in
        [(VALID, "07:00 21/11/2026, danh sách số 1841", true), (UNKNOWN, "10:00 21/11/2026, tỉnh trả lời riêng về người này", false)]
    {
        let id = came(&counter.desk, text).await;
        for address in ["/luot/phieu", "/luot/chung-cu"] {
            let paper = paper(&mut tab, address, id).await;
            assert_eq!(line(&paper, "Dữ liệu tính đến").as_deref(), Some(known), "{address}");
            assert_eq!(line(&paper, "Bản danh sách").is_some(), basis && address == "/luot/chung-cu", "{address} {text}");
        }
    }
}

#[tokio::test]
async fn evidence_of_an_outage_is_offered_and_printed_only_where_something_kept_the_desk_from_looking_up() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    tab.enter("tran thi khong so 1985").await;
    tab.enter("0").await;
    counter.clock.advance(crate::counter::READ);
    assert!(tab.enter("").await.has("ĐÃ LƯU lượt số 1"));
    let by_name = counter.desk.today().await.unwrap()[0].visit.content.id;
    let unknown = came(&counter.desk, UNKNOWN).await;
    for id in [by_name, unknown] {
        assert_eq!(paper(&mut tab, "/luot/chung-cu", id).await.label(), "visit:no_outage");
        assert!(!paper(&mut tab, "/luot/xem", id).await.has("action=\"/luot/chung-cu\""));
    }
    let list = tab.get("/kiem-tra-lai").await;
    assert!(list.body.matches("<tr data-number").count() == 2 && !list.has("action=\"/luot/chung-cu\""), "{}", list.body);
    // With the way to the province gone, there is something to prove.
    counter.clock.advance(core::time::Duration::from_hours(2));
    counter.loses_the_province().await;
    let later = came(&counter.desk, UNKNOWN).await;
    let list = tab.get("/kiem-tra-lai").await;
    assert_eq!(list.body.matches("action=\"/luot/chung-cu\"").count(), 1, "{}", list.body);
    assert!(paper(&mut tab, "/luot/chung-cu", later).await.has("data-paper=\"evidence\""));
}

#[tokio::test]
async fn what_is_emptied_in_a_correction_is_empty_and_what_is_not_asked_about_stays() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let id = came(&counter.desk, VALID).await;
    let number = counter.desk.take_number().await.unwrap().number;
    let written = Correction { note: note("hẹn lại"), queue_number: Change::To(Some(number)), ..Correction::default() };
    counter.desk.correct(id, written).await.unwrap();
    let latest = async || counter.desk.visit(id).await.unwrap().pop().unwrap().visit.content;
    // The command line asks about neither.
    let home = CareType::parse("12").unwrap();
    counter.desk.correct(id, Correction { care_type: Some(home), ..Correction::default() }).await.unwrap();
    assert_eq!((latest().await.note.as_deref(), latest().await.queue_number), (Some("hẹn lại"), Some(number)));
    let text = id.0.to_string();
    tab.get("/").await;
    let fields = [("ma_luot", &*text), ("ban", "3"), ("hinh_thuc", "12"), ("so_thu_tu", "1"), ("ghi_chu", " ")];
    assert!(tab.act("/luot/sua", &fields).await.has("data-saved=\"corrected\""), "a note alone is something to correct");
    assert_eq!((latest().await.note, latest().await.queue_number), (None, Some(number)));
    tab.get("/").await;
    let fields = [("ma_luot", &*text), ("ban", "4"), ("hinh_thuc", "01"), ("so_thu_tu", ""), ("ghi_chu", "")];
    assert!(tab.act("/luot/sua", &fields).await.has("data-saved=\"corrected\""));
    assert_eq!(latest().await.queue_number, None);
}

#[tokio::test]
async fn no_evidence_is_printed_of_a_visit_that_could_be_looked_up_or_was_taken_back() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let usual = came(&counter.desk, VALID).await;
    counter.clock.advance(core::time::Duration::from_hours(2));
    counter.loses_the_province().await;
    let unknown = came(&counter.desk, UNKNOWN).await;
    let refused = paper(&mut tab, "/luot/chung-cu", usual).await;
    assert!(refused.status == 409 && refused.label() == "visit:no_outage" && !refused.has("Điều 38"), "{}", refused.body);
    let page = async |tab: &mut Tab, id| paper(tab, "/luot/xem", id).await.has("action=\"/luot/chung-cu\"");
    assert_eq!((page(&mut tab, usual).await, page(&mut tab, unknown).await), (false, true));
    assert!(paper(&mut tab, "/luot/chung-cu", unknown).await.has("khoản 2 Điều 38"));
    counter.desk.void(unknown, None, Note::parse("Lưu trùng").unwrap()).await.unwrap();
    assert_eq!(paper(&mut tab, "/luot/chung-cu", unknown).await.label(), "visit:voided");
    assert!(!page(&mut tab, unknown).await && paper(&mut tab, "/luot/phieu", unknown).await.has("ĐÃ HỦY"));
}

#[tokio::test]
async fn a_visit_of_an_outage_is_to_be_checked_again_however_young_the_roster_was() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    came(&counter.desk, VALID).await;
    let stop = outage(&counter).await;
    let id = came(&counter.desk, EXPIRED).await;
    let list = tab.get("/kiem-tra-lai").await;
    assert!(list.has("data-open=\"1\"") && list.has("data-number=\"2\" data-checked=\"open\""), "{}", list.body);
    let sheet = paper(&mut tab, "/luot/chung-cu", id).await;
    assert_eq!(line(&sheet, "Không liên lạc được với tỉnh từ").as_deref(), Some("09:00 21/11/2026"));
    // Another note does not look again; newer data do.
    counter.desk.correct(id, Correction { note: note("hẹn lại"), ..Correction::default() }).await.unwrap();
    assert!(tab.get("/kiem-tra-lai").await.has("data-open=\"1\""));
    counter.clock.advance(core::time::Duration::from_hours(48));
    counter.publish(1843, |_| {}).await;
    counter.desk.recheck().await.unwrap();
    let list = tab.get("/kiem-tra-lai").await;
    assert!(list.has("data-open=\"0\"") && list.has("data-checked=\"confirmed\""), "{}", list.body);
    stop.cancel();
}

#[tokio::test]
async fn a_visit_is_counted_once_and_keeps_its_number_however_often_it_is_corrected_and_not_if_it_is_taken_back() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let first = came(&counter.desk, VALID).await;
    let held = ReceiptOutcome::Held { reference: "r".into(), received_at: NOW.parse().unwrap(), duplicate: false };
    let receipt = Receipt { id: first, revision: Revision::FIRST, outcome: held };
    counter.visits.store_receipts(vec![receipt], NOW.parse().unwrap()).await.unwrap();
    let second = came(&counter.desk, EXPIRED).await;
    for text in ["một", "hai", "ba"] {
        for id in [first, second] {
            counter.desk.correct(id, Correction { note: note(text), ..Correction::default() }).await.unwrap();
        }
    }
    let third = came(&counter.desk, UNKNOWN).await;
    let unsent = counter.desk.overview().unsent;
    assert_eq!((unsent.pending, unsent.pending_visits), (8, 3));
    let day = tab.get("/ca-ngay").await;
    assert!(day.has("Chưa gửi 3 lượt") && day.has("Còn 3 lượt chờ gửi.") && day.has("Hôm nay: 3 lượt"), "{}", day.body);
    assert!(paper(&mut tab, "/luot/phieu", second).await.has("<dt>Lượt số</dt><dd>2</dd>"));
    assert!(day.has("data-number=\"1\"") && day.has("data-number=\"2\"") && day.has("data-number=\"9\""), "{}", day.body);
    tab.get("/").await;
    assert!(tab.enter(EXPIRED).await.has("data-earlier=\"2\""));
    counter.desk.void(third, None, Note::parse("Lưu trùng").unwrap()).await.unwrap();
    for (address, more) in [("/", ""), ("/ca-ngay", "Đã hủy 1 lượt")] {
        let page = tab.get(address).await;
        assert!(page.has("data-count=\"2\"") && page.has("Hôm nay: 2 lượt (không tính 1 lượt đã hủy)") && page.has(more), "{}", page.body);
    }
    // What is left of other days is said to be.
    counter.clock.advance(core::time::Duration::from_hours(24));
    assert!(tab.get("/ca-ngay").await.has("Còn 3 lượt chờ gửi (tính cả các ngày trước)."));
}

#[tokio::test]
async fn a_visit_by_a_clock_that_fell_back_is_doubted_on_paper_and_is_of_today() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    came(&counter.desk, VALID).await;
    assert_eq!(counter.desk.take_number().await.unwrap().number.get(), 1);
    counter.clock.advance(core::time::Duration::from_mins(10));
    counter.clock.set_wall("2015-11-27T17:00:00Z");
    let page = tab.enter(VALID).await;
    assert!(page.has("data-earlier=\"1\""), "the same person was here before the clock fell back: {}", page.body);
    assert_eq!(counter.desk.take_number().await.unwrap().number.get(), 2);
    let id = came(&counter.desk, VALID).await;
    assert_eq!(counter.desk.today().await.unwrap().len(), 2, "both came today as far as anybody knows");
    let slip = paper(&mut tab, "/luot/phieu", id).await;
    assert_eq!(line(&slip, "Giờ đến").as_deref(), Some("00:00 28/11/2015 (đồng hồ máy sai, chưa chắc giờ này)"));
    assert!(slip.has("In lúc 00:00 28/11/2015 (đồng hồ máy sai, chưa chắc giờ này)"), "{}", slip.body);
    assert!(!slip.has("1.2 (1.2)") && !slip.has("01 (01)") && slip.has("(1.2)"), "{}", slip.body);
    assert!(tab.get("/").await.has("giờ chưa chắc"));
    // The clock is set right by hand: the machine has run on, and knows how long ago that was.
    counter.clock.set_wall("2026-11-21T03:20:00Z");
    assert_eq!(counter.desk.today().await.unwrap().len(), 2);
    assert!(tab.get("/").await.has("data-count=\"2\""));
    let page = tab.enter(VALID).await;
    assert!(page.has("data-earlier=\"1\"") && page.has("data-earlier=\"2\""), "{}", page.body);
    assert_eq!(counter.desk.take_number().await.unwrap().number.get(), 3);
    // After another start of the machine the order of saving tells it still; a day later it is not of today.
    counter.clock.restart_machine();
    assert_eq!(counter.desk.today().await.unwrap().len(), 2);
    counter.clock.advance(core::time::Duration::from_hours(24));
    assert_eq!(counter.desk.today().await.unwrap().len(), 0);
}
