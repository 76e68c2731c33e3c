//! Screens of any size under the page.
//!
//! Promise: whoever asks for a size goes on when the page has it. The browser answers that it was told, and the page may have the size before for a moment
//! yet: what is measured then belongs to another screen.

use super::*;

/// Pixels of the page across and down.
pub(crate) type Size = (u32, u32);

impl Browser {
    /// What the page has now.
    pub(crate) async fn size(&self) -> Size {
        let size = self.ask("return [innerWidth, innerHeight]").await;
        let pixels = |at: usize| u32::try_from(size[at].as_u64().unwrap()).unwrap();
        (pixels(0), pixels(1))
    }

    /// A screen of exactly this size, without anything of the browser's own.
    pub(crate) async fn screen(&self, size: Size) {
        let (width, height) = size;
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
        self.has(size).await;
    }

    /// The window's own again, which was of this size.
    pub(crate) async fn own_screen(&self, size: Size) {
        self.devtools("Emulation.clearDeviceMetricsOverride", json!({})).await;
        self.has(size).await;
    }

    async fn has(&self, (width, height): Size) {
        self.until(&format!("innerWidth === {width} && innerHeight === {height}")).await;
    }
}
