//! Days on which something is wrong with the line, the clock, or whoever signs in; and a day with two desks.

use std::fs;
use std::time::Duration;

use bhyt_agent::domain::operator::Role;
use fantoccini::key::Key;
use provincial::payload;
use serde_json::json;

use super::Teller;
use super::at_work;
use crate::counter;
use crate::counter::Counter;
use crate::counter::READ;
use crate::support;
use crate::support::TestProvince;
use crate::support::TestStation;
use crate::support::ports;
use crate::support::wait_for;

const HEAD: &str = "Người trực mẫu";

/// The line is down in the middle of the day: who is known is answered, who is not is admitted all the same, and everything arrives later, once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_province_is_down() {
    let mut province = TestProvince::new(300).await;
    let station = TestStation::enrolled(&province).await;
    let _daemon = station.loaded().await;
    station.staff().await;
    let teller = Teller::at(station.page).await;
    teller.signs_in("1", HEAD, support::PIN).await;
    province.switch_off().await;
    // Which visits came while nobody could be asked depends on when the station learns of it: before anybody comes.
    station.run(&["sync-now"]).await;
    teller.sees("Không liên lạc được với tỉnh từ").await;

    let known = province.person_in_force();
    teller.scans(&payload::bhyt_card(&known)).await;
    teller.sees("CÒN HẠN").await;
    teller.presses_enter().await;
    teller.sees("ĐÃ LƯU lượt số 1").await;
    teller.sees("Chưa gửi 1 lượt").await;
    teller.finds("mạng tới tỉnh không thông. Cứ tiếp nhận, ghi số thẻ, kiểm tra lại khi có mạng").await;
    teller.finds("khoản 2 Điều 38 Nghị định 188/2025").await;

    // Somebody from elsewhere, of whom nothing can be known today.
    teller.types("GD4010100009999").await;
    teller.sees("CHƯA TRA ĐƯỢC").await;
    teller.sees("Chưa hỏi được tỉnh: cứ tiếp nhận, ghi số thẻ; kiểm tra lại khi có mạng (khoản 2 Điều 38 Nghị định 188/2025).").await;
    teller.picture("province-down").await;
    teller.illustrates("link-down", "#thanh, #mau-quay, #phan-quyet, #hoi-tinh").await;
    teller.presses_enter().await;
    teller.sees("ĐÃ LƯU lượt số 2").await;
    // The paper that the law wants, on which the failures stand with their times.
    teller.tabs_to("Lượt cần kiểm tra lại").await;
    teller.presses(Key::Enter).await;
    teller.sees("2 lượt tiếp đón lúc chưa hỏi được tỉnh hoặc dữ liệu đã cũ còn chờ dữ liệu mới.").await;
    teller.tabs_to("In giấy xác nhận").await;
    teller.presses(Key::Enter).await;
    teller.sees("GIẤY XÁC NHẬN TIẾP ĐÓN KHI KHÔNG TRA CỨU ĐƯỢC").await;
    teller.finds("mạng không thông").await;
    teller.illustrates("paper", "#to-giay").await;
    assert!(province.province.visits().unwrap().is_empty());

    province.switch_on().await;
    station.run(&["sync-now"]).await;
    wait_for("both have arrived", async || (province.stored().len() == 2).then_some(())).await;
    assert!(province.stored().values().all(|times| *times == 1));
    teller.sees("Đã gửi hết").await;
    let gone = async || (teller.look("mạng tới tỉnh không thông", true).await == "absent").then_some(());
    wait_for("the bar is calm", gone).await;
    // What the browser could not load while nothing was wrong with it: nothing.
    teller.leaves().await;
}

/// The battery of the clock is empty: the machine believes it is 2015. Nobody is turned away for that, and the day of a card is not judged by it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clock_is_wrong() {
    let counter = Counter::open().await;
    counter.clock.set_wall("2015-01-01T03:00:00Z");
    let teller = at_work(&counter).await;
    teller.finds("ĐỒNG HỒ MÁY").await;
    teller.scans(&counter::payload("TRẦN THỊ VÍ DỤ", "02/09/1985")).await;
    teller.sees("CÒN HẠN").await;
    teller.sees("không rõ cách nay bao lâu vì đồng hồ máy chưa tin được").await;
    teller.picture("clock-wrong").await;
    teller.illustrates("messages", "#thanh").await;
    counter.clock.advance(READ);
    teller.presses_enter().await;
    teller.sees("ĐÃ LƯU lượt số 1").await;
    let visit = counter.desk.today().await.unwrap().remove(0).visit.content;
    assert_eq!(&*visit.verdict.standing, "valid", "not judged by a day in 2015, on which the card had not begun");
    assert!(visit.clock.state.is_suspect(), "{:?}", visit.clock);

    // Somebody sets it; nothing of the warning stays.
    counter.clock.set_wall("2026-11-21T03:10:00Z");
    let gone = async || (teller.look("ĐỒNG HỒ MÁY", true).await == "absent").then_some(());
    wait_for("the bar is calm", gone).await;
    teller.leaves().await;
}

/// A second desk is let in; both have the same person before them. The second is told, saves all the same, and takes its own visit back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_desks_at_once() {
    let province = TestProvince::new(300).await;
    let station = TestStation::enrolled(&province).await;
    let lan = ports::address();
    let config = fs::read_to_string(&station.config).unwrap();
    fs::write(&station.config, format!("{config}[lan]\nlisten = \"{lan}\"\n")).unwrap();
    let _daemon = station.loaded().await;
    station.staff().await;

    let first = Teller::at(station.page).await;
    first.signs_in("1", HEAD, support::PIN).await;
    first.tabs_to("Các bàn").await;
    first.presses(Key::Enter).await;
    first.sees("Chưa có bàn nào.").await;
    first.tabs_to("Thêm bàn").await;
    first.presses(Key::Enter).await;
    first.sees("Gõ mã này ở bàn mới:").await;
    let code = first.browser.see(".ma-ghep").await.text().await.unwrap();
    // Whether a browser trusts the authority is another test's business.
    let second = Teller::open(&format!("https://{lan}/"), &["--ignore-certificate-errors"]).await;
    second.sees("Bàn này chưa được ghép").await;
    second.browser.until("document.activeElement.matches('input')").await;
    second.keys(&code).await;
    second.tabs_to("Tên bàn này").await;
    second.types("Bàn 2").await;
    second.signs_in("1", HEAD, support::PIN).await;
    first.tabs_to("Về trang tiếp đón").await;
    first.presses(Key::Enter).await;
    first.sees("Quét mã, gõ số hoặc tên").await;

    let card = payload::bhyt_card(&province.person_in_force());
    first.scans(&card).await;
    first.sees("CÒN HẠN").await;
    second.scans(&card).await;
    second.sees("CÒN HẠN").await;
    second.misses("Người này đã có").await;
    first.presses_enter().await;
    first.sees("ĐÃ LƯU lượt số 1").await;
    // The second desk has looked before that, and is told without doing anything.
    second.sees("Người này đã có lượt số 1").await;
    second.finds("Hôm nay: 1 lượt").await;
    second.picture("two-desks-at-once").await;
    second.presses_enter().await;
    second.sees("ĐÃ LƯU lượt số 2").await;
    first.finds("Hôm nay: 2 lượt").await;

    second.tabs_to("Xem lượt số").await;
    second.types("2").await;
    second.finds("Hủy lượt này").await;
    second.illustrates("correct", "#mot-luot > h2, #huy-luot").await;
    second.tabs_to("Chọn nhầm người").await;
    second.presses(Key::Down).await;
    second.tabs_to("Hủy lượt này").await;
    second.presses(Key::Enter).await;
    second.sees("ĐÃ HỦY lượt").await;
    first.finds("ĐÃ HỦY: Lưu trùng").await;

    let at_the_province = || {
        let mut visits: Vec<_> = province.province.visits().unwrap().iter().map(|visit| (visit.sequence, visit.revision)).collect();
        visits.sort_unstable();
        visits
    };
    let wanted = [(1, 1), (2, 1), (3, 2)];
    wait_for("all of it is there", async || (at_the_province() == wanted).then_some(())).await;
    first.leaves().await;
    second.leaves().await;
}

/// How many wrong PINs are in the access log.
async fn failed(counter: &Counter) -> usize {
    counter.desk.access_log(100).await.unwrap().iter().filter(|line| line.act == "sign_in_failed").count()
}

/// Five slips at the PIN: the wait is said, the right PIN does not shorten it, nor does a colleague's at the same desk; after it both work again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_is_locked_out() {
    let counter = Counter::limited().await;
    let second = counter.colleague("Lê Thị Hai", Role::Reception, "135246").await.to_string();
    let teller = Teller::at(counter.address).await;
    teller.sees("Ai đang trực?").await;
    teller.sees("Lê Thị Hai").await;
    teller.illustrates("sign-in", "#vao-truc").await;
    teller.types(&second).await;
    for _ in 0..5 {
        teller.sees("Mã PIN của Lê Thị Hai").await;
        let before = failed(&counter).await;
        teller.types("135264").await;
        wait_for("the try was taken", async || (failed(&counter).await > before).then_some(())).await;
        teller.sees("CHƯA VÀO: mã PIN không đúng.").await;
    }
    teller.types("135246").await;
    teller
        .sees("CHƯA VÀO: mã PIN chưa đúng nhiều lần, lần cuối lúc 10:00. Thử lại sau 30 giây; nếu quên mã, nhờ trưởng trạm đặt mã mới.")
        .await;
    teller.misses("Quét mã, gõ số").await;
    teller.picture("operator-locked-out").await;
    teller.illustrates("locked-out", "#vao-truc").await;

    // People wait: a colleague takes the desk.
    teller.tabs_to("Chọn người khác").await;
    teller.presses(Key::Enter).await;
    teller.sees(counter::OPERATOR).await;
    teller.types("1").await;
    teller.sees(&format!("Mã PIN của {}", counter::OPERATOR)).await;
    teller.types(counter::PIN).await;
    teller.sees("Thử lại sau 30 giây;").await;
    counter.clock.advance(Duration::from_secs(30));
    teller.types(counter::PIN).await;
    teller.scans(&counter::payload("TRẦN THỊ VÍ DỤ", "02/09/1985")).await;
    teller.sees("CÒN HẠN").await;
    counter.clock.advance(READ);
    teller.presses_enter().await;
    teller.sees("ĐÃ LƯU lượt số 1").await;
    teller.presses(Key::F3).await;
    teller.signs_in(&second, "Lê Thị Hai", "135246").await;
    teller.finds("Trần Thị Ví Dụ").await;
    let visit = counter.desk.today().await.unwrap().remove(0).visit.content;
    assert_eq!(visit.operator.as_str(), counter::OPERATOR, "what was done is the colleague's");
    assert_eq!(failed(&counter).await, 5);
    assert_eq!(teller.browser.ask("return document.cookie").await, json!(""));
    teller.leaves().await;
}
