//! Where events go, as one sentence: what is set once and seldom changed.

use domain::format::Format;

use super::Moment;
use crate::html::hebrew;
use crate::html::view::{EndpointState, Opened, Overview};

/// Where events go, and the form that changes it.
pub(in crate::html) struct ConnectionPart<'a> {
    /// The host of the URL; None: there is no URL.
    pub(in crate::html) host: Option<&'a str>,
    /// What events are sent as.
    pub(in crate::html) sent_as: &'static str,
    /// The last test of these settings: whether it arrived, and when; None: they have had none.
    pub(in crate::html) tested: Option<(&'static str, Moment)>,
    /// Where mails go; None: nowhere.
    pub(in crate::html) email: Option<&'a str>,
    /// Whether mails could go out, and nobody has said where to.
    pub(in crate::html) lacks_email: bool,
    pub(in crate::html) can_pause: bool,
    /// Whether the form is open: there is no URL yet, the owner asked for the form, or the form is what is answered.
    pub(in crate::html) is_open: bool,
}

impl<'a> ConnectionPart<'a> {
    pub(in crate::html) fn new(view: &'a Overview, has_error: bool) -> Self {
        let connection = &view.connection;
        let is_previewed = view.preview.as_ref().is_some_and(|preview| preview.of_form);
        let tested = view.connection.tested.map(|test| {
            let result = if test.was_delivered { "נבדק" } else { "הבדיקה נכשלה" };
            (result, Moment::new(test.at, view.now))
        });
        Self {
            host: connection.host.as_deref(),
            sent_as: hebrew::sent_in_form_of(connection.format.unwrap_or(Format::Event)),
            tested,
            email: connection.email.as_deref().filter(|_| view.settings.has_mails),
            lacks_email: view.settings.has_mails && connection.email.is_none(),
            can_pause: matches!(view.endpoint.state, EndpointState::Active | EndpointState::Failing { .. }),
            is_open: connection.host.is_none() || view.opened == Some(Opened::Settings) || has_error || is_previewed,
        }
    }
}
