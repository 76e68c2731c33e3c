//! What is chosen of a visit, the visit's own page, numbers to call by, and paper: as a browser without script asks for them.

use std::time::Duration;

use bhyt_agent::control::contract::Request;
use bhyt_agent::desk::CheckInError;
use bhyt_agent::desk::CheckedIn;
use bhyt_agent::desk::Choices;
use bhyt_agent::domain::attendance::Proof;
use bhyt_agent::domain::outage::Outage;
use bhyt_agent::domain::visit::VisitId;
use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;
use url::form_urlencoded;

use crate::counter::Counter;
use crate::counter::EXPIRED;
use crate::counter::NOW;
use crate::counter::ODD;
use crate::counter::ODD_HAMLET;
use crate::counter::READ;
use crate::counter::VALID;
use crate::support::TestProvince;
use crate::support::TestStation;
use crate::support::wait_for;
use crate::tab::Answer;
use crate::tab::Tab;
use crate::tab::between;
use crate::tab::saved;

/// No document is recorded, unless somebody chooses one.
const UNSAID: &str = "<option value=\"\" selected>Không ghi</option>";

/// The form of the page shown with further fields, sent to an address; a redirect is followed.
async fn send(tab: &mut Tab, address: &str, fields: &[(&str, &str)]) -> Answer {
    let more = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let form = format!("{}&{more}", tab.form(""));
    let answer = tab.post_to(address, &[], &form).await;
    let answer = if answer.status == 303 { tab.get("/").await } else { answer };
    tab.page = Some(answer.clone());
    answer
}

/// A visit of a card, looked up and saved by Enter.
async fn came(counter: &Counter, tab: &mut Tab, text: &str) -> VisitId {
    tab.enter(text).await;
    counter.clock.advance(READ);
    let answer = tab.enter("").await;
    assert!(answer.has("ĐÃ LƯU"), "{}", answer.body);
    counter.desk.today().await.unwrap()[0].visit.content.id
}

async fn latest(counter: &Counter, id: VisitId) -> bhyt_agent::domain::visit::NewVisit {
    counter.desk.visit(id).await.unwrap().pop().unwrap().visit.content
}

#[tokio::test]
async fn an_emergency_is_one_button_and_at_a_station_all_is_paid_as_the_page_has_said() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let answer = tab.enter(VALID).await;
    assert!(answer.has("name=\"nhanh\" value=\"2\" aria-keyshortcuts=\"F2\""), "{}", answer.body);
    assert!(answer.has("data-rate=\"100\"><b>100%</b> mức hưởng trong phạm vi (tạm tính)"), "{}", answer.body);
    // Too soon after the answer: nothing is saved, and what was chosen stays chosen.
    let answer = send(&mut tab, "/tra-cuu", &[("nhanh", "2")]).await;
    assert!(answer.has("value=\"Cấp cứu\" autocomplete") && saved(&counter).await == 0, "{}", answer.body);
    counter.clock.advance(READ);
    let answer = send(&mut tab, "/tra-cuu", &[("nhanh", "2"), ("doi_tuong", "1.2"), ("giay_to", "later"), ("ghi_chu", "ngã xe")]).await;
    assert!(answer.has("– Cấp cứu</p>"), "{}", answer.body);
    let visit = counter.desk.today().await.unwrap().remove(0).visit.content;
    // Several codes fit, and 1.2 stands above 2: the card is of code 4, and its 80 % are not what is paid here.
    assert_eq!((visit.attendance_category.as_str(), visit.proof), ("1.2", Some(Proof::Later)));
    assert_eq!(visit.verdict.rate.map(|rate| rate.as_percent()), Some(100));
    assert_eq!(visit.note.as_deref(), Some("Cấp cứu: ngã xe"));
}

#[tokio::test]
async fn what_is_chosen_is_saved_and_shown_and_a_plain_enter_is_the_usual_visit() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let id = came(&counter, &mut tab, VALID).await;
    let usual = latest(&counter, id).await;
    assert_eq!((usual.attendance_category.as_str(), usual.care_type.as_str(), usual.proof, usual.note), ("1.2", "01", None, None));
    let answer = tab.enter(ODD).await;
    assert!(answer.has(UNSAID), "a typed number alone proves nothing");
    assert!(!answer.has("<option value=\"1.7\""), "nobody is newborn at 25");
    counter.clock.advance(READ);
    let fields = [("doi_tuong", "1.2"), ("hinh_thuc", "12"), ("giay_to", "vssid"), ("ghi_chu", "nhà ở xa <b>")];
    let answer = send(&mut tab, "/tra-cuu", &fields).await;
    assert!(answer.has("Khám tại nhà (12)"), "{}", answer.body);
    assert!(answer.has("<span class=\"khac-thuong\">Khám tại nhà (12)</span>") && !answer.has(ODD_HAMLET));
    let visit = counter.desk.today().await.unwrap().remove(0).visit.content;
    assert_eq!((visit.care_type.as_str(), visit.proof, visit.note.as_deref()), ("12", Some(Proof::Vssid), Some("nhà ở xa <b>")));
}

#[tokio::test]
async fn no_document_is_recorded_that_nobody_has_seen() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    // A number; a child's number, of nobody; a name of the list; a name of nobody, received as typed.
    for typed in [&[ODD][..], &["022326000123"], &["tran thi vi du 1985", "1"], &["tran thi vi du 1985", "0"]] {
        let mut answer = None;
        for text in typed {
            answer = Some(tab.enter(text).await);
        }
        let answer = answer.unwrap();
        assert!(answer.has(UNSAID) && answer.has("<option value=\"birth_certificate\">"), "{typed:?}: {}", answer.body);
        counter.clock.advance(READ);
        // A browser sends the list as it stands.
        assert!(send(&mut tab, "/tra-cuu", &[("giay_to", "")]).await.has("ĐÃ LƯU"), "{typed:?}");
        assert_eq!(counter.desk.today().await.unwrap().remove(0).visit.content.proof, None, "{typed:?}");
    }
    // Of a card that was scanned it is likely; whoever knows better says so, and is believed.
    let card = crate::counter::payload("TRẦN THỊ VÍ DỤ", "02/09/1985");
    assert!(tab.enter(&card).await.has("<option value=\"card\" selected>"));
    let too_soon = send(&mut tab, "/tra-cuu", &[("giay_to", "")]).await;
    assert!(too_soon.has(UNSAID) && !too_soon.has("<option value=\"card\" selected>"), "{}", too_soon.body);
}

#[tokio::test]
async fn a_category_that_is_not_offered_is_refused_by_name_and_the_look_up_waits_on() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    tab.enter(VALID).await;
    counter.clock.advance(READ);
    let long = "x".repeat(501);
    for (field, value, label) in [
        ("doi_tuong", "1.19", "choice:category"),
        // There are such categories, but not here, not for this card, not under this key.
        ("doi_tuong", "1.13", "choice:category"),
        ("doi_tuong", "1.3", "choice:category"),
        ("doi_tuong", "2", "choice:category"),
        ("doi_tuong", "9", "choice:category"),
        ("nhanh", "1.13", "choice:category"),
        ("doi_tuong", "<b>", "choice:category"),
        ("hinh_thuc", "99", "choice:care_type"),
        ("so_thu_tu", "7", "choice:queue_number"),
        ("so_thu_tu", "bảy", "choice:queue_number"),
        ("ghi_chu", &long, "choice:note"),
        ("giay_to", "passport", "form:token"),
    ] {
        let answer = send(&mut tab, "/tra-cuu", &[(field, value)]).await;
        let named = answer.label().to_owned();
        assert!(answer.status >= 400 && (named == label || label == "form:token"), "{field}={value}: {named}");
        assert_eq!(saved(&counter).await, 0, "{field}={value}");
    }
    assert!(send(&mut tab, "/tra-cuu", &[]).await.has("ĐÃ LƯU lượt số 1"));
}

#[tokio::test]
async fn a_second_visit_of_the_day_is_told_before_it_is_saved_by_whatever_desk() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let [mut first, mut second, mut third] = [Tab::open(&counter).await, Tab::open(&counter).await, Tab::open(&counter).await];
    assert!(!first.enter(VALID).await.has("data-earlier"), "nobody was here");
    assert!(!second.enter("022085000001").await.has("data-earlier"), "the other number of the same person");
    third.enter(EXPIRED).await;
    counter.clock.advance(READ);
    let (sent, as_sent) = (first.form(""), second.form(""));
    assert!(first.enter("").await.has("data-saved=\"new\""));
    assert!(third.enter("").await.has("data-saved=\"new\""), "somebody else's visit is no news");
    // The same desk's Enter twice is no other desk.
    assert_eq!(first.post(&[], &sent).await.status, 303);
    assert!(first.get("/").await.has("data-saved=\"already\""));
    for again in 0..2 {
        let answer = second.post(&[], &as_sent).await;
        assert_eq!((answer.status, answer.label()), (409, "lookup:meanwhile"), "sent {again} times more");
        assert!(answer.has("bàn khác đã lưu lượt số 1 lúc 10:00") && answer.has("data-earlier=\"1\""), "{}", answer.body);
        second.page = Some(answer);
    }
    assert_eq!(saved(&counter).await, 2);
    assert!(second.enter("").await.label() == "none" && saved(&counter).await == 2, "the Enter of a reader, sent twice, saves nothing");
    counter.clock.advance(READ);
    assert!(second.enter("").await.has("data-saved=\"new\">ĐÃ LƯU lượt số 3"));
    assert_eq!(second.post(&[], &as_sent).await.status, 303, "what was saved after all is saved already");
    assert_eq!(saved(&counter).await, 3);
    let answer = tab.enter(VALID).await;
    assert!(answer.has("data-earlier=\"1\"") && answer.has("data-earlier=\"3\">lượt số 3 lúc 10:00</span> hôm nay"), "{}", answer.body);
    // Whatever was chosen is there still.
    first.enter(VALID).await;
    counter.clock.advance(READ);
    assert!(tab.enter("").await.has("data-saved=\"new\""), "whoever was told is not told again");
    let chosen = [("nhanh", "2"), ("ghi_chu", "đau ngực")];
    let answer = send(&mut first, "/tra-cuu", &chosen).await;
    assert!(answer.label() == "lookup:meanwhile" && answer.has("value=\"Cấp cứu: đau ngực\""), "{}", answer.body);
    assert!(!tab.enter(crate::counter::ARMY).await.has("data-earlier"));
    // On another day nobody was here yet.
    counter.clock.advance(std::time::Duration::from_hours(24));
    assert!(!tab.enter(VALID).await.has("data-earlier"));
}

/// Neither has seen the other's, and at least one is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_desks_in_the_same_moment_are_told_before_or_after() {
    let counter = Counter::open().await;
    for _ in 0..20 {
        let [one, other] = [counter.desk.look_up(VALID).await.unwrap(), counter.desk.look_up(VALID).await.unwrap()];
        let (one, other) = tokio::join!(counter.desk.check_in(&one), counter.desk.check_in(&other));
        let told = |saved: Result<CheckedIn, CheckInError>| match saved {
            Ok(saved) => saved.meanwhile.is_some(),
            Err(CheckInError::Meanwhile { .. }) => true,
            Err(error) => panic!("{error}"),
        };
        assert!(told(one) || told(other));
    }
}

#[tokio::test]
async fn a_number_that_stands_at_somebody_elses_visit_is_saved_and_said() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    for _ in 0..2 {
        send(&mut tab, "/so", &[]).await;
        tab.get("/").await;
    }
    let mut called = async |text: &str, number: &str| {
        tab.enter(text).await;
        counter.clock.advance(READ);
        send(&mut tab, "/tra-cuu", &[("so_thu_tu", number)]).await
    };
    assert!(called(VALID, "1").await.has("data-saved=\"new\""));
    assert!(called(VALID, "1").await.has("data-saved=\"new\""), "the same person twice is told of as such");
    assert!(called(EXPIRED, "2").await.has("data-saved=\"new\""));
    let answer = called(EXPIRED, "1").await;
    assert!(answer.has("data-saved=\"called_alike\">ĐÃ LƯU lượt số 4"), "{}", answer.body);
    assert!(answer.has("LƯU Ý: số thứ tự 1 cũng ghi ở lượt số 2 của người khác"), "{}", answer.body);
    assert_eq!(saved(&counter).await, 4, "a mother and her child may share one");
}

#[tokio::test]
async fn a_number_needs_nothing_but_the_disk_and_can_be_tied_to_a_visit() {
    let counter = Counter::without_roster().await;
    let mut tab = Tab::open(&counter).await;
    let answer = send(&mut tab, "/so", &[]).await;
    assert!(answer.has("data-saved=\"queue\">SỐ THỨ TỰ 1, lúc 10:00") && answer.has("action=\"/so/phieu\""), "{}", answer.body);
    tab.enter("không đọc được").await;
    assert!(send(&mut tab, "/so", &[]).await.has("SỐ THỨ TỰ 2"));
    let slip = send(&mut tab, "/so/phieu", &[("so_thu_tu", "2")]).await;
    assert!(slip.has("data-paper=\"number\"") && slip.has("<p class=\"so-lon\">2</p>") && slip.has("Trạm y tế xã Mẫu"), "{}", slip.body);
    assert_eq!(send(&mut tab, "/so/phieu", &[("so_thu_tu", "3")]).await.label(), "choice:queue_number");
    // A look-up that waits stays, and has the number.
    tab.get("/").await;
    tab.enter(VALID).await;
    let answer = send(&mut tab, "/so", &[("hinh_thuc", "14")]).await;
    assert!(answer.has("SỐ THỨ TỰ 3") && answer.has("name=\"so_thu_tu\" form=\"mau-quay\""), "{}", answer.body);
    assert!(answer.has("value=\"3\" autocomplete") && answer.has("<option value=\"14\" selected>"), "{}", answer.body);
    counter.clock.advance(READ);
    assert!(send(&mut tab, "/tra-cuu", &[("so_thu_tu", "3")]).await.has("số thứ tự 3"));
    let visit = counter.desk.today().await.unwrap().remove(0).visit.content;
    assert_eq!(visit.queue_number.map(bhyt_agent::domain::attendance::QueueNumber::get), Some(3));
}

#[tokio::test]
async fn what_one_key_prints_is_of_what_was_said_last() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let first = came(&counter, &mut tab, VALID).await.0.to_string();
    let second = came(&counter, &mut tab, EXPIRED).await.0.to_string();
    let offered = |answer: &Answer| between(&answer.body, "id=\"mau-in\"", "</form>").map(str::to_owned);
    assert!(offered(tab.page.as_ref().unwrap()).unwrap().contains(&second));
    let fields = [("ma_luot", first.as_str()), ("ban", "1"), ("hinh_thuc", "14")];
    let corrected = tab.act("/luot/sua", &fields).await;
    assert!(corrected.has("data-saved=\"corrected\""));
    let form = offered(&corrected).unwrap();
    assert!(form.contains(&first) && !form.contains(&second), "{form}");
    let voided = tab.act("/luot/huy", &[("ma_luot", first.as_str()), ("ban", "2"), ("ly_do", "Lưu trùng")]).await;
    assert!(voided.has("data-saved=\"voided\"") && offered(&voided).is_none(), "{}", voided.body);
}

#[tokio::test]
async fn a_field_that_cannot_be_taken_leaves_the_others_as_they_were() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    tab.enter(VALID).await;
    counter.clock.advance(READ);
    let chosen = [("nhanh", "2"), ("hinh_thuc", "14"), ("giay_to", "vneid"), ("ghi_chu", "đau ngực"), ("so_thu_tu", "abc")];
    let answer = send(&mut tab, "/tra-cuu", &chosen).await;
    assert_eq!(answer.label(), "choice:queue_number");
    for held in ["<option value=\"14\" selected>", "<option value=\"vneid\" selected>", "value=\"Cấp cứu: đau ngực\""] {
        assert!(answer.has(held), "{held}: {}", answer.body);
    }
    assert_eq!(saved(&counter).await, 0);
}

#[tokio::test]
async fn a_scan_that_falls_into_a_note_saves_ends_and_voids_nothing() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let id = came(&counter, &mut tab, VALID).await;
    let text = id.0.to_string();
    tab.enter(EXPIRED).await;
    counter.clock.advance(READ);
    let scanned = "001185000001||Trần Thị Mẫu|02091985|Nữ|Thôn Thử|15032022||||";
    for note in [scanned, "001185000001", "chờ mẹ GD4010100000001"] {
        let answer = send(&mut tab, "/tra-cuu", &[("hinh_thuc", "14"), ("ghi_chu", note)]).await;
        assert_eq!(answer.label(), "choice:scan");
        assert!(
            answer.has("<option value=\"14\" selected>") && !answer.has("001185000001") && !answer.has("GD4010100000001"),
            "{}",
            answer.body
        );
    }
    let reason = [("ma_luot", text.as_str()), ("ban", "1"), ("ly_do", "Lưu trùng"), ("ly_do_khac", scanned)];
    assert_eq!(tab.act("/luot/huy", &reason).await.label(), "visit:scan");
    assert_eq!(tab.act("/luot/sua", &[("ma_luot", text.as_str()), ("ban", "1"), ("ghi_chu", scanned)]).await.label(), "choice:scan");
    assert_eq!(tab.act("/luot/dong", &[("ma_luot", text.as_str()), ("ghi_chu", scanned)]).await.label(), "visit:scan");
    assert_eq!(saved(&counter).await, 1);
    assert_eq!(counter.desk.visit(id).await.unwrap().len(), 1, "neither corrected nor taken back");
}

#[tokio::test]
async fn a_visit_is_opened_by_its_number_corrected_and_taken_back_with_a_reason() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let id = came(&counter, &mut tab, VALID).await;
    let answer = tab.act("/luot/xem", &[("so", "1")]).await;
    assert!(answer.has("data-visit=\"1\" data-revision=\"1\"") && answer.has("Trần Thị Ví Dụ") && answer.has("người lưu: Người Trực"));
    let text = id.0.to_string();
    let fields = [("ma_luot", text.as_str()), ("ban", "1"), ("hinh_thuc", "14"), ("giay_to", "vneid"), ("ghi_chu", "khám qua điện thoại")];
    assert!(tab.act("/luot/sua", &fields).await.has("data-saved=\"corrected\""));
    let corrected = latest(&counter, id).await;
    assert_eq!((corrected.care_type.as_str(), corrected.proof, corrected.attendance_category.as_str()), ("14", Some(Proof::Vneid), "1.2"));
    assert_eq!(tab.act("/luot/sua", &fields).await.label(), "visit:changed", "another desk was first");
    tab.get("/").await;
    let same = [("ma_luot", text.as_str()), ("ban", "2"), ("hinh_thuc", "14"), ("giay_to", "vneid")];
    assert_eq!(tab.act("/luot/sua", &same).await.label(), "visit:nothing");
    tab.get("/").await;
    let void = |revision: &'static str, reason: &'static str| {
        [("ma_luot", text.clone()), ("ban", revision.to_owned()), ("ly_do", reason.to_owned())]
    };
    let pairs = |fields: &[(&'static str, String)]| fields.to_vec();
    for (revision, reason, label) in [("2", "", "visit:note"), ("1", "Lưu trùng", "visit:changed")] {
        let fields = pairs(&void(revision, reason));
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(tab.act("/luot/huy", &fields).await.label(), label);
        tab.get("/").await;
    }
    let fields = [("ma_luot", text.as_str()), ("ban", "2"), ("ly_do", "Lưu trùng"), ("ly_do_khac", " bấm hai lần ")];
    let answer = tab.act("/luot/huy", &fields).await;
    assert!(answer.has("data-saved=\"voided\"") && answer.has("data-voided"), "{}", answer.body);
    assert_eq!(latest(&counter, id).await.voided.as_deref(), Some("bấm hai lần"), "what is written goes before what is chosen");
    let answer = tab.act("/luot/xem", &[("ma_luot", &text)]).await;
    assert!(answer.has("ĐÃ HỦY: bấm hai lần") && answer.body.matches("<li data-delivery").count() == 3 && !answer.has("id=\"huy-luot\""));
    for number in ["99", "x", "-1", "999999999999999999999"] {
        assert_eq!(tab.act("/luot/xem", &[("so", number)]).await.label(), "visit:no_visit", "{number}");
    }
}

#[tokio::test]
async fn a_slip_says_what_is_on_the_disk_and_a_second_one_that_it_is_a_copy() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let id = came(&counter, &mut tab, VALID).await.0.to_string();
    assert!(tab.page.as_ref().unwrap().has("action=\"/luot/phieu\""), "one key prints what was just saved");
    let slip = tab.act("/luot/phieu", &[("ma_luot", &id)]).await;
    let code = slip.body.split_once("Mã phiếu ").unwrap().1.split_once('<').unwrap().0.to_owned();
    for wanted in [
        "kho-80mm",
        "Trạm y tế xã Mẫu (22001)",
        "Trần Thị Ví Dụ",
        VALID,
        "Còn hạn",
        "100% – Luật BHYT Điều 22",
        "danh sách số 1841",
        "10:00 21/11/2026",
    ] {
        assert!(slip.has(wanted), "{wanted}: {}", slip.body);
    }
    assert!(code.len() == 13 && !slip.has("BẢN SAO"), "{code}");
    let again = tab.act("/luot/phieu", &[("ma_luot", &id), ("kho", "a5")]).await;
    assert!(again.has("BẢN SAO, đã in 1 lần trước") && again.has("kho-a5") && again.has(&code), "{}", again.body);
    // A corrected visit has another code, and its first slip is no copy.
    tab.act("/luot/sua", &[("ma_luot", &id), ("ban", "1"), ("hinh_thuc", "12")]).await;
    let other = tab.act("/luot/phieu", &[("ma_luot", &id)]).await;
    assert!(!other.has(&code) && !other.has("BẢN SAO") && other.has("Khám tại nhà"), "{}", other.body);
    let page = tab.act("/luot/xem", &[("ma_luot", &id)]).await;
    assert!(page.body.matches("In phiếu lúc").count() == 3 && page.has(&code), "{}", page.body);
    assert_eq!(tab.act("/luot/phieu", &[("ma_luot", "x")]).await.label(), "visit:no_visit");
}

#[tokio::test]
async fn an_evidence_sheet_says_what_was_known_and_what_was_tried() {
    let counter = Counter::open().await;
    let now: DateTime<Utc> = NOW.parse().unwrap();
    let outage = |direction: &str, began: i64, ended: Option<i64>| Outage {
        direction: direction.into(),
        trouble: "unreachable".into(),
        began_at: now - TimeDelta::hours(began),
        last_try_at: now - TimeDelta::minutes(2),
        tries: 12,
        ended_at: ended.map(|hours| now - TimeDelta::hours(hours)),
    };
    for outage in [outage("pull", 5, Some(4)), outage("pull", 3, None), outage("ask", 1, None)] {
        counter.visits.put_outage(outage).await.unwrap();
    }
    let mut tab = Tab::open(&counter).await;
    let id = came(&counter, &mut tab, VALID).await.0.to_string();
    let sheet = tab.act("/luot/chung-cu", &[("ma_luot", &id)]).await;
    assert_eq!(sheet.body.matches("<tr data-outage>").count(), 2, "the one that was over is not of this visit");
    for wanted in [
        "kho-a4",
        "khoản 2 Điều 38",
        "07:00 21/11/2026",
        "09:00 21/11/2026",
        "<td>12</td>",
        "mạng không thông",
        "Mã phiếu",
        "ký, đóng dấu",
        &id,
    ] {
        assert!(sheet.has(wanted), "{wanted}: {}", sheet.body);
    }
    assert!(!sheet.has("BẢN SAO") && tab.act("/luot/chung-cu", &[("ma_luot", &id)]).await.has("BẢN SAO"));
}

#[tokio::test]
async fn visits_on_missing_or_old_data_are_listed_until_newer_data_speak() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    assert!(tab.get("/kiem-tra-lai").await.has("Không có lượt nào tiếp đón"));
    // Nine days later the roster is old; nobody knows the third person.
    counter.clock.set_wall("2026-11-30T03:00:00Z");
    for text in [VALID, EXPIRED, "GD4010100009999"] {
        came(&counter, &mut tab, text).await;
    }
    let list = tab.get("/kiem-tra-lai").await;
    assert!(list.has("data-open=\"3\"") && list.body.matches("data-checked=\"open\"").count() == 3, "{}", list.body);
    // A state of before the visits bears nothing out; one of after them does, and says otherwise of the second.
    counter.publish(1842, |_| {}).await;
    counter.desk.recheck().await.unwrap();
    assert!(tab.get("/kiem-tra-lai").await.has("data-open=\"3\""), "data of before the visit");
    let renewed = |rows: &mut Vec<bhyt_agent::domain::roster::RosterRow>| {
        rows[1].set(bhyt_agent::domain::roster::Column::ValidUntil, Some("2026-12-31".into()));
    };
    counter.clock.set_wall("2026-12-02T03:00:00Z");
    counter.publish(1852, renewed).await;
    counter.desk.recheck().await.unwrap();
    let list = tab.get("/kiem-tra-lai").await;
    let states: Vec<_> =
        ["confirmed", "differs", "open"].map(|state| list.body.matches(&format!("data-checked=\"{state}\"")).count()).into();
    assert_eq!(states, [1, 1, 1], "{}", list.body);
    assert!(
        list.has("data-number=\"1\" data-checked=\"confirmed\"") && list.has("data-number=\"2\" data-checked=\"differs\""),
        "{}",
        list.body
    );
}

#[tokio::test]
async fn no_number_of_a_person_stands_in_an_address_and_no_page_of_one_is_asked_for_without_a_form() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    for address in ["/luot/xem", "/luot/huy", "/luot/phieu", "/luot/chung-cu", "/so", "/so/phieu"] {
        assert_eq!(tab.get(address).await.status, 405, "{address}");
        let answer = Tab::new(&counter).act_with(address, "0", &[("so", "1")], &[]).await;
        assert_eq!(answer.status, 403, "{address}");
    }
}

/// The link goes down under the real program, is tried, and the program is killed and started anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_outlives_the_program_and_stands_on_the_evidence_sheet() {
    let mut province = TestProvince::new(30).await;
    let station = TestStation::enrolled(&province).await;
    let mut daemon = station.loaded().await;
    let person = province.person_in_force();
    province.switch_off().await;
    for _ in 0..2 {
        station.ask(&Request::SyncNow).await.unwrap();
    }
    let id = station.check_in(&person.id).await.unwrap().to_string();
    let sheet = async |tab: &mut Tab| {
        tab.get("/").await;
        Some(tab.act("/luot/chung-cu", &[("ma_luot", &id)]).await).filter(|sheet| sheet.has("<tr data-outage>"))
    };
    let mut tab = Tab::at_station(&station).await;
    let before = wait_for("the outage is written down", async || sheet(&mut tab).await).await;
    daemon.kill();
    let daemon = station.started().await;
    let mut tab = Tab::at(station.page);
    tab.sign_in("1", crate::support::PIN).await;
    let after = wait_for("the outage is still there", async || sheet(&mut tab).await).await;
    let first = |sheet: &Answer| sheet.body.split_once("<tr data-outage>").unwrap().1.split("</td>").take(2).collect::<String>();
    assert_eq!(first(&before), first(&after), "the same outage from the same instant");
    assert!(after.has("<td>chưa có lại</td>") && after.has("mạng không thông") && after.has("BẢN SAO"), "{}", after.body);
    assert_eq!(daemon.terminate().await, Some(0));
}

#[tokio::test]
async fn a_queue_number_from_before_midnight_is_taken_after_it_but_not_a_day_later() {
    let counter = Counter::open().await;
    // It is ten in the morning: to a quarter to midnight.
    counter.clock.advance(Duration::from_mins(13 * 60 + 45));
    let number = counter.desk.take_number().await.unwrap().number;
    counter.clock.advance(Duration::from_mins(30));
    assert!(counter.desk.given_number(number).await.unwrap().is_some());
    let choices = Choices { queue_number: Some(number), ..Choices::default() };
    let lookup = counter.desk.look_up(VALID).await.unwrap();
    counter.desk.check_in_as(&lookup, choices).await.unwrap();
    assert_eq!(counter.desk.today().await.unwrap().remove(0).visit.content.queue_number, Some(number));
    counter.clock.advance(Duration::from_hours(9));
    assert!(counter.desk.given_number(number).await.unwrap().is_none(), "that was yesterday's");
}
