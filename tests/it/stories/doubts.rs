//! People of whom the page cannot be sure at first.

use super::at_work;
use crate::counter;
use crate::counter::Counter;

/// A misprinted card, and the identity card that settles it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_differs() {
    let counter = Counter::running().await;
    let teller = at_work(&counter).await;
    teller.scans(&counter::payload("TRẦN THỊ VÍ DỰ", "02/09/1985")).await;
    teller.sees("HỌ TÊN KHÁC với dữ liệu.").await;
    teller.sees("TRẦN THỊ VÍ DỰ").await;
    teller.sees("Trần Thị Ví Dụ").await;
    teller.sees("Thẻ có giá trị, CHƯA CHẮC của người này").await;
    teller.finds("So với giấy tờ có ảnh").await;
    teller.sees("Đăng ký KCB ban đầu TẠI TRẠM NÀY.").await;
    teller.picture("name-differs").await;
    teller.illustrates("differs", "#khac-nguoi, #phan-quyet").await;

    // The next scan is the next answer; nothing was saved of the first.
    teller.scans("022085000001||Trần Thị Ví Dụ|02091985|Nữ|Thôn Thử, Xã Mẫu|15032022").await;
    teller.sees("Họ tên và ngày sinh khớp với dữ liệu.").await;
    teller.sees("CÒN HẠN").await;
    teller.misses("CHƯA CHẮC").await;
    teller.illustrates("scan", "#mau-quay, #ket-qua").await;
    teller.illustrates("keys", "#mau-quay").await;
    teller.presses_enter().await;
    teller.sees("ĐÃ LƯU lượt số 1").await;
    teller.illustrates("save", "#mau-quay, #da-luu, #mau-in").await;
    teller.illustrates("whom-to-call", "footer").await;
    let today = counter.desk.today().await.unwrap();
    assert_eq!(today.len(), 1);
    let visit = &today[0].visit.content;
    assert_eq!((&*visit.verdict.identity_match, visit.source.code()), ("match", "citizen_id"));
    teller.leaves().await;
}

/// Registered far away and not on this station's list: the province is asked, and the answer comes while she reads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_station_s_person() {
    let counter = Counter::running().await;
    let teller = at_work(&counter).await;
    let elsewhere = counter::payload("NGÔ THỊ KHÁCH", "02/09/1985");
    teller.scans(&elsewhere.replace(counter::VALID, counter::UNKNOWN).replace("22 - 001", "01 - 001")).await;
    teller.sees("CHƯA TRA ĐƯỢC").await;
    teller.sees("Thẻ đăng ký ở cơ sở khác nên không nằm trong danh sách của trạm.").await;
    teller.sees("Đang hỏi tỉnh…").await;
    teller.misses("HẾT HẠN").await;

    counter.province_answers().await;
    teller.sees("Tỉnh vừa trả lời. Xem lại kết quả.").await;
    teller.sees("CÒN HẠN").await;
    teller.sees("Đăng ký KCB ban đầu NƠI KHÁC: cơ sở 01001.").await;
    teller.sees("100% mức hưởng").await;
    teller.finds("Tỉnh đã trả lời riêng về người này lúc").await;
    teller.picture("other-stations-person").await;
    teller.presses_enter().await;
    teller.sees("ĐÃ LƯU lượt số 1").await;
    let visit = counter.desk.today().await.unwrap().remove(0).visit.content;
    assert_eq!((&*visit.verdict.standing, &*visit.verdict.knowledge), ("valid", "verified"));
    teller.leaves().await;
}
