//! How a world begins: a province in a folder, and stations enrolled as any station is.
//!
//! Promise: people, clocks and everything else that is made up comes from the seed. Never: a certificate or a feed by another way than the protocol's.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use age::x25519;
use axum::body::Bytes;
use axum::http::Request;
use axum::http::StatusCode;
use bhyt_agent::domain::facility::FacilityCode;
use bhyt_agent::ops::rules::builtin;
use bhyt_agent::sync::driver::Timing;
use bhyt_agent::sync::schedule::Timetable;
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
use crate::simulation::clock::MINUTE;
use crate::simulation::clock::SimClock;
use crate::simulation::clock::VirtualTime;
use crate::simulation::clock::instant;
use crate::simulation::laws::Laws;
use crate::simulation::link::Network;
use crate::simulation::link::SimLink;
use crate::simulation::station::Station;
use crate::simulation::station::seed_chance;

/// Twice a day.
const CONTACT: &str = "0 0 6,18 * * *";
/// As it is where the configuration says nothing.
const LONGEST_PAUSE: Duration = Duration::from_mins(15);

fn code(number: usize) -> String {
    format!("{}", 10_000 + number)
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
            stations: codes.iter().map(|code| StationSettings::new(code, plan.people)).collect(),
            today: instant(begin + DAY / 2).date_naive(),
            hosts: Vec::new(),
        };
        let province = Province::create(&province_dir, &settings).unwrap();
        let index_key = province.index_public_key().unwrap();
        let network = Arc::new(Network {
            time: Arc::clone(&time),
            province: Mutex::new(Some(province)),
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
            laws,
            report: Report::default(),
            digest: Sha256::new(),
            province_dir,
            plan,
            folder,
        };
        for (number, code) in codes.into_iter().enumerate() {
            let identity = x25519::Identity::generate();
            world.enrol(&code, &identity).await;
            let link = SimLink::new(&code, &world.network, &index_key, identity);
            let skew = world.random.random_range(-2 * MINUTE..2 * MINUTE);
            let clock = SimClock::new(&time, skew, &code);
            let table = |expression| timetable(expression, &code);
            let timing = Timing::new(table(world.plan.push), table(world.plan.pull), table(CONTACT), LONGEST_PAUSE);
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
        world
    }

    /// The real enrolment: code, signing request, certificate.
    async fn enrol(&self, code: &str, identity: &x25519::Identity) {
        let key = rcgen::KeyPair::generate().unwrap();
        let csr = rcgen::CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
        self.province().set_clock(Some(instant(self.time.now()).fixed_offset()));
        let once = self.province().enrolment_code(code).unwrap();
        let install = Uuid::from_u128(self.stations.len() as u128 + 1);
        let body = json!({
            "format": 1, "station": code, "code": once, "install": install, "csr_pem": csr,
            "feed_recipient": identity.to_public().to_string(),
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
        self.stations[number].texts = texts;
    }
}
