//! How personal data is kept out of logs.
//!
//! Promise: an identifier or a name cannot be printed by accident. The newtypes made here have no `Display`, and
//! their `Debug` shows the type and the length only; whoever needs the text says `as_str` where a reviewer sees it.
//! Never: a shortened or hashed form. Both can be turned back into the number by trying all of them.

/// Makes a text newtype that can only be built by its own checks and never prints its content.
macro_rules! personal_text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// The text itself. Not for logs, URLs, metrics or errors.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, concat!(stringify!($name), "(… {} characters)"), self.0.chars().count())
            }
        }
    };
}

/// Makes a text newtype for codes that tell nothing about a person: they print themselves.
macro_rules! public_code {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// The code as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

pub(crate) use personal_text;
pub(crate) use public_code;
