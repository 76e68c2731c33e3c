//! What is chosen of a visit, its own page, and paper, with keyboard and printer.

use super::*;

impl Browser {
    pub(crate) async fn key(&self, key: Key) {
        self.keys(&key.to_string()).await;
    }

    /// Somebody is looked up, and there was time to read the answer.
    pub(crate) async fn look_up(&self, text: &str) {
        self.keys(text).await;
        self.enter().await;
        self.see("#ket-qua").await;
        self.check_ready().await;
        self.read().await;
    }

    async fn text(&self, selector: &str) -> String {
        self.see(selector).await.text().await.unwrap()
    }

    /// Width and height of the first sheet that would come out of a printer, in millimetres, and how many sheets there are.
    async fn printed(&self) -> (u32, u32, usize) {
        let pdf = self.devtools("Page.printToPDF", json!({ "preferCSSPageSize": true })).await;
        let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, pdf["data"].as_str().unwrap()).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let boxes: Vec<&str> = text.split("/MediaBox [").skip(1).collect();
        let sides: Vec<f64> = boxes[0].split(']').next().unwrap().split_whitespace().map(|side| side.parse().unwrap()).collect();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a sheet of paper")]
        let millimetres = |points: f64| (points * 25.4 / 72.0).round() as u32;
        (millimetres(sides[2]), millimetres(sides[3]), boxes.len())
    }

    /// What of the page a printer gets: the ids of everything that is shown and not inside the paper.
    async fn beside_the_paper(&self) -> Value {
        let media = |media: &str| self.devtools("Emulation.setEmulatedMedia", json!({ "media": media }));
        media("print").await;
        let script = "const paper = document.getElementById('to-giay'); \
            return [...document.querySelectorAll('body *')].filter(e => !paper.contains(e) && !e.contains(paper) && e.checkVisibility() \
            && e.getClientRects().length > 0).map(e => e.id || e.tagName)";
        let shown = self.ask(script).await;
        media("").await;
        shown
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emergency_is_one_key_and_everything_else_is_reached_by_keys() {
    let counter = Counter::running().await;
    let browser = Browser::open().await;
    browser.visit(&counter).await;
    browser.look_up(counter::VALID).await;
    browser.picture("31-options").await;
    browser.key(Key::F2).await;
    let said = browser.text("#da-luu[data-saved=new]").await;
    assert!(said.ends_with("Trần Thị Ví Dụ – Cấp cứu"), "{said}");
    browser.check_ready().await;

    // The other fields open with a key, take the arrows, and Enter saves.
    browser.look_up(counter::ODD).await;
    browser.key(Key::F9).await;
    browser.until("document.activeElement.name === 'doi_tuong'").await;
    browser.key(Key::Tab).await;
    browser.until("document.activeElement.name === 'hinh_thuc'").await;
    browser.keys("Khám tại nhà").await;
    let typed = browser.ask("return document.getElementById('o-nhap').value").await;
    assert_ne!(typed, json!(""), "what is typed is a scan, wherever the focus is");
    browser.ask("document.getElementById('o-nhap').value = ''").await;
    browser.key(Key::F9).await;
    browser.key(Key::Tab).await;
    browser.key(Key::Down).await;
    browser.enter().await;
    let said = browser.text("#da-luu[data-saved=new]").await;
    assert!(said.contains("Điều trị ngoại trú (02)"), "{said}");
    browser.picture("32-saved-otherwise").await;

    // A number to call by, also while nothing can be read; pressed twice within a moment it is one.
    browser.read().await;
    browser.key(Key::F4).await;
    let said = browser.text("#da-luu[data-saved=queue]").await;
    assert!(said.starts_with("SỐ THỨ TỰ 1"), "{said}");
    browser.check_ready().await;
    browser.close().await;
}

/// The verdict says "bấm F9 chọn 9": the 9 went into the input.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_digit_chooses_in_a_list_and_a_scan_that_begins_with_it_is_caught_whole_and_chooses_nothing() {
    const PERSON: Duration = Duration::from_millis(300);
    const READER: Duration = Duration::from_millis(10);
    let chosen = "document.querySelector('#lua-chon [name=doi_tuong]')";
    let counter = Counter::running().await;
    let browser = Browser::open().await;
    browser.visit(&counter).await;
    browser.look_up(counter::EXPIRED).await;
    for (text, pace) in [("1101008000", READER), ("1", PERSON), ("9101008000", READER), ("1101008000", READER)] {
        browser.key(Key::F9).await;
        browser.until(&format!("document.activeElement === {chosen}")).await;
        let before = browser.ask(&format!("return {chosen}.value")).await;
        browser.read().await;
        browser.read().await;
        browser.send_stamped(text, false, &[], pace).await;
        if pace == READER {
            browser.until(&format!("document.activeElement.id === 'o-nhap' && document.getElementById('o-nhap').value === '{text}'")).await;
            assert_eq!(browser.ask(&format!("return {chosen}.value")).await, before, "{text}");
            browser.ask("document.getElementById('o-nhap').value = ''").await;
        } else {
            assert_eq!(before, json!(""), "9 is what an expired card leads to by itself");
            browser.until(&format!("document.activeElement === {chosen} && {chosen}.value === '1.2'")).await;
        }
    }
    assert_eq!(browser.ask("return document.getElementById('o-nhap').value").await, json!(""));
    browser.key(Key::F9).await;
    browser.enter().await;
    browser.see("#da-luu[data-saved=new]").await;
    let visit = counter.desk.today().await.unwrap().remove(0).visit.content;
    assert_eq!(visit.attendance_category.as_str(), "1.2");
    // With its Enter a scan is the next question, and saves nobody.
    browser.read().await;
    browser.look_up(counter::EXPIRED).await;
    browser.key(Key::F9).await;
    browser.until(&format!("document.activeElement === {chosen}")).await;
    browser.send_stamped("1101008000", false, &[Key::Enter], READER).await;
    browser.until("document.getElementById('nguoi')?.textContent.includes('1101008000')").await;
    assert_eq!(counter.desk.today().await.unwrap().len(), 1);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tabs_are_told_of_each_other_s_visit() {
    let counter = Counter::running().await;
    let browser = Browser::open().await;
    browser.visit(&counter).await;
    browser.look_up(counter::VALID).await;
    let first = browser.client.window().await.unwrap();
    let second = browser.client.new_window(true).await.unwrap().handle;
    browser.client.switch_to_window(second).await.unwrap();
    browser.visit(&counter).await;
    browser.look_up(counter::VALID).await;
    assert_eq!(browser.ask("return document.querySelectorAll('.trung').length").await, json!(0));
    browser.enter().await;
    browser.see("#da-luu[data-saved=new]").await;
    browser.client.switch_to_window(first).await.unwrap();
    let said = browser.text("#ket-qua .trung").await;
    assert!(said.contains("Người này đã có lượt số 1"), "{said}");
    browser.read().await;
    browser.enter().await;
    browser.see("#da-luu[data-saved=new]").await;
    browser.look_up(counter::VALID).await;
    let warned = browser.ask("return [...document.querySelectorAll('.trung [data-earlier]')].map(e => e.dataset.earlier)").await;
    assert_eq!(warned, json!(["1", "2"]));
    browser.picture("33-here-before").await;
    browser.enter().await;
    browser.see("#da-luu[data-saved=new]").await;
    assert_eq!(counter.desk.today().await.unwrap().len(), 3, "a further visit can be saved");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slip_is_printed_alone_on_its_paper_and_the_next_scan_is_not_lost() {
    let counter = Counter::running().await;
    let browser = Browser::open().await;
    browser.visit(&counter).await;
    browser.look_up(counter::LONG).await;
    browser.enter().await;
    browser.see("#da-luu[data-saved=new]").await;
    browser.key(Key::F8).await;
    browser.see("#to-giay.kho-80mm").await;
    assert_eq!(browser.printed().await, (80, 200, 1));
    assert_eq!(browser.beside_the_paper().await, json!([]));
    let overflow = browser.ask("const p = document.getElementById('to-giay'); return p.scrollWidth - p.clientWidth").await;
    assert_eq!(overflow, json!(0), "nothing stands beyond the edge");
    browser.picture("34-slip").await;
    browser.see("#nut-in form button").await.click().await.unwrap();
    browser.see("#to-giay.kho-a5 .ban-sao").await;
    assert_eq!(browser.printed().await, (148, 210, 1));
    // Of whom nothing could be looked up there is a paper that says so.
    counter.loses_the_province().await;
    browser.look_up(counter::UNKNOWN).await;
    browser.enter().await;
    browser.see("#hom-nay tr:nth-child(2)").await;
    browser.see("#hom-nay tr form button").await.click().await.unwrap();
    browser.see("#mot-luot form[action='/luot/chung-cu'] button").await.click().await.unwrap();
    browser.see("#to-giay.kho-a4[data-paper=evidence]").await;
    browser.check_ready().await;
    assert_eq!(browser.printed().await, (210, 297, 1));
    assert_eq!(browser.beside_the_paper().await, json!([]));
    browser.picture("35-evidence").await;
    browser.look_up(counter::EXPIRED).await;
    browser.see("#ket-qua[data-standing=expired]").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visit_is_taken_back_with_a_reason() {
    let counter = Counter::running().await;
    let browser = Browser::open().await;
    browser.visit(&counter).await;
    browser.look_up(counter::VALID).await;
    browser.enter().await;
    browser.see("#da-luu[data-saved=new]").await;
    browser.see("#hom-nay tr form button").await.click().await.unwrap();
    browser.see("#mot-luot[data-visit='1']").await;
    browser.picture("36-visit").await;
    // Without a reason nothing is done, and the visit stays open.
    browser.see("#huy-luot > button").await.click().await.unwrap();
    browser.see("#mot-luot #loi[data-label='visit:note']").await;
    browser.see("#huy-luot input[value='Lưu trùng']").await.click().await.unwrap();
    browser.see("#huy-luot > button").await.click().await.unwrap();
    browser.see("#da-luu[data-saved=voided]").await;
    browser.see("#hom-nay tr[data-voided]").await;
    browser.check_ready().await;
    let visit = counter.desk.today().await.unwrap().remove(0).visit.content;
    assert_eq!((visit.revision, visit.voided.as_deref()), (Revision(2), Some("Lưu trùng")));
    browser.close().await;
}
