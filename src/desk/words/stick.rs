//! What was carried on a stick, and why not.
//!
//! Promise: each sentence says in both languages what is wrong with the stick, that nothing here was changed by it, and what to do next. Never: the stick's path.

use std::io;

use crate::desk::errands::TakenIn;
use crate::desk::errands::TakenOut;
use crate::storage::visits::Skipped;
use crate::storage::visits::TakenReceipts;
use crate::sync::status::PullRefusal;
use crate::sync::status::StickError;

use super::sentence::Sentence;

/// A desktop has mounted the stick for whoever has signed in, and for nobody else.
pub fn not_for_the_service() -> Sentence {
    Sentence::new(
        "USB được gắn cho riêng người đăng nhập màn hình; tài khoản bhyt-agent không vào được",
        "the stick is mounted for whoever has signed in at the screen alone; the account bhyt-agent cannot reach it",
    )
}

/// What lets the service in.
pub fn let_in() -> Sentence {
    Sentence::new(
        "sudo cp /usr/share/doc/bhyt-agent/examples/90-bhyt-stick.rules /etc/udev/rules.d/ && sudo udevadm control --reload; đặt nhãn USB là BHYT, rút ra cắm lại",
        "sudo cp /usr/share/doc/bhyt-agent/examples/90-bhyt-stick.rules /etc/udev/rules.d/ && sudo udevadm control --reload; label the stick BHYT, plug it in again",
    )
}

/// Why a stick was not taken or not written.
pub fn refused(error: &StickError) -> Sentence {
    match error {
        StickError::Empty => Sentence::new(
            "USB này chưa có gì của tỉnh gửi cho trạm. Chưa lấy gì. Mang USB lên tỉnh chép dữ liệu rồi thử lại.",
            "There is nothing from the province for this station on the stick. Nothing was taken. Have the province write it, then try again.",
        ),
        StickError::OtherStation => Sentence::new(
            "Dữ liệu trên USB là của trạm khác, hoặc làm từ trước khi trạm này đăng ký lại. Chưa lấy gì. Kiểm tra lại USB, hoặc xin tỉnh chép lại.",
            "The stick is for another station, or from before this one enrolled again. Nothing was taken. Check the stick, or have the province write it again.",
        ),
        StickError::OtherSigner => Sentence::new(
            "Dữ liệu trên USB không do tỉnh này ký, hoặc ký bằng khóa tỉnh đã bỏ. Chưa lấy gì. Xin tỉnh chép lại; báo quản trị.",
            "The stick is not signed by this province, or by a key that it has left. Nothing was taken. Have the province write it again; tell the administrator.",
        ),
        StickError::HalfCopied => Sentence::new(
            "USB chép dở: thiếu tệp hoặc tệp bị đứt. Chưa lấy gì. Xin tỉnh chép lại và rút USB đúng cách.",
            "The stick was not written to its end: a file is missing or cut off. Nothing was taken. Have the province write it again, and eject it properly.",
        ),
        StickError::Altered => Sentence::new(
            "Tệp trên USB bị hỏng hoặc đã bị sửa. Chưa lấy gì. Xin tỉnh chép lại bằng USB khác.",
            "A file on the stick is damaged or was altered. Nothing was taken. Have the province write another stick.",
        ),
        StickError::UnknownFormat => Sentence::new(
            "Dữ liệu trên USB là của bản mới hơn phần mềm này. Chưa lấy gì. Báo quản trị cài bản mới.",
            "The stick is from a newer version than this program. Nothing was taken. Have the administrator install the new version.",
        ),
        StickError::Full => Sentence::new(
            "USB đã đầy. Lượt khám vẫn còn nguyên trên máy. Xóa bớt tệp trên USB hoặc dùng USB khác rồi chép lại.",
            "The stick is full. The visits are all still on this computer. Delete files on the stick or take another one, then write again.",
        ),
        StickError::Unreadable(why) if why.kind() == io::ErrorKind::PermissionDenied => {
            let (what, next) = (not_for_the_service(), let_in());
            Sentence::new(
                format!("Không đọc được USB: {}. Chưa lấy gì. Báo quản trị: {}", what.vi, next.vi),
                format!("The stick cannot be read: {}. Nothing was taken. Tell the administrator: {}", what.en, next.en),
            )
        }
        StickError::Unreadable(_) => Sentence::new(
            "Không đọc được USB. Chưa lấy gì. Rút ra cắm lại; nếu vẫn lỗi, dùng USB khác hoặc báo quản trị.",
            "The stick cannot be read. Nothing was taken. Plug it in again; if that does not help, take another one or tell the administrator.",
        ),
        StickError::Unwritable(_) => Sentence::new(
            "Không ghi được vào USB (bị khóa ghi, đã rút ra, hoặc dịch vụ không có quyền). Lượt khám vẫn còn nguyên trên máy. Kiểm tra USB rồi chép lại.",
            "The stick cannot be written (write-protected, taken out, or not permitted to the service). The visits are all still on this computer. Check the stick, then write again.",
        ),
        StickError::NoRecipient => Sentence::new(
            "Tỉnh không nhận lượt khám qua USB, hoặc trạm đăng ký từ trước khi có cách này. Lượt khám vẫn còn nguyên trên máy. Báo quản trị.",
            "The province takes no visits by stick, or the station enrolled before it did. The visits are all still on this computer. Tell the administrator.",
        ),
        StickError::Keys(_) => Sentence::new(
            "Khóa của trạm chưa có hoặc không dùng được. Chưa chép gì. Báo quản trị: trạm phải đăng ký với tỉnh trước.",
            "The station's keys are missing or cannot be used. Nothing was written or taken. Tell the administrator: the station has to enrol with the province first.",
        ),
    }
}

/// Why the index on a stick is not believed.
pub fn index(refusal: PullRefusal) -> Sentence {
    match refusal {
        PullRefusal::Older => Sentence::new(
            "Dữ liệu trên USB CŨ HƠN bản đang có. Chưa lấy gì. Dùng USB mới chép; bỏ USB này.",
            "The stick is OLDER than what is held. Nothing was taken. Use one that was written lately; leave this one.",
        ),
        PullRefusal::Ahead => Sentence::new(
            "Dữ liệu trên USB được ký với ngày còn rất xa. Chưa lấy gì. Xem ngày giờ của máy này; nếu đúng, báo tỉnh sửa giờ và chép lại.",
            "The stick was signed on a day that is far off. Nothing was taken. Check this computer's date; if right, have the province mend its clock and write it again.",
        ),
        PullRefusal::Expired => Sentence::new(
            "Dữ liệu trên USB đã quá hạn. Chưa lấy gì. Xin tỉnh chép lại; kiểm tra ngày giờ của máy.",
            "The stick has passed its date. Nothing was taken. Have the province write it again; check this computer's date.",
        ),
        PullRefusal::Rewritten => Sentence::new(
            "Dữ liệu trên USB mâu thuẫn với bản đã nhận từ tỉnh. Chưa lấy gì. Báo quản trị.",
            "The stick contradicts what came from the province before. Nothing was taken. Tell the administrator.",
        ),
    }
}

/// The roster of a stick waits for a person.
pub fn held(gone: u64, of: u64, told: TakenReceipts) -> Sentence {
    let (receipts, aside) = (told.receipts, aside(told));
    Sentence::new(
        format!(
            "Đã nhận {receipts} biên nhận. {}Bản danh sách trên USB bỏ hoặc khóa thẻ của {gone} trong {of} người nên CHƯA dùng, vẫn giữ bản cũ. \
             Báo quản trị xem lại; nếu đúng, chạy bhyt-agent accept-roster rồi lấy dữ liệu từ USB lần nữa.",
            aside.vi
        ),
        format!(
            "Receipts taken: {receipts}. {}The list on the stick takes away or stops {gone} of {of} people and is NOT used; the old one stays. \
             Have the administrator look at it; if it is right, run bhyt-agent accept-roster and take the stick in once more.",
            aside.en
        ),
    )
}

/// What is to be known of receipts beside their number, with a blank after it; or nothing.
fn aside(told: TakenReceipts) -> Sentence {
    let (vi, en) = match told.skipped {
        None | Some(Skipped::Again) => ("", ""),
        Some(Skipped::Older) => (
            "Biên nhận trên USB CŨ HƠN những gì tỉnh đã báo nên không dùng; xin tỉnh chép lại USB. ",
            "The receipts on the stick are OLDER than what the province has told since and are not used; have the province write it again. ",
        ),
        Some(Skipped::LeftLedger) => (
            "Biên nhận trên USB là từ trước khi tỉnh khôi phục dữ liệu nên không dùng; xin tỉnh chép lại USB. ",
            "The receipts on the stick are from before the province was restored and are not used; have the province write it again. ",
        ),
    };
    match told.requeued {
        0 => Sentence::new(vi, en),
        visits if !told.is_restored => Sentence::new(
            format!("{vi}Biên nhận trước đây được xin tỉnh xác nhận lại: {visits} lượt phải gửi lại, máy tự gửi hoặc chép ra USB. "),
            format!("{en}Receipts of before are being confirmed again; visits to go again: {visits}, by themselves or by stick. "),
        ),
        visits => Sentence::new(
            format!("{vi}Tỉnh đã khôi phục dữ liệu từ bản sao lưu: {visits} lượt phải gửi lại, máy tự gửi hoặc chép ra USB. "),
            format!("{en}The province was restored from a backup; visits to go again: {visits}, by themselves or by stick. "),
        ),
    }
}

/// Visits are on the stick.
pub fn taken_out(taken: TakenOut) -> Sentence {
    let TakenOut { visits, files } = taken;
    match visits {
        0 => Sentence::new("Không có lượt khám nào chờ gửi, không cần chép.", "No visit waits to be sent, nothing had to be written."),
        visits => Sentence::new(
            format!("Đã chép {visits} lượt khám ra USB ({files} tệp). Lượt vẫn tính là chưa gửi cho đến khi có biên nhận của tỉnh."),
            format!(
                "Visits written to the stick: {visits} (files: {files}). They count as not sent until the province's receipts are here."
            ),
        ),
    }
}

/// Roster and receipts are here.
pub fn taken_in(taken: TakenIn) -> Sentence {
    let TakenIn { serial, changed, told, pending } = taken;
    let (vi_roster, en_roster) = if changed {
        (format!("Đã nhận danh sách thẻ số {serial}"), format!("List of cards number {serial} taken"))
    } else {
        (format!("Danh sách thẻ vẫn là số {serial}"), format!("The list of cards is still number {serial}"))
    };
    let (vi_left, en_left) = if pending == 0 {
        ("Không còn lượt nào chờ gửi.".to_owned(), "No visit waits to be sent.".to_owned())
    } else {
        (format!("Còn {pending} lượt chờ gửi."), format!("Visits that wait to be sent: {pending}."))
    };
    let (receipts, aside) = (told.receipts, aside(told));
    Sentence::new(
        format!("{vi_roster}, {receipts} biên nhận. {}{vi_left}", aside.vi),
        format!("{en_roster}, receipts: {receipts}. {}{en_left}", aside.en),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::collections::BTreeSet;
    use std::fs;
    use std::io;
    use std::path::Path;

    use serde_json::Value;
    use serde_json::json;

    use super::*;

    const FIXTURE: &str = "tests/fixtures/status/sticks.json";

    /// Every way a stick can be bad. The matches are the reminder: a variant that is not in them does not compile.
    fn every_refusal() -> Vec<(String, Sentence)> {
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
        let code = |error: &StickError| match error {
            StickError::Empty
            | StickError::OtherStation
            | StickError::OtherSigner
            | StickError::HalfCopied
            | StickError::Altered
            | StickError::UnknownFormat
            | StickError::Full
            | StickError::Unreadable(_)
            | StickError::Unwritable(_)
            | StickError::NoRecipient
            | StickError::Keys(_) => error.code().to_owned(),
        };
        let refused_by = |refusal: PullRefusal| match refusal {
            PullRefusal::Older | PullRefusal::Ahead | PullRefusal::Expired | PullRefusal::Rewritten => format!("stick_{}", refusal.code()),
        };
        let sticks = sticks.iter().map(|error| (code(error), refused(error)));
        sticks.chain(refusals.map(|refusal| (refused_by(refusal), index(refusal)))).collect()
    }

    fn told(skipped: Option<Skipped>, receipts: u64, requeued: u64) -> TakenReceipts {
        TakenReceipts { skipped, receipts, requeued, is_restored: requeued > 0 }
    }

    fn every_sentence() -> Vec<(String, Sentence)> {
        let mut all = every_refusal();
        all.push(("nothing written".to_owned(), taken_out(TakenOut::default())));
        all.push(("written".to_owned(), taken_out(TakenOut { visits: 12, files: 1 })));
        for skipped in [None, Some(Skipped::Again), Some(Skipped::Older), Some(Skipped::LeftLedger)] {
            let (why, receipts) = skipped.map_or(("new", 12), |skipped| match skipped {
                Skipped::Again | Skipped::Older | Skipped::LeftLedger => (skipped.code(), 0),
            });
            let taken = TakenIn { serial: 7, changed: true, told: told(skipped, receipts, 0), pending: 0 };
            all.push((format!("taken, receipts {why}"), taken_in(taken)));
            all.push((format!("held, receipts {why}"), held(101, 300, taken.told)));
        }
        let restored = TakenIn { serial: 7, changed: false, told: told(None, 12, 5), pending: 5 };
        all.push(("taken from a restored province".to_owned(), taken_in(restored)));
        let unproven = TakenIn { told: TakenReceipts { is_restored: false, ..restored.told }, ..restored };
        all.push(("taken where nothing was known of the province's record".to_owned(), taken_in(unproven)));
        all
    }

    #[test]
    fn every_sentence_is_what_the_fixture_says_and_nothing_is_left_over() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FIXTURE);
        let all = every_sentence();
        let built: Vec<_> = all.iter().map(|(name, said)| json!({ "case": name, "vi": said.vi, "en": said.en })).collect();
        if std::env::var_os("BHYT_WRITE_FIXTURES").is_some() {
            fs::write(&path, serde_json::to_string_pretty(&built).unwrap() + "\n").unwrap();
        }
        let fixture: Vec<Value> = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let by_name = |cases: &[Value]| {
            cases.iter().map(|case| (case["case"].as_str().unwrap().to_owned(), case.clone())).collect::<BTreeMap<_, _>>()
        };
        assert_eq!((by_name(&built).len(), fixture.len()), (built.len(), built.len()), "a name twice, or left over");
        assert_eq!(by_name(&built), by_name(&fixture), "not the same as in {FIXTURE}");
    }

    #[test]
    fn every_refusal_says_what_became_of_the_data_and_what_to_do() {
        let said = every_refusal();
        for (code, Sentence { vi, en }) in &said {
            assert!(vi.contains("Chưa ") || vi.contains("vẫn còn nguyên"), "{code}: {vi}");
            assert!(en.contains("Nothing was ") || en.contains("all still on this computer"), "{code}: {en}");
            for text in [vi, en] {
                assert!(text.matches('.').count() >= 3 && text.ends_with('.') && text.chars().count() <= 190, "{code}: {text}");
            }
        }
        for (name, Sentence { vi, en }) in every_sentence() {
            assert!(en.is_ascii() && vi.chars().filter(|c| !c.is_ascii()).count() > 8, "{name}: a language in the other's place");
        }
        let distinct = |text: fn(&Sentence) -> &String| said.iter().map(|(_, said)| text(said)).collect::<BTreeSet<_>>().len();
        assert_eq!((distinct(|said| &said.vi), distinct(|said| &said.en)), (said.len(), said.len()));
    }

    #[test]
    fn what_was_carried_is_counted() {
        let taken = TakenIn { serial: 7, changed: true, told: told(None, 12, 0), pending: 0 };
        assert_eq!(taken_in(taken).vi, "Đã nhận danh sách thẻ số 7, 12 biên nhận. Không còn lượt nào chờ gửi.");
        assert!(taken_in(TakenIn { changed: false, pending: 2, ..taken }).vi.ends_with("là số 7, 12 biên nhận. Còn 2 lượt chờ gửi."));
    }
}
