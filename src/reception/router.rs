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
use super::coverage;
use super::guard;
use super::handlers;
use super::improve;
use super::renewals;
use super::sticks;

/// The addresses that stand for themselves.
pub(super) const ADDRESSES: &[&str] = &[
    "/",
    "/tra-cuu",
    "/tra-cuu/moi",
    "/trang-thai",
    "/hom-nay",
    "/hom-nay/ca-ngay",
    "/ca-ngay",
    "/luot/sua",
    "/luot/gui-lai",
    "/luot/dong",
    "/luot/da-xem",
    "/usb/ra",
    "/usb/vao",
    "/ngon-ngu",
    "/gia-han",
    "/gia-han/ban-in",
    "/gia-han/tep",
    "/bao-phu",
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
        .route("/luot/sua", post(actions::correct))
        .route("/luot/gui-lai", post(actions::resend))
        .route("/luot/dong", post(actions::close))
        .route("/luot/da-xem", post(actions::seen))
        .route("/gia-han", get(renewals::home).post(renewals::choose))
        .route("/gia-han/ban-in", post(renewals::print))
        .route("/gia-han/tep", post(renewals::export))
        .route("/bao-phu", get(coverage::show))
        .route("/tinh/{name}", get(handlers::asset))
        .fallback(handlers::not_found)
        .method_not_allowed_fallback(handlers::wrong_method)
        .layer(middleware::from_fn_with_state(page.clone(), guard::guard))
        .with_state(page)
}
