//! The names of the guard's refusals, in the ledger and the API.

use super::Refusal;

impl Refusal {
    const ALL: [Self; 13] = [
        Self::TooLong,
        Self::TwoUrls,
        Self::Words,
        Self::Placeholder,
        Self::Control,
        Self::Backslash,
        Self::Unreadable,
        Self::Scheme,
        Self::UserInfo,
        Self::Fragment,
        Self::Port,
        Self::SpecialName,
        Self::Address,
    ];

    /// Gives the refusal's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::TwoUrls => "two_urls",
            Self::Words => "words",
            Self::Placeholder => "placeholder",
            Self::Control => "control",
            Self::Backslash => "backslash",
            Self::Unreadable => "unreadable",
            Self::Scheme => "scheme",
            Self::UserInfo => "user_info",
            Self::Fragment => "fragment",
            Self::Port => "port",
            Self::SpecialName => "special_name",
            Self::Address => "blocked",
        }
    }

    /// Gives the refusal of a name. None: this version knows no refusal of that name.
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
