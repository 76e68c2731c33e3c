//! Correcting a visit on its page, in two steps, as a browser without script does it.

use bhyt_agent::domain::attendance::Proof;
use bhyt_agent::domain::visit::NewVisit;
use bhyt_agent::domain::visit::VisitId;

use crate::counter::Counter;
use crate::counter::EXPIRED;
use crate::counter::READ;
use crate::counter::UNKNOWN;
use crate::counter::VALID;
use crate::tab::Answer;
use crate::tab::Tab;
use crate::tab::between;

async fn came(counter: &Counter, text: &str) -> VisitId {
    let lookup = counter.desk.look_up(text).await.unwrap();
    counter.desk.check_in(&lookup).await.unwrap().id
}

async fn revisions(counter: &Counter, id: VisitId) -> Vec<NewVisit> {
    counter.desk.visit(id).await.unwrap().into_iter().map(|logged| logged.visit.content).collect()
}

/// The form of a correction as it stands on the page, with what is changed in it.
async fn correct(tab: &mut Tab, changes: &[(&str, &str)]) -> Answer {
    let page = tab.page.clone().unwrap();
    let form = between(&page.body, "<form id=\"sua-luot\"", "</form>").unwrap_or_else(|| panic!("{}", page.body));
    let mut fields = Vec::new();
    for name in ["ma_luot", "ban", "nguoi"] {
        fields.extend(between(form, &format!("name=\"{name}\" value=\""), "\"").map(|value| (name, value)));
    }
    fields.extend(between(form, "name=\"ma\" type=\"text\" value=\"", "\"").map(|value| ("ma", value)));
    for name in ["doi_tuong", "hinh_thuc", "giay_to"] {
        let list = between(form, &format!("<select name=\"{name}\">"), "</select>").unwrap();
        let chosen = list.split_once("\" selected>").unwrap().0.rsplit_once('"').unwrap().1;
        fields.push((name, chosen));
    }
    fields.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    fields.extend(changes);
    tab.act("/luot/sua", &fields).await
}

async fn open(tab: &mut Tab, id: VisitId) {
    tab.get("/").await;
    tab.act("/luot/xem", &[("ma_luot", &id.0.to_string())]).await;
}

#[tokio::test]
async fn whose_a_visit_becomes_is_shown_with_what_follows_and_saved_by_the_second_step() {
    let counter = Counter::open().await;
    let (id, _) = (came(&counter, VALID).await, came(&counter, EXPIRED).await);
    let mut tab = Tab::open(&counter).await;
    open(&mut tab, id).await;
    let shown = correct(&mut tab, &[("ma", EXPIRED), ("ghi_chu", "quét nhầm thẻ")]).await;
    let person = between(&shown.body, "id=\"nguoi-moi\"", "</div>").unwrap_or_else(|| panic!("{}", shown.body));
    for said in ["Hết hạn", "(9)", "người này đã có lượt số 2 lúc 10:00 cùng ngày", EXPIRED] {
        assert!(person.contains(said), "{said}: {person}");
    }
    assert!(!person.contains("data-unknown") && shown.has(&format!("value=\"{EXPIRED}\"")) && shown.has("value=\"quét nhầm thẻ\""));
    assert_eq!(revisions(&counter, id).await.len(), 1, "nothing is saved yet");
    // The second Enter of a reader comes at once: nobody has read whose it would be.
    assert!(correct(&mut tab, &[("ghi_chu", "quét nhầm thẻ")]).await.has("id=\"nguoi-moi\""));
    assert_eq!(revisions(&counter, id).await.len(), 1);
    counter.clock.advance(READ);
    // Another number is another person, to be seen again.
    assert!(correct(&mut tab, &[("ma", UNKNOWN)]).await.has("data-unknown"));
    counter.clock.advance(READ);
    assert!(correct(&mut tab, &[("ma", EXPIRED)]).await.has("Hết hạn"));
    counter.clock.advance(READ);
    let saved = correct(&mut tab, &[("ghi_chu", "quét nhầm thẻ")]).await;
    let said = between(&saved.body, "data-saved=\"corrected\">", "</p>").unwrap_or_else(|| panic!("{}", saved.body));
    assert!(said.contains("Không khám theo BHYT (9)") && said.contains("LƯU Ý: người này đã có lượt số 2"), "{said}");
    let [_, corrected] = &revisions(&counter, id).await[..] else { panic!("two revisions") };
    assert_eq!((corrected.attendance_category.as_str(), corrected.note.as_deref()), ("9", Some("quét nhầm thẻ")));
}

#[tokio::test]
async fn a_number_that_nobody_is_known_by_is_said_to_be_before_it_can_be_confirmed() {
    let counter = Counter::open().await;
    let id = came(&counter, VALID).await;
    let mut tab = Tab::open(&counter).await;
    open(&mut tab, id).await;
    let shown = correct(&mut tab, &[("ma", UNKNOWN)]).await;
    assert!(shown.has("data-unknown") && shown.has("Chưa tìm thấy ai mang số này; xem lại số."), "{}", shown.body);
    // Taken back: the visit is as it was.
    tab.act("/luot/xem", &[("ma_luot", &id.0.to_string())]).await;
    assert!(!tab.page.as_ref().unwrap().has("id=\"nguoi-moi\"") && revisions(&counter, id).await.len() == 1);
    correct(&mut tab, &[("ma", UNKNOWN)]).await;
    counter.clock.advance(READ);
    assert!(correct(&mut tab, &[]).await.has("data-saved=\"corrected\""));
    assert_eq!(revisions(&counter, id).await[1].person.card_number.as_ref().unwrap().as_str(), UNKNOWN);
}

#[tokio::test]
async fn what_is_refused_leaves_the_form_open_with_what_was_typed_and_the_reason() {
    let counter = Counter::open().await;
    let id = came(&counter, VALID).await;
    let mut tab = Tab::open(&counter).await;
    open(&mut tab, id).await;
    let long = "đ".repeat(501);
    for (changes, label, kept) in [
        (vec![("ma", "tran thi vi du 1985"), ("ghi_chu", "chọn nhầm")], "visit:name_given", vec!["tran thi vi du 1985", "chọn nhầm"]),
        (vec![("ma", "9944"), ("so_thu_tu", "7")], "payload:length", vec!["9944", "7"]),
        (vec![("so_thu_tu", "7"), ("ghi_chu", "gọi số bảy")], "visit:queue_number_not_given", vec!["7", "gọi số bảy"]),
        (vec![("ghi_chu", &*long)], "choice:note", vec![&*long]),
        (vec![], "visit:nothing", vec![]),
    ] {
        let answer = correct(&mut tab, &changes).await;
        assert_eq!(answer.label(), label);
        assert!(answer.status >= 400 && answer.has("id=\"sua-luot\""), "{label}: {}", answer.body);
        for text in kept {
            assert!(answer.has(&format!("value=\"{text}\"")), "{label}: {text}");
        }
        open(&mut tab, id).await;
    }
    let refused = tab.act("/luot/huy", &[("ma_luot", &id.0.to_string()), ("ban", "1"), ("ly_do_khac", &long)]).await;
    assert_eq!((refused.label(), refused.status), ("visit:note", 422));
    assert!(
        refused.has("id=\"huy-luot\"") && refused.has(&format!("name=\"ly_do_khac\" type=\"text\" maxlength=\"500\" value=\"{long}\""))
    );
    let refused = tab.act("/luot/huy", &[("ma_luot", &id.0.to_string()), ("ban", "1")]).await;
    assert!(refused.label() == "visit:note" && refused.has("id=\"huy-luot\""), "{}", refused.body);
    assert_eq!(revisions(&counter, id).await.len(), 1);
    // A person who was seen and is not kept any more is not passed over in silence.
    open(&mut tab, id).await;
    let gone = correct(&mut tab, &[("nguoi", &"0".repeat(32)), ("ghi_chu", "x")]).await;
    assert!(gone.label() == "visit:person_expired" && revisions(&counter, id).await.len() == 1, "{}", gone.body);
}

#[tokio::test]
async fn the_proof_of_a_corrected_person_is_of_the_scan_or_of_the_choice_and_of_a_typed_number_none() {
    let scanned = "022085000001||Trần Thị Ví Dụ|02091985|Nữ|Thôn Thử|15032022||||";
    for (first, second, chosen, proof) in [
        (scanned, EXPIRED, None, None),
        (scanned, EXPIRED, Some("vssid"), Some(Proof::Vssid)),
        (EXPIRED, scanned, None, Some(Proof::CitizenId)),
    ] {
        let counter = Counter::open().await;
        let id = came(&counter, first).await;
        let mut tab = Tab::open(&counter).await;
        open(&mut tab, id).await;
        let fields: Vec<_> = [("ma", second)].into_iter().chain(chosen.map(|proof| ("giay_to", proof))).collect();
        let shown = correct(&mut tab, &fields).await;
        assert!(shown.has("id=\"nguoi-moi\"") && !shown.has("15032022"), "{}", shown.body);
        counter.clock.advance(READ);
        assert!(correct(&mut tab, &[]).await.has("data-saved=\"corrected\""));
        assert_eq!(revisions(&counter, id).await[1].proof, proof, "{second}");
        let slip = tab.act("/luot/phieu", &[("ma_luot", &id.0.to_string())]).await;
        assert_eq!(slip.has("<dt>Giấy tờ đã xem</dt>"), proof.is_some(), "{}", slip.body);
    }
}
