//! Accounts on a real database.

use super::*;
use crate::storage::test_support::Station;
use crate::storage::test_support::morning;

fn new(name: &str, role: Role) -> NewAccount {
    NewAccount { name: OperatorName::parse(name).unwrap(), personal_id: None, role }
}

#[tokio::test]
async fn open_accounts_have_a_name_and_a_personal_id_of_their_own_and_closed_ones_keep_theirs() {
    let station = Station::new();
    let visits = station.visits();
    let id = |n: &str| CitizenId::parse(n).ok();
    let with_id = |name: &str, n| NewAccount { personal_id: id(n), ..new(name, Role::Reception) };
    let first = visits.add_account(new("Nguyễn Thị Đầu", Role::Head), "a".into(), morning()).await.unwrap().unwrap();
    let second = visits.add_account(with_id("Lê Thị Hai", "097100000001"), "b".into(), morning()).await.unwrap().unwrap();
    let taken = visits.add_account(new("NGUYỄN  THỊ ĐẦU", Role::Reception), "c".into(), morning()).await.unwrap();
    assert_eq!(taken, Err(Unfitting::NameTaken));
    let taken = visits.add_account(with_id("Lê Thị Ba", "097100000001"), "c".into(), morning()).await.unwrap();
    assert_eq!(taken, Err(Unfitting::PersonalIdTaken));
    assert_eq!(visits.change_account(second, AccountChange::Close, morning()).await.unwrap(), Ok(()));
    assert_eq!(visits.change_account(second, AccountChange::Pin("x".into()), morning()).await.unwrap(), Err(Unfitting::NoAccount));
    assert_eq!(visits.pin_hash(second).await.unwrap(), None);
    let third = visits.add_account(with_id("Lê Thị Hai", "097100000001"), "c".into(), morning()).await.unwrap().unwrap();
    assert_eq!((first, second, third), (OperatorId(1), OperatorId(2), OperatorId(3)), "a number is never given twice");
    let all = visits.accounts().await.unwrap();
    assert_eq!(all.iter().map(|account| account.closed_at.is_some()).collect::<Vec<_>>(), [false, true, false]);
    let open: Vec<_> = visits.open_accounts().borrow().iter().map(|account| account.id).collect();
    assert_eq!(open, [first, third]);
    visits.close();
    let visits = station.visits();
    assert_eq!(visits.open_accounts().borrow().len(), 2, "and after a restart");
    let deleted = visits.write(|db| Ok(db.execute("DELETE FROM operator", [])?)).await;
    assert!(deleted.unwrap_err().to_string().contains("refused"), "never deleted");
    visits.close();
}

#[tokio::test]
async fn the_last_head_stays() {
    let station = Station::new();
    let visits = station.visits();
    let head = visits.add_account(new("Nguyễn Thị Đầu", Role::Head), "a".into(), morning()).await.unwrap().unwrap();
    let other = visits.add_account(new("Lê Thị Hai", Role::Reception), "b".into(), morning()).await.unwrap().unwrap();
    for change in [AccountChange::Close, AccountChange::Role(Role::Reception)] {
        assert_eq!(visits.change_account(head, change, morning()).await.unwrap(), Err(Unfitting::LastHead));
    }
    assert_eq!(visits.change_account(other, AccountChange::Role(Role::Head), morning()).await.unwrap(), Ok(()));
    assert_eq!(visits.change_account(head, AccountChange::Close, morning()).await.unwrap(), Ok(()));
    assert_eq!(visits.change_account(other, AccountChange::Close, morning()).await.unwrap(), Err(Unfitting::LastHead));
    visits.close();
}

#[tokio::test]
async fn another_pin_has_another_number() {
    let station = Station::new();
    let visits = station.visits();
    let id = visits.add_account(new("Nguyễn Thị Đầu", Role::Head), "a".into(), morning()).await.unwrap().unwrap();
    visits.change_account(id, AccountChange::Pin("b".into()), morning()).await.unwrap().unwrap();
    assert_eq!(visits.pin_hash(id).await.unwrap().as_deref(), Some("b"));
    assert_eq!(visits.open_accounts().borrow()[0].pin_number, 2);
    visits.close();
}

/// Damage anywhere but in the accounts' own pages: whoever works at the desk goes on, with the PIN and the number there were.
#[tokio::test]
async fn accounts_outlive_damage_to_the_visits() {
    let (mut kept, mut lost) = (0, 0);
    for page in (2..40).step_by(3) {
        let station = Station::new();
        let visits = station.visits();
        let first = visits.add_account(new("Nguyễn Thị Đầu", Role::Head), "hash".into(), morning()).await.unwrap().unwrap();
        let second = visits.add_account(new("Lê Thị Hai", Role::Reception), "b".into(), morning()).await.unwrap().unwrap();
        visits.change_account(second, AccountChange::Close, morning()).await.unwrap().unwrap();
        for n in 0..20 {
            visits.append(crate::storage::test_support::visit(n)).await.unwrap();
        }
        let before = visits.accounts().await.unwrap();
        visits.close();
        let path = station.path().join("visits.db");
        let mut content = std::fs::read(&path).unwrap();
        let Some(byte) = content.get_mut(page * 4096 + 100) else { break };
        *byte ^= 1;
        std::fs::write(&path, content).unwrap();
        let visits = station.visits();
        assert!(!Station::set_aside(station.path()).is_empty(), "page {page}");
        if visits.accounts().await.unwrap() == before {
            assert_eq!(visits.pin_hash(first).await.unwrap().as_deref(), Some("hash"));
            let third = visits.add_account(new("Lê Thị Ba", Role::Reception), "c".into(), morning()).await.unwrap().unwrap();
            assert_eq!(third, OperatorId(3), "page {page}: a number is never given twice");
            kept += 1;
        } else {
            assert!(visits.accounts().await.unwrap().is_empty(), "page {page}: all or none");
            lost += 1;
        }
        visits.close();
    }
    println!("damage in {kept} pages left the accounts, in {lost} it took them");
    assert!(kept > 8 && lost <= 4, "{kept} {lost}");
}
