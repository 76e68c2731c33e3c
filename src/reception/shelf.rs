//! What waits between two requests, under a random token.
//!
//! Promise: never more entries than it was made for and none older than its time; the oldest makes room for a new one. Never: a clock of its own;
//! the disk: what waits here was not promised to anybody.

use core::time::Duration;
use std::collections::HashMap;

use super::session::Token;

/// A bounded map whose entries expire. Times are time since the machine's start.
pub(super) struct Shelf<V> {
    capacity: usize,
    lasts: Duration,
    entries: HashMap<Token, (Duration, V)>,
}

impl<V> Shelf<V> {
    pub(super) fn new(capacity: usize, lasts: Duration) -> Self {
        Self { capacity, lasts, entries: HashMap::new() }
    }

    /// Puts a value there, in place of what was under the token. What has expired goes, and the oldest if there is no room.
    pub(super) fn put(&mut self, token: Token, value: V, now: Duration) {
        let lasts = self.lasts;
        self.entries.retain(|held, (since, _)| *held != token && now.saturating_sub(*since) < lasts);
        if self.entries.len() >= self.capacity
            && let Some(oldest) = self.entries.iter().min_by_key(|(_, (since, _))| *since).map(|(token, _)| *token)
        {
            self.entries.remove(&oldest);
        }
        self.entries.insert(token, (now, value));
    }

    /// What is under a token, and for how long it has been.
    pub(super) fn get(&self, token: Token, now: Duration) -> Option<(&V, Duration)> {
        let (since, value) = self.entries.get(&token)?;
        let age = now.saturating_sub(*since);
        (age < self.lasts).then_some((value, age))
    }

    /// What is under a token, to keep.
    pub(super) fn held(&self, token: Token, now: Duration) -> Option<V>
    where
        V: Clone,
    {
        self.get(token, now).map(|(value, _)| value.clone())
    }

    /// Takes away what is under a token.
    pub(super) fn remove(&mut self, token: Token) {
        self.entries.remove(&token);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LASTS: Duration = Duration::from_secs(10);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn an_entry_lasts_its_time_and_no_longer() {
        let mut shelf = Shelf::new(2, LASTS);
        let token = Token::random();
        shelf.put(token, "a", at(100));
        assert_eq!(shelf.get(token, at(109)), Some((&"a", at(9))));
        assert_eq!(shelf.get(token, at(110)), None);
        assert_eq!(shelf.get(Token::random(), at(100)), None);
        assert_eq!(shelf.get(token, at(5)), Some((&"a", at(0))), "a clock that is set back ages nothing");
    }

    #[test]
    fn the_oldest_makes_room() {
        let mut shelf = Shelf::new(2, LASTS);
        let tokens = [Token::random(), Token::random(), Token::random()];
        for (token, second) in tokens.into_iter().zip(1..) {
            shelf.put(token, second, at(second));
        }
        let held = tokens.map(|token| shelf.get(token, at(4)).is_some());
        assert_eq!(held, [false, true, true]);
        assert_eq!(shelf.entries.len(), 2);
    }

    #[test]
    fn what_has_expired_goes_before_what_has_not() {
        let mut shelf = Shelf::new(2, LASTS);
        let tokens = [Token::random(), Token::random(), Token::random()];
        shelf.put(tokens[0], 0, at(0));
        shelf.put(tokens[1], 1, at(9));
        shelf.put(tokens[2], 2, at(12));
        assert!(shelf.get(tokens[1], at(12)).is_some() && shelf.get(tokens[2], at(12)).is_some());
        assert_eq!(shelf.entries.len(), 2);
    }

    #[test]
    fn the_same_token_is_one_entry() {
        let mut shelf = Shelf::new(2, LASTS);
        let (token, other) = (Token::random(), Token::random());
        shelf.put(other, 0, at(0));
        shelf.put(token, 1, at(1));
        shelf.put(token, 2, at(2));
        assert_eq!(shelf.get(token, at(2)), Some((&2, at(0))));
        assert!(shelf.get(other, at(2)).is_some());
        shelf.remove(token);
        assert_eq!(shelf.get(token, at(2)), None);
    }
}
