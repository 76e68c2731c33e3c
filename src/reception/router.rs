//! Which address is what.
//!
//! Promise: the guard is around all of it, unknown addresses included; no address has a part that depends on a person. Never: a route added behind
//! the guard's layer.

use axum::Router;
use axum::middleware;
use axum::routing::get;
use axum::routing::post;

use super::Reception;
use super::accounts;
use super::actions;
use super::corrections;
use super::coverage;
use super::events;
use super::guard;
use super::handlers;
use super::help;
use super::improve;
use super::language;
use super::options;
use super::pairing;
use super::printing;
use super::renewals;
use super::sign_in;
use super::sticks;
use super::visit_page;

/// Where what is scanned, and the Enter that saves it, is sent.
pub(super) const LOOK_UP: &str = "/tra-cuu";

/// The addresses that stand for themselves.
pub(super) const ADDRESSES: &[&str] = &[
    "/",
    LOOK_UP,
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
    "/dang-nhap",
    "/dang-xuat",
    "/khoa",
    "/tiep-tuc",
    "/tai-khoan",
    "/tai-khoan/them",
    "/tai-khoan/ma-pin",
    "/tai-khoan/vai-tro",
    "/tai-khoan/dong",
    "/tai-khoan/pin-cua-toi",
    "/su-kien",
    "/ban",
    "/ban/them",
    "/ban/thoi",
    "/ban/ngat",
    "/ban/da-xem",
    "/ghep",
    "/chung-thu",
    "/gia-han",
    "/gia-han/ban-in",
    "/gia-han/tep",
    "/bao-phu",
    "/help",
];

/// Style, script and pictures: they say nothing of the station.
pub(super) fn is_asset(path: &str) -> bool {
    path.starts_with("/tinh/")
}

/// Where somebody may be who has not signed in: what is shown there says nothing of any person, and nothing is done but signing in and out. Everything
/// else, unknown addresses too, is for those who have.
pub(super) fn is_for_everybody(path: &str) -> bool {
    matches!(path, "/" | "/trang-thai" | "/ngon-ngu" | "/dang-nhap" | "/dang-xuat" | "/help") || is_asset(path)
}

/// What pages ask for by themselves: it does not mean that somebody is there.
pub(super) fn is_of_the_page(path: &str) -> bool {
    matches!(path, "/trang-thai" | "/hom-nay" | "/hom-nay/ca-ngay" | "/tra-cuu/moi" | "/dang-nhap" | "/su-kien") || is_asset(path)
}

/// The page, as a service.
pub(super) fn router(page: Reception) -> Router {
    Router::new()
        .route("/", get(handlers::home))
        .route(LOOK_UP, post(handlers::submit))
        .route("/tra-cuu/moi", post(improve::improve))
        .route("/trang-thai", get(handlers::status))
        .route("/hom-nay", get(handlers::today))
        .route("/hom-nay/ca-ngay", get(handlers::whole_today))
        .route("/ca-ngay", get(handlers::whole_day))
        .route("/usb/ra", post(sticks::carry_out))
        .route("/usb/vao", post(sticks::carry_in))
        .route("/ngon-ngu", post(language::switch))
        .route("/luot/xem", post(visit_page::open))
        .route("/luot/huy", post(corrections::void))
        .route("/luot/phieu", post(printing::slip))
        .route("/luot/chung-cu", post(printing::evidence))
        .route("/kiem-tra-lai", get(visit_page::unsure))
        .route("/so", post(options::take_number))
        .route("/so/phieu", post(printing::number))
        .route("/dang-nhap", get(sign_in::form).post(sign_in::submit))
        .route("/dang-xuat", post(sign_in::leave))
        .route("/khoa", post(sign_in::lock))
        .route("/tiep-tuc", get(sign_in::go_on))
        .route("/tai-khoan", get(accounts::list))
        .route("/tai-khoan/them", post(accounts::add))
        .route("/tai-khoan/ma-pin", post(accounts::set_pin))
        .route("/tai-khoan/vai-tro", post(accounts::set_role))
        .route("/tai-khoan/dong", post(accounts::close))
        .route("/tai-khoan/pin-cua-toi", post(accounts::change_own_pin))
        .route("/su-kien", get(events::events))
        .route("/ban", get(pairing::desks))
        .route("/ban/them", post(pairing::open))
        .route("/ban/thoi", post(pairing::close))
        .route("/ban/ngat", post(pairing::revoke))
        .route("/ban/da-xem", post(pairing::seen))
        .route("/ghep", get(pairing::paired).post(pairing::pair))
        .route("/chung-thu", get(pairing::certificate))
        .route("/luot/sua", post(corrections::correct))
        .route("/luot/gui-lai", post(actions::resend))
        .route("/luot/dong", post(actions::close))
        .route("/luot/da-xem", post(actions::seen))
        .route("/gia-han", get(renewals::home).post(renewals::choose))
        .route("/gia-han/ban-in", post(renewals::print))
        .route("/gia-han/tep", post(renewals::export))
        .route("/bao-phu", get(coverage::show))
        .route("/help", get(help::show))
        .route("/tinh/{name}", get(handlers::asset))
        .fallback(handlers::not_found)
        .method_not_allowed_fallback(handlers::wrong_method)
        .layer(middleware::from_fn_with_state(page.clone(), guard::guard))
        .with_state(page)
}
