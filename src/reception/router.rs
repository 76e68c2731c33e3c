//! Which address is what.
//!
//! Promise: the guard is around all of it, unknown addresses included; no address has a part that depends on a person. Never: a route added behind
//! the guard's layer.

use axum::Router;
use axum::middleware;
use axum::routing::get;
use axum::routing::post;

use super::Reception;
use super::actions;
use super::guard;
use super::handlers;
use super::improve;
use super::options;
use super::printing;
use super::sticks;
use super::visit_page;

/// The addresses that stand for themselves.
pub(super) const ADDRESSES: &[&str] = &[
    "/",
    "/tra-cuu",
    "/tra-cuu/moi",
    "/trang-thai",
    "/hom-nay",
    "/hom-nay/ca-ngay",
    "/ca-ngay",
    "/luot/xem",
    "/luot/sua",
    "/luot/huy",
    "/luot/phieu",
    "/luot/chung-cu",
    "/kiem-tra-lai",
    "/so",
    "/so/phieu",
    "/luot/gui-lai",
    "/luot/dong",
    "/luot/da-xem",
    "/usb/ra",
    "/usb/vao",
    "/ngon-ngu",
];

/// The page, as a service.
pub(super) fn router(page: Reception) -> Router {
    Router::new()
        .route("/", get(handlers::home))
        .route("/tra-cuu", post(handlers::submit))
        .route("/tra-cuu/moi", post(improve::improve))
        .route("/trang-thai", get(handlers::status))
        .route("/hom-nay", get(handlers::today))
        .route("/hom-nay/ca-ngay", get(handlers::whole_today))
        .route("/ca-ngay", get(handlers::whole_day))
        .route("/usb/ra", post(sticks::carry_out))
        .route("/usb/vao", post(sticks::carry_in))
        .route("/ngon-ngu", post(handlers::language))
        .route("/luot/xem", post(visit_page::open))
        .route("/luot/huy", post(visit_page::void))
        .route("/luot/phieu", post(printing::slip))
        .route("/luot/chung-cu", post(printing::evidence))
        .route("/kiem-tra-lai", get(visit_page::unsure))
        .route("/so", post(options::take_number))
        .route("/so/phieu", post(printing::number))
        .route("/luot/sua", post(actions::correct))
        .route("/luot/gui-lai", post(actions::resend))
        .route("/luot/dong", post(actions::close))
        .route("/luot/da-xem", post(actions::seen))
        .route("/tinh/{name}", get(handlers::asset))
        .fallback(handlers::not_found)
        .method_not_allowed_fallback(handlers::wrong_method)
        .layer(middleware::from_fn_with_state(page.clone(), guard::guard))
        .with_state(page)
}
