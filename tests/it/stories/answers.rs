//! People whose answer is plain, and what comes of it.

use bhyt_agent::domain::attendance::Proof;
use bhyt_agent::domain::roster::Column;
use bhyt_agent::domain::visit::NewVisit;
use fantoccini::key::Key;
use provincial::payload;

use super::Teller;
use super::at_work;
use crate::counter;
use crate::counter::Counter;
use crate::support;
use crate::support::TestProvince;
use crate::support::TestStation;
use crate::support::wait_for;

/// What was saved today, newest first.
async fn today(counter: &Counter) -> Vec<NewVisit> {
    counter.desk.today().await.unwrap().into_iter().map(|logged| logged.visit.content).collect()
}

/// The card is scanned, the answer read, the visit saved; the province has it before the person has sat down.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_regular_patient() {
    let province = TestProvince::new(300).await;
    let station = TestStation::enrolled(&province).await;
    let _daemon = station.loaded().await;
    station.staff().await;
    let person = province.person_in_force();
    let teller = Teller::at(station.page).await;
    teller.signs_in("1", "Người trực mẫu", support::PIN).await;
    teller.sees("Đã gửi hết").await;

    teller.scans(&payload::bhyt_card(&person)).await;
    teller.sees("CÒN HẠN").await;
    teller.sees("Thẻ có giá trị hôm nay").await;
    teller.sees(&person.name).await;
    teller.sees("100% mức hưởng").await;
    teller.sees("Đăng ký KCB ban đầu TẠI TRẠM NÀY.").await;
    teller.sees("Họ tên và ngày sinh khớp với dữ liệu.").await;
    teller.sees("Enter để LƯU lượt khám").await;
    assert!(province.province.visits().unwrap().is_empty(), "the reader's second Enter has saved nothing");
    teller.picture("regular-patient").await;

    teller.presses_enter().await;
    teller.sees("ĐÃ LƯU lượt số 1").await;
    let arrived = wait_for("the province has it", async || province.province.visits().unwrap().pop()).await;
    assert_eq!((arrived.sequence, arrived.times_seen, arrived.station.as_str()), (1, 1, support::STATION));
    teller.finds("Đã gửi").await;
    teller.sees("Đã gửi hết").await;
    // The next one may come; nobody does, and the day ends.
    teller.browser.check_ready().await;
    teller.tabs_to("Cuối ngày").await;
    teller.presses(Key::Enter).await;
    teller.finds("Hôm nay: đã gửi 1, chờ gửi 0").await;
    teller.finds("Tắt máy được").await;
    teller.illustrates("end-of-day", "#hom-nay").await;
    teller.leaves().await;
}

/// The card ended last year: the person is told, and is seen without insurance.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_card() {
    let counter = Counter::running().await;
    let teller = at_work(&counter).await;
    // The card was left at home.
    teller.types("le van hte 1970").await;
    teller.sees("Gõ số ở đầu dòng rồi bấm Enter để chọn.").await;
    teller.sees("Lê Văn Hết").await;
    teller.illustrates("by-name", "#mau-quay, #ung-vien").await;
    teller.types("1").await;
    teller.sees("HẾT HẠN").await;
    teller.sees("Thẻ KHÔNG có giá trị hôm nay").await;
    teller.sees("31/12/2025").await;
    teller.sees("Lê Văn Hết").await;
    teller.finds("Nhắc tham gia lại; thẻ mới có thể phải chờ 30 ngày sau khi đóng. Cơ quan BHXH quyết định ngày thẻ mới.").await;
    teller.misses("mức hưởng").await;
    teller.picture("expired-card").await;

    // The list is opened with its key; the entry without insurance stands chosen.
    teller.presses(Key::F9).await;
    teller.finds("Đối tượng đến khám").await;
    teller.finds("9 Không khám theo BHYT").await;
    teller.illustrates("choices", "#lua-chon").await;
    teller.presses_enter().await;
    teller.sees("ĐÃ LƯU lượt số 1").await;
    teller.sees("Không khám theo BHYT (9)").await;
    let visit = today(&counter).await.remove(0);
    assert_eq!((visit.attendance_category.as_str(), &*visit.verdict.standing, visit.verdict.rate), ("9", "expired", None));
    teller.leaves().await;
}

/// The money was paid yesterday; the card in the hand is the old one, and no other will ever come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_renewed_without_a_new_one() {
    let counter = Counter::running().await;
    counter
        .publish(1842, |rows| {
            rows[0].set(Column::ValidUntil, Some("2026-11-20".into()));
        })
        .await;
    let teller = at_work(&counter).await;
    let old_card = counter::payload("TRẦN THỊ VÍ DỤ", "02/09/1985").replace("31/12/2026", "20/11/2026");
    teller.scans(&old_card).await;
    teller.sees("HẾT HẠN").await;
    teller.sees("20/11/2026").await;
    // She waits with the visit; the new list comes meanwhile.
    counter
        .publish(1843, |rows| {
            rows[0].set(Column::ValidUntil, Some("2027-11-20".into()));
        })
        .await;
    teller.scans(&old_card).await;
    teller.sees("CÒN HẠN").await;
    teller.sees("20/11/2027").await;
    teller.sees("danh sách số 1843").await;
    teller.misses("DÙNG THẺ MỚI").await;
    teller.picture("renewed-without-new-card").await;
    teller.presses_enter().await;
    teller.sees("ĐÃ LƯU lượt số 1").await;
    let visit = today(&counter).await.remove(0);
    assert_eq!(&*visit.verdict.standing, "valid");
    assert_eq!(visit.person.card_number.unwrap().as_str(), counter::VALID, "the number is the one in the hand");
    teller.leaves().await;
}

/// A child of a few months with a birth certificate and nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_without_a_card() {
    let counter = Counter::running().await;
    let teller = at_work(&counter).await;
    teller.types("nguyen be moi 2026").await;
    teller.sees("Không thấy ai có tên và năm sinh này trong danh sách của trạm.").await;
    // On the birth certificate is a personal id.
    teller.types("022326000123").await;
    teller.sees("CHƯA TRA ĐƯỢC").await;
    teller.finds("Trẻ em chưa có thẻ: xin xem giấy khai sinh").await;
    teller.misses("Xin xem CCCD").await;
    teller.illustrates("child", "#phan-quyet, .chi-tiet").await;
    teller.finds("Đang hỏi tỉnh…").await;
    teller.misses("kiểm tra lại khi có mạng").await;

    teller.presses(Key::F9).await;
    teller.tabs_to("Giấy tờ đã xem").await;
    // What is typed is a scan wherever the focus is; a list is chosen from with the arrows.
    let chosen = "document.activeElement.selectedOptions[0].innerText.includes('Giấy khai sinh')";
    for _ in 0..12 {
        if teller.browser.ask(&format!("return {chosen}")).await == true {
            break;
        }
        teller.presses(Key::Down).await;
    }
    teller.finds("Giấy khai sinh (trẻ dưới 6 tuổi)").await;
    teller.picture("child-without-card").await;
    teller.presses_enter().await;
    teller.sees("ĐÃ LƯU lượt số 1").await;
    let visit = today(&counter).await.remove(0);
    assert_eq!((visit.proof, &*visit.verdict.standing), (Some(Proof::BirthCertificate), "not_covered"));
    assert_eq!(visit.person.personal_id.unwrap().as_str(), "022326000123");
    teller.leaves().await;
}
