//! Backups by a clock that is set by hand, into a folder that comes and goes like a stick.

use core::sync::atomic::AtomicUsize;
use core::sync::atomic::Ordering;
use std::fs;

use tokio::task::JoinHandle;

use super::*;
use crate::app::Opened;
use crate::app::by_hand::Place;
use crate::app::by_hand::until;
use crate::desk::errands::Errand;
use crate::desk::errands::Named;
use crate::storage::folder;

const HURRY: Pace = Pace { after_start: Duration::ZERO, shortest: Duration::from_millis(1), look: Duration::from_millis(5) };
/// An identity of nobody's is behind it.
const TABLE: &str = "[backup]\nfolder = \"FOLDER\"\nrecipients = [\"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\"]\nschedule = \"30 11 * * *\"\n";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The task, and whoever does what it asks for as the agent does it.
struct Running {
    opened: Opened,
    asked: Arc<AtomicUsize>,
    tasks: [JoinHandle<()>; 2],
}

impl Running {
    async fn start(place: &Place, config: &Config) -> Self {
        let opened = place.open(config).await;
        let (_, sticks) = watch::channel(Arc::from([]));
        let (errands, mut orders) = Errands::new(sticks);
        let (hands, asked) = (opened.hands(config), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&asked);
        let doing = tokio::spawn(async move {
            while let Some(order) = orders.recv().await {
                let Errand::BackUp { folder: None, reply } = order else { panic!("no other errand is asked for") };
                let done = hands.back_up(None).await;
                counted.fetch_add(1, Ordering::SeqCst);
                let _ = reply.send(done);
            }
        });
        let (wanted, told) = watch::channel(Arc::new(config.clone()));
        let (visits, clock) = (opened.visits.clone(), opened.time.clone());
        let looking = tokio::spawn(async move {
            // The configuration stays in force as long as it is looked at.
            let _wanted = wanted;
            match look(HURRY, told, errands, visits, clock).await {}
        });
        Self { opened, asked, tasks: [looking, doing] }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    async fn is_asked(&self, times: usize) {
        until("a backup was asked for", || self.asked() >= times).await;
    }

    async fn stop(self) {
        let [looking, doing] = self.tasks;
        looking.abort();
        assert!(looking.await.unwrap_err().is_cancelled());
        // Whoever does the errands ends with whoever asks for them.
        doing.await.unwrap();
        self.opened.close().await;
    }
}

/// Looks at the clock that are more than any backup takes by itself.
const LOOKS: u64 = 12;

fn files(place: &Place) -> usize {
    fs::read_dir(place.backups()).unwrap().filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|end| end == "db")).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_made_once_when_its_time_comes_and_one_that_was_missed_as_soon_as_the_station_runs() {
    // Eight in the morning here.
    let place = Place::new(at("2026-11-22T01:00:00Z"));
    let config = place.config(&TABLE.replace("FOLDER", place.backups().to_str().unwrap()));
    let due_after = |instant| timetable(&config).unwrap().next_after(instant).unwrap();
    let first = due_after(at("2026-11-22T01:00:00Z"));
    // Half past eleven, and the station's own part of the day's distance to the next.
    assert!(first >= at("2026-11-22T04:30:00Z") && first < at("2026-11-23T04:30:00Z"), "{first}");
    let running = Running::start(&place, &config).await;
    place.looked(LOOKS).await;
    place.set(first - TimeDelta::seconds(1));
    place.looked(LOOKS).await;
    assert_eq!((running.asked(), files(&place)), (0, 0), "not a second before");
    place.set(first);
    running.is_asked(1).await;
    place.looked(LOOKS).await;
    place.set(due_after(first) - TimeDelta::seconds(1));
    place.looked(LOOKS).await;
    assert_eq!((running.asked(), files(&place)), (1, 1), "once");
    assert_eq!(running.opened.visits.backups().borrow().good_at, Some(first));
    place.set(due_after(first));
    running.is_asked(2).await;
    place.looked(LOOKS).await;
    assert_eq!((running.asked(), files(&place)), (2, 2));
    running.stop().await;
    // Off for five days, and switched on between two of its times.
    let back = due_after(first) + TimeDelta::days(5) + TimeDelta::hours(3);
    place.set(back);
    let running = Running::start(&place, &config).await;
    running.is_asked(1).await;
    place.looked(LOOKS).await;
    assert_eq!((running.asked(), files(&place)), (1, 3), "one makes up for all that were missed");
    place.set(due_after(back));
    running.is_asked(2).await;
    assert_eq!(running.opened.visits.backups().borrow().good_at, Some(due_after(back)), "and the timetable goes on");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_fails_is_tried_again_every_quarter_of_an_hour_and_told_since_it_first_failed() {
    let begun = at("2026-11-22T01:00:00Z");
    let place = Place::new(begun);
    let config = place.config(&TABLE.replace("FOLDER", place.backups().to_str().unwrap()));
    let due_after = |instant| timetable(&config).unwrap().next_after(instant).unwrap();
    let away = place.dir.path().join("away");
    fs::rename(place.backups(), &away).unwrap();
    let due = due_after(begun);
    let running = Running::start(&place, &config).await;
    let failing = |running: &Running| running.opened.visits.backups().borrow().failing.clone();
    place.set(due);
    running.is_asked(1).await;
    place.looked(LOOKS).await;
    place.set(due + AGAIN - TimeDelta::seconds(1));
    place.looked(LOOKS).await;
    assert_eq!((running.asked(), failing(&running)), (1, Some((due, "file".into()))), "no busy loop");
    assert!(!place.backups().exists(), "a stick that is not in is not made");
    place.set(due + AGAIN);
    running.is_asked(2).await;
    place.looked(LOOKS).await;
    assert_eq!((running.asked(), failing(&running)), (2, Some((due, "file".into()))), "since it first failed");
    running.stop().await;
    // After a start it is not waited for the next quarter; it is not forgotten either.
    place.set(due + AGAIN + TimeDelta::minutes(2));
    let running = Running::start(&place, &config).await;
    running.is_asked(1).await;
    assert_eq!(failing(&running), Some((due, "file".into())));
    fs::rename(&away, place.backups()).unwrap();
    let mended = due + AGAIN * 2 + TimeDelta::minutes(2);
    place.set(mended);
    running.is_asked(2).await;
    place.looked(LOOKS).await;
    let told = running.opened.visits.backups().borrow().clone();
    assert_eq!((running.asked(), files(&place), told.failing, told.good_at), (2, 1, None, Some(mended)));
    running.stop().await;
}

/// Whoever looks when the last good one was made means those where the configuration wants them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_elsewhere_ends_no_alarm_and_a_folder_that_the_service_sees_otherwise_is_refused() {
    let place = Place::new(at("2026-11-22T01:00:00Z"));
    let config = place.config(&TABLE.replace("FOLDER", place.backups().to_str().unwrap()));
    let opened = place.open(&config).await;
    let hands = opened.hands(&config);
    let elsewhere = place.dir.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let seen = |path: &std::path::Path| Some(folder::place(path).unwrap());
    let away = place.dir.path().join("away");
    fs::rename(place.backups(), &away).unwrap();
    assert_eq!(hands.back_up(None).await.unwrap_err().code, "file");
    let told = || opened.visits.backups().borrow().clone();
    let made = hands.back_up(Some(Named { path: elsewhere.clone(), place: seen(&elsewhere) })).await.unwrap();
    assert!(!made.counts && made.same_disk);
    assert!(told().failing.is_some() && told().good_at.is_none(), "one elsewhere is none of those");
    // As with a `/tmp` of the service's own: the name is the same, and the folder is not.
    let other = hands.back_up(Some(Named { path: elsewhere.clone(), place: seen(&away) })).await.unwrap_err();
    assert_eq!(other.code, "other_folder");
    let gone = hands.back_up(Some(Named { path: place.dir.path().join("unseen"), place: seen(&away) })).await.unwrap_err();
    assert_eq!(gone.code, "other_folder");
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 2, "nothing was written to the other one");
    fs::rename(&away, place.backups()).unwrap();
    let made = hands.back_up(Some(Named { path: place.backups().join("../backups"), place: seen(&place.backups()) })).await.unwrap();
    assert!(made.counts && told().failing.is_none() && told().good_at.is_some(), "the same folder under another name");
    drop(hands);
    opened.close().await;
}

/// They counted as good, in the folder that is lost with the disk, or beside the key that opens them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_into_the_data_or_the_keys_is_refused_whatever_the_folder_is_called() {
    let place = Place::new(at("2026-11-22T01:00:00Z"));
    let link = place.dir.path().join("link");
    let config = place.config(&TABLE.replace("FOLDER", link.to_str().unwrap()));
    let opened = place.open(&config).await;
    let hands = opened.hands(&config);
    let inside = config.data_dir.join("copies");
    fs::create_dir(&inside).unwrap();
    std::os::unix::fs::symlink(&config.data_dir, &link).unwrap();
    let keys = config.keys.dir().to_owned();
    for folder in [config.data_dir.clone(), inside.clone(), keys.clone(), link.clone()] {
        let named = Named { path: folder.clone(), place: Some(folder::place(&folder).unwrap()) };
        assert_eq!(hands.back_up(Some(named)).await.unwrap_err().code, "own_folder", "{folder:?}");
    }
    assert_eq!(hands.back_up(None).await.unwrap_err().code, "own_folder", "the configured one has become a link to the data");
    let told = opened.visits.backups().borrow().clone();
    assert!(told.good_at.is_none() && told.failing.is_some(), "{told:?}");
    for folder in [&config.data_dir, &inside, &keys] {
        let copies =
            fs::read_dir(folder).unwrap().filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("visits-"));
        assert_eq!(copies.count(), 0, "{folder:?}");
    }
    drop(hands);
    opened.close().await;
}

/// As systemd does it for the service: in the place of the folder stands one that only the service sees.
#[tokio::test]
async fn a_configured_folder_that_only_the_service_sees_holds_no_backup_and_the_alarm_says_so() {
    let place = Place::new(at("2026-11-22T01:00:00Z"));
    let config = place.config(&TABLE.replace("FOLDER", place.backups().to_str().unwrap()));
    let own = place.dir.path().join("systemd-private-1-bhyt-agent.service-x");
    fs::create_dir(&own).unwrap();
    let mounted = std::process::Command::new("mount").arg("--bind").args([&own, &place.backups()]).output();
    if !mounted.is_ok_and(|mounted| mounted.status.success()) {
        println!("skipped: nothing can be mounted here");
        return;
    }
    let opened = place.open(&config).await;
    let hands = opened.hands(&config);
    let refused = hands.back_up(None).await;
    let unmounted = std::process::Command::new("umount").arg("--lazy").arg(place.backups()).output().unwrap();
    assert!(unmounted.status.success(), "{unmounted:?}");
    let refused = refused.unwrap_err();
    assert!(refused.code == "other_folder" && refused.said.en.contains("/var/tmp"), "{refused:?}");
    assert_eq!(fs::read_dir(&own).unwrap().count(), 0);
    assert_eq!(opened.visits.backups().borrow().failing.as_ref().map(|(_, code)| &**code), Some("other_folder"));
    assert!(hands.back_up(None).await.is_ok());
    drop(hands);
    opened.close().await;
}
