//! The data that the pages show. The handlers fill it, and the templates turn it into HTML.
//!
//! The only texts for the owner here are those that the owner or a receiver wrote; the Hebrew texts are in `hebrew`.

use adapters::deliveries_table::{Status, Summary};
use adapters::http::Timings;
use adapters::settings_table::LastTest;
use domain::clue::Clue;
use domain::endpoint::PausedReason;
use domain::format::{Format, PayloadFormat};
use domain::guard::Refusal;
use domain::mail::InvalidEmailAddress;
use domain::outcome::Cause;
use domain::request::InvalidStaticHeader;
use domain::summary::Summary as SummaryOfDays;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::guides::Guide;
use crate::use_cases::{InvalidFormat, InvalidRetention, ReplayView, TestKind};

/// The main page.
///
/// There is no `Debug`: the log has personal data.
#[derive(Clone)]
pub(crate) struct Overview {
    /// The time at which the page is made. It decides which day is today.
    pub(crate) now: Timestamp,
    /// The action that was just done; None: the page was only opened.
    pub(crate) said: Option<Flash>,
    pub(crate) settings: SettingsForm,
    /// The form that the owner asked for; None: the page was opened as it is.
    pub(crate) opened: Option<Opened>,
    /// Whether the form of the settings has what is not saved: it was refused, or previewed.
    pub(crate) is_unsaved: bool,
    /// The body that a test would send; None: the owner did not ask to see one.
    pub(crate) preview: Option<Preview>,
    /// The type of test event that the owner chose last.
    pub(crate) test_kind: TestKind,
    pub(crate) connection: ConnectionView,
    pub(crate) endpoint: EndpointView,
    /// The deliveries of the last days; None: they could not be counted now.
    pub(crate) summary: Option<SummaryOfDays>,
    /// The result of the test that was just made; None: no test was made.
    pub(crate) test: Option<TestView>,
    pub(crate) secret: SecretView,
    pub(crate) log: LogView,
}

/// A form that is folded until somebody asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opened {
    Settings,
    Range,
}

impl Opened {
    /// Reads the value of `?open=`.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name {
            "settings" => Some(Self::Settings),
            "range" => Some(Self::Range),
            _ => None,
        }
    }
}

/// The body that a test would send.
#[derive(Clone)]
pub(crate) struct Preview {
    pub(crate) body: String,
    /// Whether it is made of the settings as the owner typed them, and not of those that are stored.
    pub(crate) of_form: bool,
}

/// Where events go, as it is stored.
#[derive(Clone, Default)]
pub(crate) struct ConnectionView {
    /// The host of the URL, or the stored text if it is no URL; None: there is none.
    pub(crate) host: Option<String>,
    /// What events are sent as; None: there is no URL.
    pub(crate) format: Option<Format>,
    /// The last test of these settings; None: they have had none.
    pub(crate) tested: Option<LastTest>,
    /// Where mails go; None: nowhere.
    pub(crate) email: Option<String>,
}

/// The page of a guide.
#[derive(Clone, Debug)]
pub(crate) struct GuideView {
    pub(crate) guide: Guide,
    /// The action that was just done in the guide; None: the page was only opened.
    pub(crate) said: Option<Flash>,
    /// What the guide's form shows. What it does not show is as it is stored.
    pub(crate) settings: SettingsForm,
    /// Whether events go to a URL of this guide.
    pub(crate) is_connected: bool,
    /// The host that events go to, if that is not this guide's.
    pub(crate) elsewhere: Option<String>,
    /// The name of the previous connection's header, which saving in this guide removes; None: there is none.
    pub(crate) removed_header: Option<String>,
    /// Whether there are deliveries that could be sent to this guide's URL too.
    pub(crate) has_deliveries: bool,
    pub(crate) endpoint: EndpointState,
    /// The result of the test that was just made; None: no test was made.
    pub(crate) test: Option<TestView>,
}

/// An action that was just done, or refused. The top of the page says so once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flash {
    Saved,
    /// The settings were saved with another URL, which has had none of the deliveries in the log.
    SavedAnother,
    /// The settings were saved without a URL: nothing is sent from now on.
    Cleared,
    Paused,
    Resumed,
    /// One delivery is on its way again.
    Resent,
    /// The delivery is held with the others until its endpoint recovers, or until the owner resumes.
    Waits,
    /// A replay of a range has begun.
    RangeBegun {
        /// How many deliveries it has, as far as they were counted.
        count: u64,
        /// Whether it has more than were counted.
        more: bool,
    },
    /// A replay of a range waits, since the endpoint is not well or held events go first.
    RangeWaits {
        /// How many deliveries it has, as far as they were counted.
        count: u64,
    },
    /// No replay of a range began: its days are none, or in the wrong order.
    RangeRefused,
    /// No replay of a range could begin, since one runs or waits.
    RangeUnderWay,
    /// All held deliveries are on their way.
    ReleasedHeld,
    Rotated,
    /// The delivery could not be sent again: its body is not kept.
    NotKept,
    /// The owner asked for a test or a resend while there is no URL.
    NoUrl,
    /// Too many tests were made within a minute.
    TooManyTests,
}

/// The form of the settings: as they are stored or, beside errors, as the owner typed them.
#[derive(Clone, Debug, Default)]
pub(crate) struct SettingsForm {
    pub(crate) url: String,
    pub(crate) url_error: Option<Refusal>,
    pub(crate) hints: Vec<Hint>,
    pub(crate) header_name: String,
    /// Whether the header has a stored value, which is never shown.
    pub(crate) has_header_value: bool,
    pub(crate) header_error: Option<InvalidStaticHeader>,
    /// Whether mails go out, so that the form asks where to.
    pub(crate) has_mails: bool,
    /// The address for mails; empty: none.
    pub(crate) email: String,
    pub(crate) email_error: Option<InvalidEmailAddress>,
    /// For how many days records are kept, as the owner types the number; empty: for as many as the stack keeps them.
    pub(crate) retention: String,
    /// For how many days the stack keeps records; 0 in a form that does not ask.
    pub(crate) retention_most: u16,
    pub(crate) retention_error: Option<InvalidRetention>,
    pub(crate) format: PayloadFormat,
    /// The format that the chosen one comes to at the URL; None: there is no URL.
    pub(crate) resolved: Option<Format>,
    /// The owner's template; empty: there is none.
    pub(crate) template: String,
    pub(crate) format_error: Option<InvalidFormat>,
}

/// A doubt about a URL that is allowed but probably not intended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hint {
    /// The path has `/webhook-test/`: n8n accepts one call there, and only while its editor listens.
    N8nTest,
    /// The address is a tool's page for people; the tool's webhook has another address.
    ToolPage,
    Telegram,
    /// A connector of Teams, which Microsoft has retired.
    Teams,
    /// Power Automate, through which Teams is reached too: it answers that all is well, whatever it gets.
    PowerAutomate,
    /// The host's name has no address, or not yet.
    Unresolved,
    /// Plain http, which only test stacks allow.
    Http,
    /// Another system has stored a URL that contains words, another URL or a placeholder.
    Mistyped,
}

/// The state of the endpoint.
#[derive(Clone, Debug)]
pub(crate) struct EndpointView {
    pub(crate) state: EndpointState,
    /// How many events are held; [`adapters::deliveries_table::HELD_COUNTED`] stands for more.
    pub(crate) held: u64,
    /// Whether a replay of held events is under way, and made a step recently.
    pub(crate) is_replaying: bool,
}

/// Whether events go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndpointState {
    /// There is no URL.
    NotSet,
    Active,
    Failing {
        since: Timestamp,
        cause: Cause,
    },
    Paused {
        since: Timestamp,
        reason: PausedReason,
    },
}

/// The result of a test.
#[derive(Clone, Debug)]
pub(crate) struct TestView {
    /// Why the test failed; None: it was delivered.
    pub(crate) cause: Option<Cause>,
    pub(crate) status_code: Option<u16>,
    pub(crate) clue: Option<Clue>,
    pub(crate) timings: Timings,
    /// The beginning of the answer, made [`adapters::deliveries_table::printable`].
    pub(crate) snippet: Option<String>,
    /// The address that the answer points to.
    pub(crate) location: Option<String>,
}

/// The signing secret.
#[derive(Clone, Debug, Default)]
pub(crate) struct SecretView {
    pub(crate) exists: bool,
    /// The secret itself; None: the owner did not ask to see it, or there is none.
    pub(crate) shown: Option<ShownSecret>,
    /// Until when the previous secret is valid too; None: it is not valid.
    pub(crate) previous_until: Option<Timestamp>,
}

/// A secret that the owner asked to see. Its `Debug` is never written to a log; the page is never stored.
#[derive(Clone)]
pub(crate) struct ShownSecret {
    /// `whsec_...`
    pub(crate) secret: String,
    /// The text that its base64 stands for, for n8n; None: it stands for no visible ASCII text.
    pub(crate) text: Option<String>,
}

impl std::fmt::Debug for ShownSecret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ShownSecret(..)")
    }
}

/// A part of the delivery log. The rows are as the ledger has them; `parts` chooses the words for them.
#[derive(Clone, Default)]
pub(crate) struct LogView {
    pub(crate) filter: Option<Status>,
    /// The text that is searched for in ids and phone endings; empty: none.
    pub(crate) search: String,
    /// The first day that is looked at, in Israel; None: from the beginning.
    pub(crate) from: Option<Date>,
    /// The last day; None: to the end.
    pub(crate) to: Option<Date>,
    pub(crate) rows: Vec<Summary>,
    /// The cursor for older rows; None: there are none. Older rows may exist even if this part has no row.
    pub(crate) next_cursor: Option<String>,
    /// Whether newer rows exist than those of this part.
    pub(crate) is_older: bool,
    /// The replay of a range that is under way, or was until lately.
    pub(crate) replay: Option<ReplayView>,
}

impl LogView {
    /// Whether this is the newest part of the whole log.
    pub(crate) fn is_first(&self) -> bool {
        !self.is_narrowed() && !self.is_older
    }

    /// Whether the log is filtered or searched.
    pub(crate) fn is_narrowed(&self) -> bool {
        self.filter.is_some() || !self.search.is_empty() || self.from.is_some() || self.to.is_some()
    }

    /// Whether there is no delivery at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.is_first() && self.next_cursor.is_none() && self.rows.is_empty()
    }
}

/// Why there is no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignedOut {
    /// The request has neither a link's token nor a session.
    Missing,
    /// The link has expired, and the session with it.
    Expired,
    /// The link's token is not valid.
    Invalid,
}

/// Why a page cannot be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// There is no such page, or no such delivery of this business.
    NotFound,
    /// The form did not come from the page, or is none of its forms.
    Refused,
    /// The form is too large.
    TooLarge,
    /// A fault of this system.
    Fault,
}
