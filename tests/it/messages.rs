//! The station's side of every message, against the reference province.
//!
//! Promise: real TLS, the real router, the real ledger. Never: a message made by hand.

use std::io;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use bhyt_agent::domain::card::CardNumber;
use bhyt_agent::domain::clock::ClockState;
use bhyt_agent::domain::clock::Reading;
use bhyt_agent::domain::contact::ChainLinks;
use bhyt_agent::domain::contact::Hello;
use bhyt_agent::domain::contact::Machine;
use bhyt_agent::domain::facility::FacilityCode;
use bhyt_agent::domain::recheck::Recheck;
use bhyt_agent::domain::roster::Column;
use bhyt_agent::domain::roster::Wanted;
use bhyt_agent::domain::visit::Revision;
use bhyt_agent::domain::visit::Sequence;
use bhyt_agent::domain::visit::ShownVerdict;
use bhyt_agent::domain::visit::VisitId;
use bhyt_agent::upstream::Distrust;
use bhyt_agent::upstream::Error;
use bhyt_agent::upstream::JudgedTime;
use bhyt_agent::upstream::KeyFile;
use bhyt_agent::upstream::KeyKeeper;
use bhyt_agent::upstream::ProvincialServer;
use bhyt_agent::upstream::province::enrol;
use bhyt_agent::upstream::province::enrol::StationKeys;
use bhyt_agent::upstream::province::https::Credentials;
use bhyt_agent::upstream::province::https::HttpsProvince;
use uuid::Uuid;

use crate::support::STATION;
use crate::support::TestProvince;

#[derive(Default)]
pub(crate) struct Kept(Mutex<Vec<(KeyFile, String)>>);

impl KeyKeeper for Kept {
    fn keep(&self, file: KeyFile, content: &str) -> Result<(), io::Error> {
        self.0.lock().unwrap().push((file, content.to_owned()));
        Ok(())
    }
}

async fn enrolled(province: &TestProvince, install: Uuid) -> (HttpsProvince, Arc<Kept>) {
    let kept = Arc::new(Kept::default());
    let connect = connected(province, install, Arc::new(|| provincial::now().to_utc()), Arc::clone(&kept)).await;
    (connect(), kept)
}

/// Enrols, and gives what makes connections, each as after a start.
pub(crate) async fn connected(province: &TestProvince, install: Uuid, judged: JudgedTime, kept: Arc<Kept>) -> impl Fn() -> HttpsProvince {
    let base: url::Url = format!("https://{}/", province.address).parse().unwrap();
    let station = FacilityCode::parse(STATION).unwrap();
    let keys = StationKeys::generate().unwrap();
    let code = province.province.enrolment_code(STATION).unwrap();
    let ca_pem = province.province.ca_pem().to_owned();
    let enrolment = enrol::enrol(&base, &ca_pem, &station, &code, install, &keys, &judged).await.unwrap();
    let credentials = Credentials {
        ca_pem,
        certificate_pem: enrolment.certificate_pem,
        key_pem: keys.key_pem,
        feed_key: keys.feed_key,
        index_public_key: enrolment.index_public_key,
    };
    move || {
        let keeper: Arc<dyn KeyKeeper> = Arc::clone(&kept) as _;
        HttpsProvince::new(base.clone(), station.clone(), &credentials, Arc::clone(&judged), keeper).unwrap()
    }
}

pub(crate) fn hello(install: Uuid, links: ChainLinks) -> Hello {
    Hello {
        install,
        links,
        highest: Sequence(0),
        pending: 0,
        parked: 0,
        roster: None,
        reading: Reading { wall: provincial::now().to_utc(), since_boot: Duration::from_secs(100), boot_id: "boot".into() },
        clock: ClockState::Plausible,
        log: None,
    }
}

#[tokio::test]
async fn every_message_is_understood_by_the_province() {
    let province = TestProvince::new(200).await;
    let install = Uuid::new_v4();
    let (server, kept) = enrolled(&province, install).await;

    let first = ChainLinks { previous: None, next: Uuid::new_v4() };
    let greeting = server.contact(&hello(install, first)).await.unwrap();
    assert_eq!((greeting.machine, greeting.ahead), (Machine::Known, None));
    assert_eq!(server.contact(&hello(install, first)).await.unwrap().machine, Machine::Known, "a lost answer changes nothing");
    let copy = ChainLinks { previous: None, next: Uuid::new_v4() };
    assert_eq!(server.contact(&hello(install, copy)).await.unwrap().machine, Machine::FellBack);

    let person = province.person_in_force();
    let wanted = Wanted { card_number: CardNumber::parse(&person.card).ok(), insurance_number: None, personal_id: None };
    let answered = server.look_up(&wanted).await.unwrap();
    assert_eq!(answered.row.unwrap().value(Column::Id), Some(person.id.as_str()));

    let shown = ShownVerdict {
        standing: "valid".into(),
        identity_match: "match".into(),
        knowledge: "cached".into(),
        freshness: "fresh".into(),
        basis: None,
        as_of: None,
        rate: None,
        rules_version: None,
    };
    let recheck = Recheck {
        id: VisitId(Uuid::now_v7()),
        revision: Revision(1),
        sequence: Sequence(1),
        arrived_at: provincial::now().to_utc(),
        now: ShownVerdict { standing: "expired".into(), ..shown.clone() },
        shown,
        found_at: provincial::now().to_utc(),
    };
    server.report(install, std::slice::from_ref(&recheck)).await.unwrap();
    server.report(install, &[recheck]).await.unwrap();

    let before = server.certificate().unwrap();
    server.renew(install).await.unwrap();
    assert!(matches!(&kept.0.lock().unwrap()[..], [(KeyFile::Certificate, _)]));
    assert!(server.certificate().unwrap().not_after >= before.not_after);
    server.contact(&hello(install, copy)).await.unwrap();
    server.index().await.unwrap();
    assert!(server.traffic() > 1000);
}

/// Enrolled, then away for longer than the certificate lasts. Nothing of the visits depends on it; the renewal needs no person.
#[tokio::test]
async fn f65_a_certificate_that_ended_is_named_and_renewed_without_a_person() {
    let province = TestProvince::new(50).await;
    let install = Uuid::new_v4();
    province.province.set_certificate_days(-30).unwrap();
    let (server, kept) = enrolled(&province, install).await;
    let links = ChainLinks { previous: None, next: Uuid::new_v4() };
    let refused = server.contact(&hello(install, links)).await.unwrap_err();
    assert!(matches!(refused, Error::Untrusted { why: Distrust::OurCertificateExpired, .. }), "{refused:?}");
    province.province.set_certificate_days(365).unwrap();
    server.renew(install).await.unwrap();
    assert_eq!(kept.0.lock().unwrap().len(), 1);
    assert_eq!(server.contact(&hello(install, links)).await.unwrap().machine, Machine::Known);
}

/// The newest enrolment counts; a machine that was replaced by it has to be enrolled again.
#[tokio::test]
async fn a_key_that_was_replaced_by_an_enrolment_is_not_renewed() {
    let province = TestProvince::new(50).await;
    let (first, kept) = enrolled(&province, Uuid::new_v4()).await;
    let (second, _) = enrolled(&province, Uuid::new_v4()).await;
    let refused = first.renew(Uuid::new_v4()).await.unwrap_err();
    assert!(matches!(&refused, Error::Refused(code) if code.to_string() == "replaced_certificate"), "{refused:?}");
    assert!(kept.0.lock().unwrap().is_empty());
    second.renew(Uuid::new_v4()).await.unwrap();
}
