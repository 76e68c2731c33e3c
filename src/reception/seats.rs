//! Who sits at which browser.
//!
//! Promise: a cookie is worth something only while somebody has signed in with it, not idle for longer than the station allows, and the account is
//! open and has the PIN it was signed in with; time is the machine's own. What was signed out or replaced is worth nothing from that moment. Never:
//! the disk: a restart signs everybody out.

use core::time::Duration;
use std::collections::HashMap;

use tokio::sync::watch;

use crate::domain::operator::Account;
use crate::domain::operator::Operator;

use super::session::Token;

/// Browsers with somebody at them: more than any station has. The one that was idle the longest makes room.
const SEATS: usize = 256;

/// How long an open list of the day is one line of the log.
const DAY_SHOWN_FOR: Duration = Duration::from_mins(15);

/// Where a browser is: its cookie is worth something there only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Whence {
    /// At this machine.
    #[default]
    Own,
    /// At a paired desk.
    Desk(u64),
    /// Somewhere on the house's network, where nobody signs in.
    Stranger,
}

/// How a browser stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seated {
    /// Somebody works there.
    Open(Operator),
    /// Somebody worked there, and has to show the PIN again.
    Locked(Operator),
    /// Nobody does.
    Nobody,
}

impl Seated {
    /// The stable text on the page.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Open(_) => "open",
            Self::Locked(_) => "locked",
            Self::Nobody => "nobody",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Locked,
    Left,
}

struct Seat {
    operator: Operator,
    pin_number: u32,
    last: Duration,
    state: State,
    /// The look-up that is on the page and is not saved.
    at_work: Option<Token>,
    /// When it last stood in the log that the day's list is shown there.
    day_shown: Option<Duration>,
    /// Through which door somebody signed in.
    whence: Whence,
}

/// All of them.
#[derive(Default)]
pub(super) struct Seats {
    held: HashMap<Token, Seat>,
    turned: watch::Sender<()>,
}

impl Seats {
    /// Word whenever somebody sits down or leaves, or a desk is locked, whichever it is.
    pub(super) fn turned(&self) -> watch::Receiver<()> {
        self.turned.subscribe()
    }

    /// How a browser stands now, and whether it was locked by this look because nobody had touched it for so long.
    pub(super) fn look(&mut self, session: Token, accounts: &[Account], idle: Duration, now: Duration) -> (Seated, bool) {
        let Some(seat) = self.held.get_mut(&session).filter(|seat| seat.state != State::Left) else { return (Seated::Nobody, false) };
        let Some(account) = accounts.iter().find(|account| Some(account.id) == seat.operator.id) else {
            seat.state = State::Left;
            self.turned.send_replace(());
            return (Seated::Nobody, false);
        };
        seat.operator = account.operator();
        let was_open = seat.state == State::Open;
        if seat.pin_number != account.pin_number || now.saturating_sub(seat.last) >= idle {
            seat.state = State::Locked;
            if was_open {
                self.turned.send_replace(());
            }
        }
        let operator = seat.operator.clone();
        match seat.state {
            State::Open => (Seated::Open(operator), false),
            State::Locked | State::Left => (Seated::Locked(operator), was_open),
        }
    }

    /// Who sits or sat there: what was begun by somebody is ended by the same one, also if that one leaves meanwhile.
    pub(super) fn operator(&self, session: Token) -> Option<Operator> {
        self.held.get(&session).map(|seat| seat.operator.clone())
    }

    /// Somebody did something there.
    pub(super) fn touch(&mut self, session: Token, now: Duration) {
        if let Some(seat) = self.held.get_mut(&session).filter(|seat| seat.state == State::Open) {
            seat.last = now;
        }
    }

    /// Somebody signs in: the session is another one from now on, and the one before is worth nothing. Returns who leaves for it, and the look-up to
    /// go on with, which is the same person's.
    pub(super) fn sit(
        &mut self,
        before: Token,
        (session, whence): (Token, Whence),
        account: &Account,
        now: Duration,
    ) -> (Option<Operator>, Option<Token>) {
        let old = self.held.get_mut(&before).filter(|seat| seat.state != State::Left).map(|seat| {
            seat.state = State::Left;
            (seat.operator.clone(), seat.at_work.take())
        });
        let (left, at_work) = match old {
            Some((operator, at_work)) if operator.id == Some(account.id) => (None, at_work),
            Some((operator, _)) => (Some(operator), None),
            None => (None, None),
        };
        if self.held.len() >= SEATS
            && let Some(oldest) = self.held.iter().min_by_key(|(_, seat)| (seat.state != State::Left, seat.last)).map(|(token, _)| *token)
        {
            self.held.remove(&oldest);
        }
        let seat = Seat {
            operator: account.operator(),
            pin_number: account.pin_number,
            last: now,
            state: State::Open,
            at_work,
            day_shown: None,
            whence,
        };
        self.held.insert(session, seat);
        self.turned.send_replace(());
        (left, at_work)
    }

    /// The page shows a look-up that is not saved, or none.
    pub(super) fn works_on(&mut self, session: Token, at_work: Option<Token>) {
        if let Some(seat) = self.held.get_mut(&session) {
            seat.at_work = at_work;
        }
    }

    /// The look-up to go on with.
    pub(super) fn at_work(&self, session: Token) -> Option<Token> {
        self.held.get(&session).and_then(|seat| seat.at_work)
    }

    /// The list of the day is shown there. Returns whether that is not in the log yet, for this sitting or for a while.
    pub(super) fn shows_day(&mut self, session: Token, now: Duration) -> bool {
        let Some(seat) = self.held.get_mut(&session) else { return true };
        let is_new = seat.day_shown.is_none_or(|at| now.saturating_sub(at) >= DAY_SHOWN_FOR);
        if is_new {
            seat.day_shown = Some(now);
        }
        is_new
    }

    /// Whether somebody has signed in with this cookie, but somewhere else: it was carried from there.
    pub(super) fn is_elsewhere(&self, session: Token, whence: Whence) -> bool {
        self.held.get(&session).is_some_and(|seat| seat.whence != whence)
    }

    /// Locks it. Returns whether somebody worked there.
    pub(super) fn lock(&mut self, session: Token) -> bool {
        self.put(session, State::Locked)
    }

    /// Whoever sits there leaves. Returns whether somebody did.
    pub(super) fn leave(&mut self, session: Token) -> bool {
        self.works_on(session, None);
        self.put(session, State::Left)
    }

    fn put(&mut self, session: Token, state: State) -> bool {
        let seat = self.held.get_mut(&session).filter(|seat| seat.state != State::Left);
        let is_turned = seat.is_some_and(|seat| core::mem::replace(&mut seat.state, state) != state);
        if is_turned {
            self.turned.send_replace(());
        }
        is_turned
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::operator::NewAccount;
    use crate::domain::operator::OperatorId;
    use crate::domain::operator::Role;
    use crate::domain::visit::OperatorName;

    const IDLE: Duration = Duration::from_mins(5);

    fn account(id: u32) -> Account {
        let content = NewAccount { name: OperatorName::parse("Lê Thị Thử").unwrap(), personal_id: None, role: Role::Reception };
        Account { id: OperatorId(id), content, pin_number: 1, created_at: chrono::DateTime::UNIX_EPOCH, closed_at: None }
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_seat_is_open_while_it_is_used_and_its_account_is_as_it_was() {
        let (mut seats, session) = (Seats::default(), Token::random());
        let accounts = [account(1)];
        assert_eq!(seats.look(session, &accounts, IDLE, at(0)).0, Seated::Nobody);
        seats.sit(Token::random(), (session, Whence::Own), &accounts[0], at(0));
        let code = |seats: &mut Seats, accounts: &[Account], now| seats.look(session, accounts, IDLE, at(now)).0.code();
        assert_eq!(code(&mut seats, &accounts, 299), "open");
        seats.touch(session, at(299));
        assert_eq!(code(&mut seats, &accounts, 598), "open");
        assert_eq!(seats.look(session, &accounts, IDLE, at(599)), (Seated::Locked(accounts[0].operator()), true));
        assert!(!seats.look(session, &accounts, IDLE, at(600)).1, "said once");
        seats.touch(session, at(600));
        assert_eq!(code(&mut seats, &accounts, 600), "locked", "a lock is opened by a PIN only");
        for (changed, code_then) in [(Account { pin_number: 2, ..account(1) }, "locked"), (account(2), "nobody")] {
            let (mut seats, session) = (Seats::default(), Token::random());
            seats.sit(Token::random(), (session, Whence::Own), &accounts[0], at(0));
            assert_eq!(seats.look(session, &[changed], IDLE, at(1)).0.code(), code_then);
        }
        let promoted = Account { content: NewAccount { role: Role::Head, ..account(1).content }, ..account(1) };
        assert!(matches!(seats.look(session, &[promoted], IDLE, at(600)).0, Seated::Locked(operator) if operator.role.is_head()));
    }

    #[test]
    fn whoever_signs_in_ends_the_session_before_and_only_the_same_person_goes_on_with_its_work() {
        let accounts = [account(1), account(2)];
        let [first, second, third, work] = [(); 4].map(|()| Token::random());
        let mut seats = Seats::default();
        seats.sit(Token::random(), (first, Whence::Own), &accounts[0], at(0));
        seats.works_on(first, Some(work));
        assert!(seats.lock(first) && !seats.lock(first));
        assert_eq!(seats.sit(first, (second, Whence::Own), &accounts[0], at(1)), (None, Some(work)));
        assert_eq!(seats.look(first, &accounts, IDLE, at(1)).0, Seated::Nobody);
        assert_eq!(seats.sit(second, (third, Whence::Own), &accounts[1], at(2)), (Some(accounts[0].operator()), None));
        assert_eq!(seats.at_work(third), None);
        assert!(seats.leave(third) && !seats.leave(third) && !seats.lock(third));
        assert_eq!(seats.operator(third), Some(accounts[1].operator()), "what was begun is ended by name");
    }

    #[test]
    fn a_cookie_is_worth_nothing_where_it_was_carried_to() {
        let (mut seats, session) = (Seats::default(), Token::random());
        seats.sit(Token::random(), (session, Whence::Own), &account(1), at(0));
        assert!(!seats.is_elsewhere(session, Whence::Own) && !seats.is_elsewhere(Token::random(), Whence::Desk(2)));
        for whence in [Whence::Desk(2), Whence::Stranger] {
            assert!(seats.is_elsewhere(session, whence), "{whence:?}");
        }
    }

    #[test]
    fn there_is_a_bound_and_whoever_works_is_not_the_first_to_go() {
        let (mut seats, accounts) = (Seats::default(), [account(1)]);
        let worker = Token::random();
        seats.sit(Token::random(), (worker, Whence::Own), &accounts[0], at(0));
        seats.touch(worker, at(100_000));
        for n in 0..1000 {
            seats.sit(Token::random(), (Token::random(), Whence::Own), &accounts[0], at(n));
        }
        assert_eq!(seats.held.len(), SEATS);
        assert_eq!(seats.look(worker, &accounts, IDLE, at(100_000)).0.code(), "open");
    }
}
