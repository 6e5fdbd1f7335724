//! The URL, the owner's own header, the format, and the signing secret.

use std::time::Duration;

use adapters::deliveries_table::Retention;
use adapters::dynamodb::Written;
use adapters::http::{SystemLookup, resolves};
use adapters::process::clock;
use adapters::settings_table::{EmailChange, HeaderChange, OwnerSettings, RetentionChange, UrlChange};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::event::BusinessId;
use domain::guard::{Refusal, Target, TargetPolicy};
use domain::mail::{EmailAddress, InvalidEmailAddress};
use domain::pasted;
use domain::request::{InvalidStaticHeader, StaticHeader};

use super::formats::FormatIntent;
use super::health::Intent;
use super::hints::{self, Warning};
use super::{Fault, Refused, UseCaseError, UseCases};

/// The mask that stands for the stored value of a header. It is not ASCII, so no value equals it.
pub(crate) const SECRET_MASK: &str = "••••••••";

/// How long the previous secret stays valid after a rotation.
const ROTATION: Duration = Duration::from_hours(24);

const JUST_ROTATED_FOR: Duration = Duration::from_mins(1);

/// How many characters a new secret's text has; 32 of 62 letters and digits are 190 bits.
const SECRET_CHARS: usize = 32;

const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The change of the URL that the owner asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum UrlIntent {
    #[default]
    Keep,
    /// This URL replaces the stored one. None or empty: from now on there is no URL.
    Set(Option<String>),
}

/// The change of the header that the owner asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum HeaderIntent {
    #[default]
    Keep,
    Clear,
    /// This header replaces the stored one. A value of None, or the mask, keeps the stored value if the name stays the
    /// same.
    Set {
        name: String,
        value: Option<String>,
    },
}

/// The change of the address for mails that the owner asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum EmailIntent {
    #[default]
    Keep,
    /// This address replaces the stored one. None: from now on there is no address.
    Set(Option<String>),
}

/// The change of how long records are kept that the owner asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum RetentionIntent {
    #[default]
    Keep,
    /// So many days. None: as many as the stack keeps records.
    Set(Option<i64>),
}

/// The owner has asked for a number of days for which records cannot be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("records can be kept for 1 to {most} days, a whole number")]
pub(crate) struct InvalidRetention {
    /// The number of days for which the stack keeps records.
    pub(crate) most: u16,
}

/// The settings that were stored.
pub(crate) struct Saved {
    pub(crate) url: Option<String>,
    /// Whether the URL is another one than before.
    pub(crate) is_another: bool,
    pub(crate) warnings: Vec<Warning>,
}

/// A signing secret in the two forms that tools take.
pub(crate) struct SigningSecretText {
    /// `whsec_...`
    pub(crate) secret: String,
    /// The text that its base64 stands for, for tools that take only text secrets; None: it stands for no visible ASCII
    /// text.
    pub(crate) text: Option<String>,
}

impl SigningSecretText {
    pub(crate) fn of(secret: &str) -> Self {
        let decoded = secret.strip_prefix("whsec_").and_then(|encoded| STANDARD.decode(encoded).ok());
        let visible = |text: &String| text.bytes().all(|byte| byte.is_ascii_graphic());
        let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok()).filter(visible);
        Self { secret: secret.to_owned(), text }
    }
}

impl UseCases {
    /// Stores a change of the URL, of the header, of the format, of the address for mails, all cleaned, and of how long
    /// records are kept. A business's first secret is made with its first settings. Events that were held for the
    /// previous URL go to the new one.
    pub(crate) async fn save(
        &self,
        business_id: &BusinessId,
        url: UrlIntent,
        header: HeaderIntent,
        format: FormatIntent,
        email: EmailIntent,
        retention: RetentionIntent,
    ) -> Result<Saved, UseCaseError> {
        let before = self.tables.settings.read_for_owner(business_id, clock::now()).await?;
        let (url, header, format) = (url.cleaned(), header.cleaned(), format.cleaned());
        let wanted = match &url {
            UrlIntent::Keep => before.url.as_deref(),
            UrlIntent::Set(url) => url.as_deref(),
        };
        let judged = (
            self.judge(&url, &before).await,
            change(&header, &before),
            format.change(&before),
            email.change(&before),
            retention.change(self.retention),
        );
        let (mut warnings, header, format, email, retention) = match judged {
            (Ok(warnings), Ok(header), Ok(format), Ok(email), Ok(days)) => (warnings, header, format, email, days),
            (url, header, format, email, retention) => {
                return Err(UseCaseError::Refused(Refused {
                    url: url.err(),
                    header: header.err(),
                    format: format.err(),
                    email: email.err(),
                    retention: retention.err(),
                }));
            }
        };
        if before.signing_secret.is_none() {
            // The secret is stored before the URL, so that nothing is ever sent unsigned.
            self.tables.settings.replace_secret(business_id, None, &new_secret()?, clock::now()).await?;
        }
        self.tables.settings.save(business_id, url.change(), header, format, &email, retention).await?;
        let is_another = wanted.is_some() && wanted != before.url.as_deref();
        if wanted.is_some() {
            self.change(business_id, if is_another { Intent::Resume } else { Intent::Keep }).await?;
        }
        warnings.dedup();
        Ok(Saved { url: wanted.map(ToOwned::to_owned), is_another, warnings })
    }

    /// Replaces the signing secret; the previous one stays valid for a day. Without a secret, this makes the first. The
    /// new secret makes another endpoint, so events go out that were held because the receiver refused the previous
    /// one.
    pub(crate) async fn rotate(&self, business_id: &BusinessId) -> Result<(), UseCaseError> {
        let now = clock::now();
        let OwnerSettings { signing_secret: current, url, .. } =
            self.tables.settings.read_for_owner(business_id, now).await?;
        match self
            .tables
            .settings
            .replace_secret(business_id, current.as_deref(), &new_secret()?, now + ROTATION)
            .await?
        {
            Written::Done if url.is_some() => self.change_or_log(business_id, Intent::Keep).await,
            Written::Done => {}
            Written::ConditionFailed => return Err(UseCaseError::Changed),
        }
        Ok(())
    }

    /// Whether the secret was replaced less than a minute ago.
    pub(crate) async fn has_just_rotated(&self, business_id: &BusinessId) -> Result<bool, UseCaseError> {
        let now = clock::now();
        let until = self.tables.settings.read_for_owner(business_id, now).await?.previous_secret_until;
        Ok(until.is_some_and(|until| until > now + ROTATION - JUST_ROTATED_FOR))
    }

    async fn judge(&self, intent: &UrlIntent, before: &OwnerSettings) -> Result<Vec<Warning>, Refusal> {
        let url = match intent {
            UrlIntent::Keep => return Ok(hints::warnings(before, self.targets)),
            UrlIntent::Set(None) => return Ok(Vec::new()),
            UrlIntent::Set(Some(url)) => url,
        };
        let target = self.target(url, before)?;
        let mut warnings = hints::of(url, self.targets);
        // A local test stack may send anywhere, so there is nothing to look up.
        if self.targets == TargetPolicy::Public && !resolves(&SystemLookup, &target, self.targets).await? {
            warnings.push(Warning::Unresolved);
        }
        Ok(warnings)
    }

    /// Judges a URL that an owner has typed, without looking it up. The page sends the stored URL back with every
    /// change. A URL that another system has stored was not typed there, so the stricter rules for typed URLs do not
    /// apply.
    pub(super) fn target(&self, url: &str, before: &OwnerSettings) -> Result<Target, Refusal> {
        let is_stored = before.url.as_deref().is_some_and(|stored| without_empty_fragment(stored) == url);
        if is_stored { Target::parse(url, self.targets) } else { Target::typed(url, self.targets) }
    }
}

impl UrlIntent {
    /// Removes invisible characters, and an empty fragment, which is never sent.
    pub(super) fn cleaned(self) -> Self {
        let clean = |url: String| without_empty_fragment(&pasted::cleaned(&url)).to_owned();
        match self {
            Self::Keep => Self::Keep,
            Self::Set(url) => Self::Set(url.map(clean).filter(|url| !url.is_empty())),
        }
    }

    fn change(&self) -> UrlChange<'_> {
        match self {
            Self::Keep => UrlChange::Keep,
            Self::Set(url) => UrlChange::Set(url.as_deref()),
        }
    }
}

fn without_empty_fragment(url: &str) -> &str {
    url.strip_suffix('#').unwrap_or(url)
}

impl HeaderIntent {
    /// Removes invisible characters from the name and the value.
    fn cleaned(self) -> Self {
        match self {
            Self::Set { name, value } => {
                Self::Set { name: pasted::cleaned(&name), value: value.as_deref().map(pasted::cleaned) }
            }
            other => other,
        }
    }
}

impl EmailIntent {
    /// Reads the address without its invisible characters. A text that equals the stored one is not judged: the page
    /// sends the stored text back with every change, and another system may have stored a text that is no address.
    fn change(self, before: &OwnerSettings) -> Result<EmailChange, InvalidEmailAddress> {
        match self {
            Self::Keep => Ok(EmailChange::Keep),
            Self::Set(None) => Ok(EmailChange::Set(None)),
            Self::Set(Some(text)) => match pasted::cleaned(&text) {
                text if before.notify_email.as_ref() == Some(&text) => Ok(EmailChange::Keep),
                text => EmailAddress::parse(&text).map(|address| EmailChange::Set(Some(address))),
            },
        }
    }
}

impl RetentionIntent {
    fn change(self, stack: Retention) -> Result<RetentionChange, InvalidRetention> {
        match self {
            Self::Keep => Ok(RetentionChange::Keep),
            Self::Set(None) => Ok(RetentionChange::Set(None)),
            Self::Set(Some(days)) => match stack.chosen(u16::try_from(days).ok()) {
                Some(Retention(days)) => Ok(RetentionChange::Set(Some(days))),
                None => Err(InvalidRetention { most: stack.0 }),
            },
        }
    }
}

fn change<'a>(intent: &'a HeaderIntent, before: &OwnerSettings) -> Result<HeaderChange<'a>, InvalidStaticHeader> {
    match intent {
        HeaderIntent::Keep => Ok(HeaderChange::Keep),
        HeaderIntent::Clear => Ok(HeaderChange::Clear),
        HeaderIntent::Set { name, value } => {
            let value = value.as_deref().filter(|value| *value != SECRET_MASK);
            // Header names do not depend on upper or lower case.
            let is_stored = before.static_header_name.as_ref().is_some_and(|stored| stored.eq_ignore_ascii_case(name));
            match value {
                None if is_stored => Ok(HeaderChange::Keep),
                value => {
                    let value = value.unwrap_or_default();
                    StaticHeader::parse_to_save(name, value).map(|_| HeaderChange::Set { name, value })
                }
            }
        }
    }
}

/// `whsec_` and the base64 of 32 letters and digits, each as likely as any other.
fn new_secret() -> Result<String, Fault> {
    let mut text = Vec::with_capacity(SECRET_CHARS);
    while text.len() < SECRET_CHARS {
        let mut bytes = [0; SECRET_CHARS];
        getrandom::fill(&mut bytes)?;
        // 248 is the largest multiple of 62 that fits a byte; larger values would favour the first letters.
        let fair = bytes.into_iter().filter(|byte| *byte < 248).map(|byte| ALPHABET[usize::from(byte) % 62]);
        text.extend(fair.take(SECRET_CHARS - text.len()));
    }
    Ok(format!("whsec_{}", STANDARD.encode(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_secret_is_one_that_any_library_takes_and_its_text_is_shown() {
        let secret = new_secret().expect("randomness");
        let shown = SigningSecretText::of(&secret);
        let text = shown.text.expect("letters and digits");
        assert!(text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{text}");
        assert_eq!(format!("whsec_{}", STANDARD.encode(&text)), secret);
        assert_ne!(secret, new_secret().expect("randomness"));
        assert_eq!(SigningSecretText::of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").text, None, "no text");
    }

    #[test]
    fn an_address_is_cleaned_and_judged_and_the_stored_text_stays() {
        let before = OwnerSettings { notify_email: Some("at the office".to_owned()), ..OwnerSettings::default() };
        let set = |text: Option<&str>| EmailIntent::Set(text.map(ToOwned::to_owned)).change(&before);
        let address = EmailAddress::parse("owner@example.com").expect("an address");
        assert_eq!(set(Some("\u{200f}owner@example.com\u{a0}\n")), Ok(EmailChange::Set(Some(address))));
        assert_eq!(set(None), Ok(EmailChange::Set(None)));
        assert_eq!(set(Some("at the office ")), Ok(EmailChange::Keep));
        assert_eq!(EmailIntent::Keep.change(&before), Ok(EmailChange::Keep));
        for text in ["", " ", "owner", "a@b.example, c@d.example"] {
            assert_eq!(set(Some(text)), Err(InvalidEmailAddress::Shape), "{text}");
        }
    }

    #[test]
    fn a_business_may_not_keep_its_records_longer_than_the_stack() {
        let set = |days| RetentionIntent::Set(days).change(Retention(30));
        for days in [1, 30] {
            assert_eq!(set(Some(days)), Ok(RetentionChange::Set(u16::try_from(days).ok())));
        }
        for days in [0, -1, 31, 65_537, i64::MAX, i64::MIN] {
            assert_eq!(set(Some(days)), Err(InvalidRetention { most: 30 }), "{days}");
        }
        assert_eq!(set(None), Ok(RetentionChange::Set(None)));
        assert_eq!(RetentionIntent::Keep.change(Retention(30)), Ok(RetentionChange::Keep));
    }

    #[test]
    fn a_stored_value_is_kept_only_under_its_own_name() {
        let before = OwnerSettings { static_header_name: Some("X-Key".to_owned()), ..OwnerSettings::default() };
        let set = |name: &str, value: Option<&str>| {
            let intent = HeaderIntent::Set { name: name.to_owned(), value: value.map(ToOwned::to_owned) };
            change(&intent, &before).map(|change| format!("{change:?}"))
        };
        let keep = Ok(format!("{:?}", HeaderChange::Keep));
        assert_eq!(set("X-Key", None), keep);
        assert_eq!(set("x-key", Some(SECRET_MASK)), keep);
        assert_eq!(set("X-Other", None), Err(InvalidStaticHeader::Value));
        assert_eq!(set("X-Other", Some(SECRET_MASK)), Err(InvalidStaticHeader::Value));
        assert_eq!(set("Host", Some("x")), Err(InvalidStaticHeader::Reserved));
        let other = HeaderChange::Set { name: "X-Key", value: "other" };
        assert_eq!(set("X-Key", Some("other")), Ok(format!("{other:?}")));
    }
}
