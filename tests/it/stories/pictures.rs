//! The manual's pictures, cut out of the stories.
//!
//! Promise: with `BHYT_PICTURES` set they are made anew where the program takes them from, in 256 colours and smaller than the screen; without it nothing is
//! written, and that there is something to be cut out is looked at all the same. Never: a picture of anybody who exists.

use std::collections::HashMap;
use std::env;
use std::fs;
use std::io::Cursor;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use color_quant::NeuQuant;
use png::BitDepth;
use png::ColorType;
use png::Compression;
use png::Decoder;
use png::Encoder;
use serde_json::json;

use super::Teller;
use super::at_work;
use crate::counter;
use crate::counter::Counter;

/// How much smaller than the screen: its smallest words can still be read.
const SCALE: f64 = 0.62;

/// The box around all that a selector finds, with a little room, within the page.
const BOX: &str = "
    scrollTo(0, 0);
    const all = [...document.querySelectorAll(arguments[0])].map((part) => part.getBoundingClientRect()).filter((box) => box.width > 0);
    const [left, top] = [Math.min(...all.map((box) => box.left)), Math.min(...all.map((box) => box.top))];
    const [right, bottom] = [Math.max(...all.map((box) => box.right)), Math.max(...all.map((box) => box.bottom))];
    const [x, y] = [Math.max(0, left - 8), Math.max(0, top - 8)];
    return all.length === 0 ? null : [x, y, right + 8 - x, bottom + 8 - y];";

/// Four colours and how transparent it is, dot by dot.
struct Drawing {
    width: u32,
    height: u32,
    dots: Vec<u8>,
}

impl Drawing {
    fn read(file: &[u8]) -> Self {
        let mut reader = Decoder::new(Cursor::new(file)).read_info().unwrap();
        let mut dots = vec![0; reader.output_buffer_size().unwrap()];
        let read = reader.next_frame(&mut dots).unwrap();
        let dots = match read.color_type {
            ColorType::Rgba => dots,
            ColorType::Rgb => dots.chunks_exact(3).flat_map(|dot| [dot[0], dot[1], dot[2], 255]).collect(),
            other => panic!("the browser draws in {other:?}"),
        };
        Self { width: read.width, height: read.height, dots }
    }

    /// One above the other; both are as wide as the screen.
    fn above(mut self, below: &Self) -> Self {
        assert_eq!(self.width, below.width);
        self.height += below.height;
        self.dots.extend(&below.dots);
        self
    }

    fn keep(&self, chapter: &str) {
        let colours = NeuQuant::new(3, 256, &self.dots);
        let mut known = HashMap::<&[u8], u8>::new();
        let mut index = |dot| *known.entry(dot).or_insert_with(|| u8::try_from(colours.index_of(dot)).unwrap());
        let dots: Vec<u8> = self.dots.chunks_exact(4).map(&mut index).collect();
        let mut file = Vec::new();
        let mut encoder = Encoder::new(&mut file, self.width, self.height);
        encoder.set_color(ColorType::Indexed);
        encoder.set_depth(BitDepth::Eight);
        encoder.set_palette(colours.color_map_rgb());
        encoder.set_compression(Compression::High);
        encoder.set_filter(png::Filter::NoFilter);
        encoder.write_header().unwrap().write_image_data(&dots).unwrap();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/reception/assets/help");
        fs::write(folder.join(format!("{chapter}.png")), file).unwrap();
    }
}

fn are_wanted() -> bool {
    env::var_os("BHYT_PICTURES").is_some()
}

impl Teller {
    /// What a selector finds, as it is seen now.
    async fn drawing(&self, selector: &str) -> Drawing {
        let found = self.browser.client.execute(BOX, vec![json!(selector)]).await.unwrap();
        assert!(!found.is_null(), "{selector}: there is nothing to be seen");
        let clip = json!({ "x": found[0], "y": found[1], "width": found[2], "height": found[3], "scale": SCALE });
        let asked = json!({ "format": "png", "clip": clip, "captureBeyondViewport": true });
        let answer = self.browser.devtools("Page.captureScreenshot", asked).await;
        Drawing::read(&STANDARD.decode(answer["data"].as_str().unwrap()).unwrap())
    }

    /// This moment is the picture of a chapter.
    pub(super) async fn illustrates(&self, chapter: &str, selector: &str) {
        let drawing = self.drawing(selector).await;
        assert!(drawing.width > 200 && drawing.height > 25, "{chapter}: {} × {}", drawing.width, drawing.height);
        if are_wanted() {
            drawing.keep(chapter);
        }
    }
}

/// The four kinds of answer, one above the other, each with the words that the manual explains it by.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_each_shape_means() {
    let counter = Counter::running().await;
    let teller = at_work(&counter).await;
    let mut drawn: Option<Drawing> = None;
    for (text, meaning) in [
        (counter::VALID, "Thẻ có giá trị hôm nay"),
        (counter::EXPIRED, "Thẻ KHÔNG có giá trị hôm nay"),
        (counter::UNKNOWN, "Máy này không đủ dữ liệu để trả lời"),
        (counter::ARMY, "Xem giấy tờ, máy này không giữ dữ liệu"),
    ] {
        teller.types(text).await;
        teller.sees(meaning).await;
        let one = teller.drawing("#phan-quyet").await;
        drawn = Some(match drawn {
            Some(above) => above.above(&one),
            None => one,
        });
    }
    if are_wanted() {
        drawn.unwrap().keep("colours");
    }
    teller.leaves().await;
}
