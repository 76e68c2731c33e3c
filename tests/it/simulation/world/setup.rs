//! How a world begins: a province in a folder, and stations enrolled as any station is.
//!
//! Promise: people, clocks and everything else that is made up comes from the seed. Never: a certificate or a feed by another way than the protocol's.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use std::time::Instant;

use age::x25519;
use axum::body::Bytes;
use axum::http::Request;
use axum::http::StatusCode;
use bhyt_agent::domain::facility::FacilityCode;
use bhyt_agent::ops::rules::builtin;
use bhyt_agent::sync::driver::Timing;
use bhyt_agent::sync::schedule::Timetable;
use bhyt_agent::upstream::province::keychain::IndexKey;
use provincial::CreateSettings;
use provincial::Province;
use provincial::StationSettings;
use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::Value;
use serde_json::json;
use sha2::Digest;
use sha2::Sha256;
use uuid::Uuid;

use super::Event;
use super::Plan;
use super::Report;
use super::World;
use crate::simulation::clock::DAY;
use crate::simulation::clock::HOUR;
use crate::simulation::clock::MINUTE;
use crate::simulation::clock::SimClock;
use crate::simulation::clock::VirtualTime;
use crate::simulation::clock::instant;
use crate::simulation::faults::Happening;
use crate::simulation::faults::OF_PROVINCE;
use crate::simulation::laws::Laws;
use crate::simulation::link::CERTIFICATE;
use crate::simulation::link::Enrolled;
use crate::simulation::link::Lie;
use crate::simulation::link::Network;
use crate::simulation::link::SimLink;
use crate::simulation::station::Station;
use crate::simulation::station::seed_chance;

/// As it is where the configuration says nothing.
const LONGEST_PAUSE: Duration = Duration::from_mins(15);

fn code(number: usize) -> String {
    format!("{}", 10_000 + number)
}

/// Every fourth station is large enough for an upheaval to be held back.
fn people(plan: &Plan, number: usize) -> usize {
    if number.is_multiple_of(4) { 2 * plan.people } else { plan.people }
}

fn timetable(expression: &str, code: &str) -> Timetable {
    Timetable::new(expression.parse().unwrap(), &FacilityCode::parse(code).unwrap())
}

impl World {
    pub(in crate::simulation) async fn new(plan: Plan, folder: tempfile::TempDir) -> Self {
        let mut random = StdRng::seed_from_u64(plan.seed);
        seed_chance(random.random());
        let begin = super::BEGINNING.parse::<chrono::DateTime<chrono::Utc>>().unwrap().timestamp_millis();
        let time = VirtualTime::new(begin);
        let codes: Vec<String> = (0..plan.stations).map(code).collect();
        let province_dir = folder.path().join("province");
        let settings = CreateSettings {
            seed: random.random(),
            stations: (0..plan.stations).map(|number| StationSettings::new(&code(number), people(&plan, number))).collect(),
            today: instant(begin + DAY / 2).date_naive(),
            hosts: Vec::new(),
        };
        let province = Province::create(&province_dir, &settings).unwrap();
        let index_key = IndexKey::parse(&province.index_public_key().unwrap()).unwrap();
        province.trust_the_disk().unwrap();
        province.set_certificate_life(CERTIFICATE.0, CERTIFICATE.1).unwrap();
        let network = Arc::new(Network {
            time: Arc::clone(&time),
            province: Mutex::new(Some(province)),
            restores: AtomicU64::new(0),
            late: Mutex::default(),
            befell: Mutex::default(),
            lie: plan.lie,
        });
        let rules = Arc::new(builtin().unwrap());
        let laws = Laws::new(&codes, &province_dir.join("province.db"));
        let end = begin + plan.days * DAY;
        let mut world = Self {
            random,
            time: Arc::clone(&time),
            end,
            is_healing: false,
            queue: BTreeMap::new(),
            events: 0,
            stations: Vec::new(),
            network,
            late: Vec::new(),
            backups: Vec::new(),
            away: BTreeMap::new(),
            copies: BTreeMap::new(),
            fallen: BTreeMap::new(),
            laws,
            report: Report::default(),
            begun: Instant::now(),
            digest: Sha256::new(),
            province_dir,
            plan,
            folder,
        };
        for (number, code) in codes.into_iter().enumerate() {
            let (feed, client) = (x25519::Identity::generate(), rcgen::KeyPair::generate().unwrap());
            let enrolled = Enrolled { index: index_key.clone(), feed, client };
            world.enrol(&code, &enrolled).await;
            let link = SimLink::new(&code, &world.network, enrolled);
            let skew = world.random.random_range(-2 * MINUTE..2 * MINUTE);
            let clock = SimClock::new(&time, skew, &code);
            let table = |expression| timetable(expression, &code);
            let timing = Timing::new(table(world.plan.push), table(world.plan.pull), table(world.plan.contact), LONGEST_PAUSE);
            let home = world.folder.path().join(&code);
            let mut station = Station::new(code, home, clock, link, timing, Arc::clone(&rules));
            if number == 0 {
                station.use_small_disk();
            }
            world.stations.push(station);
            world.publish(number);
            world.learn_texts(number);
            world.start(number).await;
            world.at(begin, Event::Day(number));
        }
        world.at(begin, Event::ProvinceDay);
        if world.plan.lie == Some(Lie::Backup) {
            let row = OF_PROVINCE.iter().position(|row| row.what == Happening::ProvinceRestored).unwrap();
            world.at(begin + 8 * HOUR, Event::ProvinceHappens { row });
        }
        world
    }

    /// The real enrolment: code, signing request, certificate.
    async fn enrol(&self, code: &str, enrolled: &Enrolled) {
        let csr = rcgen::CertificateParams::default().serialize_request(&enrolled.client).unwrap().pem().unwrap();
        self.province().set_clock(Some(instant(self.time.now()).fixed_offset()));
        let once = self.province().enrolment_code(code).unwrap();
        let install = Uuid::from_u128(self.stations.len() as u128 + 1);
        let body = json!({
            "format": 1, "station": code, "code": once, "install": install, "csr_pem": csr,
            "feed_recipient": enrolled.feed.to_public().to_string(),
        });
        let request = Request::post("/v1/enrol").body(Bytes::from(body.to_string())).unwrap();
        let response = self.province().answer(None, request).await;
        assert_eq!(response.status(), StatusCode::OK, "{response:?}");
        let answer: Value = serde_json::from_slice(response.body()).unwrap();
        assert!(answer["certificate_pem"].is_string());
    }

    fn learn_texts(&mut self, number: usize) {
        let people = self.province().people(&self.stations[number].code).unwrap();
        let mut texts: Vec<String> = people.iter().map(|person| person.card.clone()).collect();
        texts.extend(people.iter().take(10).map(provincial::payload::bhyt_card));
        texts.extend(people.iter().take(10).filter_map(provincial::payload::citizen_id));
        texts.extend(["GD4010100009999".to_owned(), "GD4010100009998".to_owned()]);
        // Some who are on another station's roster: the province knows them, this station has to ask.
        let elsewhere = code((number + 1) % self.plan.stations);
        texts.extend(self.province().people(&elsewhere).unwrap().iter().take(self.plan.people / 10).map(|person| person.card.clone()));
        self.stations[number].texts = texts;
    }
}
