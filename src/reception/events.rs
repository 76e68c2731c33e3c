//! Word of changes to open pages, as they happen.
//!
//! Promise: an event names a part of the page to ask for anew and nothing that is in it; what changes while one is on its way is told by the next; without
//! changes there is a beat, by which a page knows that the line holds. So many streams per browser and in all, and none is held for ever. At a stop all end at
//! once, and so does that of a desk that is locked, left or sent away. Never: personal data; more than a few events a second, however much changes.

use core::convert::Infallible;
use core::time::Duration;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::future;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use axum::extract::Extension;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::response::sse::Event;
use axum::response::sse::Sse;
use futures_util::stream;
use tokio::sync::watch;
use tokio::time;
use tokio::time::Instant;

use crate::desk::Changes;
use crate::desk::Errands;
use crate::domain::paired::PairedDesk;

use super::Reception;
use super::handlers;
use super::pairing::Caller;
use super::place::Place;
use super::seats::Seated;
use super::session::Session;
use super::session::Token;
use super::sticks;
use super::sticks::SticksView;
use super::view::status::StatusView;

/// Between two words while nothing changes. The page gives a line up that has been silent for twice as long.
const BEAT: Duration = Duration::from_secs(20);

/// What changes together is told together.
const SETTLE: Duration = Duration::from_millis(250);

/// A stream ends after this and is asked for anew, so that one whose browser is gone without a word is not fed for ever.
const LONGEST: Duration = Duration::from_mins(30);

/// A browser has six connections for all its tabs, and needs some to ask.
const MOST_OF_ONE: usize = 4;

/// Of all browsers together.
const MOST: usize = 24;

/// The streams that are open, by browser.
#[derive(Clone, Default)]
pub(super) struct Streams(Arc<Mutex<HashMap<Token, usize>>>);

impl Streams {
    fn open(&self) -> MutexGuard<'_, HashMap<Token, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, browser: Token) -> Option<Taken> {
        let mut open = self.open();
        let held = open.get(&browser).copied().unwrap_or_default();
        if held >= MOST_OF_ONE || open.values().sum::<usize>() >= MOST {
            return None;
        }
        open.insert(browser, held + 1);
        Some(Taken { streams: self.clone(), browser })
    }
}

/// One of them; given back when dropped.
struct Taken {
    streams: Streams,
    browser: Token,
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut open = self.streams.open();
        let left = open.get(&self.browser).copied().unwrap_or_default().saturating_sub(1);
        if left == 0 {
            open.remove(&self.browser);
        } else {
            open.insert(self.browser, left);
        }
    }
}

/// Whoever watches for one page.
struct Watch {
    page: Reception,
    session: Session,
    place: Arc<Place>,
    changes: Changes,
    sticks: Option<watch::Receiver<Arc<[PathBuf]>>>,
    copied: Option<watch::Receiver<Arc<[PairedDesk]>>>,
    ended: Option<watch::Receiver<BTreeSet<u64>>>,
    turned: watch::Receiver<()>,
    caller: Caller,
    until: Instant,
    /// The last word was told.
    is_over: bool,
    told: Option<(StatusView, SticksView)>,
    _taken: Taken,
}

pub(super) async fn events(
    State(page): State<Reception>,
    Extension(session): Extension<Session>,
    Extension(place): Extension<Arc<Place>>,
    Extension(caller): Extension<Caller>,
) -> Response {
    // A browser that is told this asks no more, and its page asks now and then instead.
    let Some(taken) = page.shared.streams.take(session.id) else { return StatusCode::NO_CONTENT.into_response() };
    let (sticks, copied) = (page.errands().map(Errands::watch_sticks), page.lan().map(|lan| lan.desks.copied()));
    let (ended, turned) = (page.lan().map(|lan| lan.desks.ended()), page.seats().turned());
    let (changes, until) = (page.desk().changes(), Instant::now() + LONGEST);
    let watch =
        Watch { page, session, place, changes, sticks, copied, ended, turned, caller, until, is_over: false, told: None, _taken: taken };
    let next = |mut watch: Watch| async move { watch.next().await.map(|event| (Ok::<_, Infallible>(event), watch)) };
    let events = stream::unfold(watch, next);
    let mut response = Sse::new(events).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl Watch {
    /// The next word; `None` ends the stream.
    async fn next(&mut self) -> Option<Event> {
        if self.is_over || self.is_sent_away() {
            return None;
        }
        let Some(told) = self.told.take() else {
            self.told = Some(self.look());
            // Who comes back may have missed something.
            return Some(Event::default().event("thay-doi").data("hom-nay"));
        };
        let beat = Instant::now() + BEAT;
        loop {
            let is_changed = tokio::select! {
                () = self.place.stop.cancelled() => return None,
                () = self.changes.changed() => true,
                () = of(&mut self.sticks) => true,
                () = of(&mut self.copied) => true,
                () = of(&mut self.ended) => true,
                // The page holds the other end.
                _ = self.turned.changed() => true,
                () = time::sleep_until(beat) => false,
            };
            if Instant::now() >= self.until || self.is_sent_away() {
                return None;
            }
            // Nobody else may ask before the page leaves the screen.
            if !matches!(self.page.look_at_seat(self.session).await, Seated::Open(_)) {
                self.is_over = true;
                return Some(Event::default().event("thay-doi").data("trang-thai"));
            }
            if is_changed {
                tokio::select! {
                    () = self.place.stop.cancelled() => return None,
                    () = time::sleep(SETTLE) => {}
                }
            }
            // Ages and hours stand in the bar, so that it changes although nothing happens.
            let seen = self.look();
            let part = if seen.0.change != told.0.change {
                Some("hom-nay")
            } else if seen != told {
                Some("trang-thai")
            } else {
                None
            };
            if part.is_none() && is_changed {
                continue;
            }
            self.told = Some(seen);
            return Some(match part {
                Some(part) => Event::default().event("thay-doi").data(part),
                None => Event::default().event("nhip").data(""),
            });
        }
    }

    /// Word was had that this desk is none any more.
    fn is_sent_away(&self) -> bool {
        match (&self.caller, &self.ended) {
            (Caller::Desk { number, .. }, Some(ended)) => ended.borrow().contains(number),
            _ => false,
        }
    }

    fn look(&self) -> (StatusView, SticksView) {
        (handlers::status_view(&self.page, self.session), sticks::view(&self.page, self.session))
    }
}

/// Waits for the next change of something that need not be there.
async fn of<T>(watched: &mut Option<watch::Receiver<T>>) {
    let is_gone = match watched {
        Some(watched) => watched.changed().await.is_err(),
        None => true,
    };
    if is_gone {
        future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_browser_takes_more_streams_than_its_share_and_all_together_no_more_than_there_are() {
        let streams = Streams::default();
        let browser = Token::random();
        let mut held: Vec<_> = (0..MOST_OF_ONE).map(|_| streams.take(browser).unwrap()).collect();
        assert!(streams.take(browser).is_none());
        held.pop();
        held.push(streams.take(browser).unwrap());
        while held.len() < MOST {
            held.push(streams.take(Token::random()).unwrap());
        }
        assert!(streams.take(Token::random()).is_none());
        drop(held);
        assert_eq!(streams.open().len(), 0);
        assert!(streams.take(browser).is_some());
    }
}
