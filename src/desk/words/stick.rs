//! What was carried on a stick, and why not.
//!
//! Promise: each sentence says what is wrong with the stick, that nothing here was changed by it, and what to do next. Never: a path.

use crate::desk::errands::TakenIn;
use crate::desk::errands::TakenOut;
use crate::storage::visits::Skipped;
use crate::storage::visits::TakenReceipts;
use crate::sync::status::PullRefusal;
use crate::sync::status::StickError;

/// Why a stick was not taken or not written.
pub fn refused(error: &StickError) -> &'static str {
    match error {
        StickError::Empty => "USB này chưa có gì của tỉnh gửi cho trạm. Chưa lấy gì. Mang USB lên tỉnh chép dữ liệu rồi thử lại.",
        StickError::OtherStation => {
            "Dữ liệu trên USB là của trạm khác, hoặc làm từ trước khi trạm này đăng ký lại. Chưa lấy gì. Kiểm tra lại USB, hoặc xin tỉnh chép lại."
        }
        StickError::OtherSigner => {
            "Dữ liệu trên USB không do tỉnh này ký, hoặc ký bằng khóa tỉnh đã bỏ. Chưa lấy gì. Xin tỉnh chép lại; báo quản trị."
        }
        StickError::HalfCopied => "USB chép dở: thiếu tệp hoặc tệp bị cụt. Chưa lấy gì. Xin tỉnh chép lại và rút USB đúng cách.",
        StickError::Altered => "Tệp trên USB bị hỏng hoặc đã bị sửa. Chưa lấy gì. Xin tỉnh chép lại bằng USB khác.",
        StickError::UnknownFormat => "Dữ liệu trên USB của phiên bản mới hơn phần mềm này. Chưa lấy gì. Báo quản trị cài bản mới.",
        StickError::Full => "USB đã đầy. Lượt khám vẫn còn nguyên trên máy. Xóa bớt tệp trên USB hoặc dùng USB khác rồi chép lại.",
        StickError::Unreadable(_) => "Không đọc được USB. Chưa lấy gì. Rút ra cắm lại; nếu vẫn lỗi, dùng USB khác hoặc báo quản trị.",
        StickError::Unwritable(_) => {
            "Không ghi được vào USB (bị khóa ghi, đã rút ra, hoặc dịch vụ không có quyền). Lượt khám vẫn còn nguyên trên máy. Kiểm tra USB rồi chép lại."
        }
        StickError::NoRecipient => {
            "Tỉnh không nhận lượt khám qua USB, hoặc trạm đăng ký từ trước khi có cách này. Lượt khám vẫn còn nguyên trên máy. Báo quản trị."
        }
        StickError::Keys(_) => "Khóa của trạm chưa có hoặc không dùng được. Chưa chép gì. Báo quản trị: trạm phải đăng ký với tỉnh trước.",
    }
}

/// Why the index on a stick is not believed.
pub fn index(refusal: PullRefusal) -> &'static str {
    match refusal {
        PullRefusal::Older => "Dữ liệu trên USB CŨ HƠN bản đang có. Chưa lấy gì. Dùng USB mới chép; bỏ USB này.",
        PullRefusal::Ahead => {
            "Dữ liệu trên USB được ký với ngày còn rất xa. Chưa lấy gì. Xem ngày giờ của máy này; nếu đúng, báo tỉnh sửa giờ máy chủ và chép lại."
        }
        PullRefusal::Expired => "Dữ liệu trên USB đã quá hạn. Chưa lấy gì. Xin tỉnh chép lại; kiểm tra ngày giờ của máy.",
        PullRefusal::Rewritten => "Dữ liệu trên USB mâu thuẫn với bản đã nhận từ tỉnh. Chưa lấy gì. Báo quản trị.",
    }
}

/// The roster of a stick waits for a person.
pub fn held(gone: u64, of: u64, told: TakenReceipts) -> String {
    let why = aside(told);
    format!(
        "Đã nhận {} biên nhận. {why}Bản danh sách trên USB bỏ hoặc khóa thẻ của {gone} trong {of} người nên CHƯA dùng, vẫn giữ bản cũ. \
         Báo quản trị xem lại; nếu đúng, chạy bhyt-agent accept-roster rồi lấy dữ liệu từ USB lần nữa.",
        told.receipts
    )
}

/// What is to be known of receipts beside their number, with a blank after it; or nothing.
fn aside(told: TakenReceipts) -> String {
    let skipped = match told.skipped {
        None | Some(Skipped::Again) => "",
        Some(Skipped::Older) => "Biên nhận trên USB CŨ HƠN biên nhận hay tin đã có của tỉnh nên không dùng; xin tỉnh chép lại USB. ",
        Some(Skipped::LeftLedger) => "Biên nhận trên USB là từ trước khi tỉnh khôi phục dữ liệu nên không dùng; xin tỉnh chép lại USB. ",
    };
    match told.requeued {
        0 => skipped.to_owned(),
        visits => format!("{skipped}Tỉnh đã khôi phục dữ liệu từ bản sao lưu: {visits} lượt phải gửi lại, máy tự gửi hoặc chép ra USB. "),
    }
}

/// Visits are on the stick.
pub fn taken_out(taken: TakenOut) -> String {
    match taken.visits {
        0 => "Không có lượt khám nào chờ gửi, không cần chép.".to_owned(),
        visits => {
            format!("Đã chép {visits} lượt khám ra USB ({} tệp). Lượt vẫn tính là chưa gửi cho đến khi có biên nhận của tỉnh.", taken.files)
        }
    }
}

/// Roster and receipts are here.
pub fn taken_in(taken: TakenIn) -> String {
    let TakenIn { serial, changed, told, pending } = taken;
    let roster =
        if changed { format!("Đã nhận bản danh sách số {serial}") } else { format!("Danh sách vẫn là bản số {serial}") };
    let left =
        if pending == 0 { "Không còn lượt nào chờ gửi.".to_owned() } else { format!("Còn {pending} lượt chờ gửi.") };
    format!("{roster}, {} biên nhận. {}{left}", told.receipts, aside(told))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::io;

    use super::*;

    #[test]
    fn every_sentence_says_what_became_of_the_data_and_what_to_do() {
        let failed = || io::Error::from(io::ErrorKind::NotConnected);
        let sticks = [
            StickError::Empty,
            StickError::OtherStation,
            StickError::OtherSigner,
            StickError::HalfCopied,
            StickError::Altered,
            StickError::UnknownFormat,
            StickError::Full,
            StickError::Unreadable(failed()),
            StickError::Unwritable(failed()),
            StickError::NoRecipient,
            StickError::Keys("a key"),
        ];
        let refusals = [PullRefusal::Older, PullRefusal::Ahead, PullRefusal::Expired, PullRefusal::Rewritten];
        let said: Vec<_> = sticks.iter().map(refused).chain(refusals.into_iter().map(index)).collect();
        for sentence in &said {
            assert!(sentence.contains("Chưa ") || sentence.contains("vẫn còn nguyên"), "{sentence}");
            assert!(sentence.matches('.').count() >= 3 && sentence.ends_with('.'), "{sentence}");
        }
        assert_eq!(said.iter().collect::<BTreeSet<_>>().len(), said.len());
    }

    #[test]
    fn what_was_carried_is_counted() {
        assert!(taken_out(TakenOut { visits: 12, files: 1 }).starts_with("Đã chép 12 lượt khám ra USB (1 tệp)."));
        assert!(taken_out(TakenOut::default()).starts_with("Không có"));
        let told = TakenReceipts { receipts: 12, ..TakenReceipts::default() };
        let taken = TakenIn { serial: 7, changed: true, told, pending: 0 };
        assert_eq!(taken_in(taken), "Đã nhận bản danh sách số 7, 12 biên nhận. Không còn lượt nào chờ gửi.");
        assert!(taken_in(TakenIn { changed: false, pending: 2, ..taken }).ends_with("bản số 7, 12 biên nhận. Còn 2 lượt chờ gửi."));
    }
}
