//! Who works at the desk.
//!
//! Promise: what somebody may do follows from the role alone. Never: a shared account; whoever does something is named.

use super::field::Problem;
use super::visit::OperatorName;

/// What somebody may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Role {
    /// Receives people: looks up, saves, corrects.
    #[default]
    Reception,
    /// Heads the station: manages the accounts and the desks, and sees the lists of people as a whole.
    Head,
}

impl Role {
    /// The stable text. FROZEN: stored in visits.db.
    pub fn code(self) -> &'static str {
        match self {
            Self::Reception => "reception",
            Self::Head => "head",
        }
    }

    /// Reads the stable text.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        [Self::Reception, Self::Head].into_iter().find(|role| role.code() == text).ok_or(Problem::UnknownCode)
    }

    /// Whether accounts, desks and whole lists of people are this person's business.
    pub fn is_head(self) -> bool {
        self == Self::Head
    }
}

/// Somebody at the desk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// By this name visits are saved.
    pub name: OperatorName,
    /// What this person may do.
    pub role: Role,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_read_as_written() {
        for role in [Role::Reception, Role::Head] {
            assert_eq!(Role::parse(role.code()), Ok(role));
        }
        assert_eq!(Role::parse("admin"), Err(Problem::UnknownCode));
    }
}
