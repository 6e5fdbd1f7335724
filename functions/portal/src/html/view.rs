//! What the pages show, as plain data: filled by the handlers, turned into HTML by the templates.
//!
//! Nothing here is text for the owner but what the owner or a receiver wrote; the Hebrew is in `hebrew`.

use adapters::deliveries_table::{Status, Summary};
use adapters::http::Timings;
use domain::clue::Clue;
use domain::endpoint::PausedReason;
use domain::guard::Refusal;
use domain::outcome::Cause;
use domain::request::InvalidStaticHeader;
use jiff::Timestamp;

/// The main page.
#[derive(Clone, Debug)]
pub(crate) struct Overview {
    /// When the page is made: what is today, and what was yesterday.
    pub(crate) now: Timestamp,
    /// What was just done; None: the page was only opened.
    pub(crate) said: Option<Flash>,
    pub(crate) settings: SettingsForm,
    pub(crate) endpoint: EndpointView,
    /// The outcome of the test that was just made.
    pub(crate) test: Option<TestView>,
    pub(crate) secret: SecretView,
    pub(crate) log: LogView,
}

/// What was just done, told once at the top of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flash {
    Saved,
    /// Without a URL: nothing is sent any more.
    Cleared,
    Paused,
    Resumed,
    /// One delivery is on its way again.
    Resent,
    /// It waits with the others until its endpoint does well, or the owner resumes.
    Waits,
    /// So many failed ones are on their way; whether more are left, for which the button has to be pressed again; and how
    /// many cannot be sent, since their content is not kept.
    ResentFailed {
        count: u64,
        more: bool,
        not_kept: u64,
    },
    /// All that was held is on its way.
    ReleasedHeld,
    Rotated,
    /// Nothing could be sent again: its content is not kept any more.
    NotKept,
    /// A test or the sending of what is held was asked for while there is no URL.
    NoUrl,
    /// Too many tests were made within a minute.
    TooManyTests,
}

/// The settings, as they are stored or, beside errors, as they were typed.
#[derive(Clone, Debug, Default)]
pub(crate) struct SettingsForm {
    pub(crate) url: String,
    pub(crate) url_error: Option<Refusal>,
    pub(crate) hints: Vec<Hint>,
    pub(crate) header_name: String,
    /// A value is stored. It is never shown.
    pub(crate) has_header_value: bool,
    pub(crate) header_error: Option<InvalidStaticHeader>,
}

/// Something about a URL that is allowed but probably not meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hint {
    /// `/webhook-test/`: n8n takes one call there, and only while its editor listens.
    N8nTest,
    /// A page of a tool, for people; its hook has another address.
    ToolPage,
    /// Slack's incoming webhooks want `{"text": ...}`.
    Slack,
    /// Slack's workflows take texts only.
    SlackWorkflow,
    Discord,
    GoogleChat,
    Telegram,
    Teams,
    /// Power Automate, by which Teams is reached too.
    PowerAutomate,
    /// Its name has no address (yet).
    Unresolved,
    /// Plain http, which only test stacks allow.
    Http,
    /// Words, another URL or a place to fill in within it, as another system has stored it.
    Mistyped,
}

/// How the endpoint does.
#[derive(Clone, Debug)]
pub(crate) struct EndpointView {
    pub(crate) state: EndpointState,
    /// How many events wait; [`adapters::deliveries_table::HELD_COUNTED`] stands for more.
    pub(crate) held: u64,
    /// What waited is on its way, and made a step not long ago.
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

/// What a test came to.
#[derive(Clone, Debug)]
pub(crate) struct TestView {
    /// Why it did not arrive; None: it did.
    pub(crate) cause: Option<Cause>,
    pub(crate) status_code: Option<u16>,
    pub(crate) clue: Option<Clue>,
    pub(crate) timings: Timings,
    /// What the receiver answered, made safe.
    pub(crate) snippet: Option<String>,
    /// Where the answer points to.
    pub(crate) location: Option<String>,
}

/// The signing secret.
#[derive(Clone, Debug, Default)]
pub(crate) struct SecretView {
    pub(crate) exists: bool,
    /// On demand only.
    pub(crate) shown: Option<ShownSecret>,
    /// Until when the one before is valid too.
    pub(crate) previous_until: Option<Timestamp>,
}

/// A secret that the owner asked to see. Its `Debug` is never written to a log; the page is never stored.
#[derive(Clone)]
pub(crate) struct ShownSecret {
    /// `whsec_...`
    pub(crate) secret: String,
    /// What it decodes to, for n8n; None if that is no text.
    pub(crate) text: Option<String>,
}

impl std::fmt::Debug for ShownSecret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ShownSecret(..)")
    }
}

/// A part of the delivery log. Its rows are the ledger's own: the parts choose what the page says of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogView {
    pub(crate) filter: Option<Status>,
    /// What is looked for in call ids and phone endings; "" for nothing.
    pub(crate) search: String,
    pub(crate) rows: Vec<Summary>,
    /// Where the older ones begin; None: there are none. There may be no rows and yet older ones to look through.
    pub(crate) next_cursor: Option<String>,
    /// Whether these are not the newest.
    pub(crate) is_older: bool,
}

/// Why there is no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignedOut {
    /// Neither a link's token nor a session came.
    Missing,
    /// The time of the link, and so of the session, is over.
    Expired,
    /// The link's token is not one of ours.
    Invalid,
}

/// Why a page cannot be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// There is no such page, or no such delivery of this business.
    NotFound,
    /// The form did not come from the page, or is not one of its forms.
    Refused,
    /// What was sent is too large.
    TooLarge,
    /// A fault of ours.
    Fault,
}
