//! The names of the guard's refusals, in the ledger and the API.

use super::Refusal;

impl Refusal {
    const ALL: [Self; 7] = [
        Self::TooLong,
        Self::Control,
        Self::Unreadable,
        Self::Scheme,
        Self::UserInfo,
        Self::Port,
        Self::Address,
    ];

    /// The name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Control => "control",
            Self::Unreadable => "unreadable",
            Self::Scheme => "scheme",
            Self::UserInfo => "user_info",
            Self::Port => "port",
            Self::Address => "blocked",
        }
    }

    /// The refusal of a name; None if this version knows none of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|refusal| refusal.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_is_read_back_by_its_name() {
        for refusal in Refusal::ALL {
            assert_eq!(Refusal::parse(refusal.as_str()), Some(refusal));
        }
        assert_eq!(Refusal::parse("of a later version"), None);
    }
}
