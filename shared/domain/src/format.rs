//! The formats of a delivery's body: the event itself, or the event in a form that its receiver takes.
//!
//! A format is a pure function of the event's bytes, so every attempt, resend and replay of an event has the same body.
//! Each body follows the byte rules of [`crate::event::json`], since the body is signed as it is sent. The event itself
//! is borrowed, not copied. This module knows nothing of settings. An unknown format, or a template that cannot be
//! read, is refused when an owner saves it. One that another system has stored counts as none
//! ([`PayloadFormat::stored`]).

mod auto;
mod flat;
mod template;
mod message;
mod markup;
mod layout;
mod chat;

use std::borrow::Cow;

use url::Url;

pub use self::template::{Place, Template, TemplateError};

use crate::event::Event;
use crate::event::json::{Object, Value};

/// The owner's choice of a format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PayloadFormat {
    /// The format that the URL's receiver is known to take. An unknown receiver gets the event itself.
    #[default]
    Auto,
    /// One format for any URL.
    Always(Format),
}

/// The owner's choice, with the template that one of the formats needs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChosenFormat {
    /// The choice.
    pub format: PayloadFormat,
    /// The owner's template. None: there is no template, or none that can be read.
    pub template: Option<Template>,
}

/// The format of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The event itself.
    Event,
    /// One object of strings, without nesting.
    Flat,
    /// A message for an incoming webhook of Slack.
    Slack,
    /// A message for a webhook of Discord.
    Discord,
    /// A message for a webhook of Google Chat.
    GoogleChat,
    /// An Adaptive Card for a workflow of Microsoft Teams.
    Teams,
    /// The owner's template with the event's values.
    Template,
}

/// A body and its format.
#[derive(Clone, PartialEq, Eq)]
pub struct Payload<'a> {
    /// The format of the body: [`Format::Event`] if the chosen format could not be made.
    pub format: Format,
    /// The exact text that is signed and sent.
    pub body: Cow<'a, str>,
}

impl PayloadFormat {
    /// Every choice, in the order of the contract's table.
    pub const ALL: [Self; 8] = [
        Self::Auto,
        Self::Always(Format::Event),
        Self::Always(Format::Flat),
        Self::Always(Format::Slack),
        Self::Always(Format::Discord),
        Self::Always(Format::GoogleChat),
        Self::Always(Format::Teams),
        Self::Always(Format::Template),
    ];

    /// Reads the name of a choice. None: [`Self::as_str`] gives no such name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == name)
    }

    /// Reads the name in the settings. Without a name, the choice is `auto`; with an unknown name, it is the event.
    #[must_use]
    pub fn stored(name: Option<&str>) -> Self {
        name.map_or(Self::Auto, |name| Self::parse(name).unwrap_or(Self::Always(Format::Event)))
    }

    /// Gives the choice's name in the settings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Always(format) => format.as_str(),
        }
    }

    /// Gives the format for a URL.
    #[must_use]
    pub fn resolve(self, url: &Url) -> Format {
        match self {
            Self::Auto => auto::of(url),
            Self::Always(format) => format,
        }
    }
}

impl ChosenFormat {
    /// Makes the body of an event for a URL.
    #[must_use]
    pub fn payload<'a>(&self, event: &'a Event, url: &Url) -> Payload<'a> {
        self.format.resolve(url).payload(event, self.template.as_ref())
    }

    /// Gives the format of an ordinary event's body for a URL. The event itself takes the place of a template that is
    /// missing.
    #[must_use]
    pub fn resolve(&self, url: &Url) -> Format {
        match self.format.resolve(url) {
            Format::Template if self.template.is_none() => Format::Event,
            format => format,
        }
    }
}

impl Format {
    /// Reads the name of a resolved format. None: this version knows no such format.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match PayloadFormat::parse(name)? {
            PayloadFormat::Auto => None,
            PayloadFormat::Always(format) => Some(format),
        }
    }

    /// Gives the format's name in the settings, the ledger and the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Flat => "flat",
            Self::Slack => "slack",
            Self::Discord => "discord",
            Self::GoogleChat => "google_chat",
            Self::Teams => "teams",
            Self::Template => "template",
        }
    }

    /// Whether the receiver is a chat. The webhooks of chats allow about one message a second.
    #[must_use]
    pub fn is_chat(self) -> bool {
        matches!(self, Self::Slack | Self::Discord | Self::GoogleChat | Self::Teams)
    }

    /// Makes the body of an event. The event itself takes the place of a body that cannot be made: the template is
    /// missing, or the body would be larger than any receiver takes.
    #[must_use]
    pub fn payload<'a>(self, event: &'a Event, template: Option<&Template>) -> Payload<'a> {
        let made = match self {
            Self::Event => None,
            Self::Flat => flat::body(&members(event)),
            Self::Slack => Some(chat::slack(&members(event))),
            Self::Discord => Some(chat::discord(&members(event))),
            Self::GoogleChat => Some(chat::google_chat(&members(event))),
            Self::Teams => Some(chat::teams(&members(event))),
            Self::Template => template.and_then(|template| template.body(&members(event))),
        };
        match made {
            Some(body) => Payload { format: self, body: body.into() },
            None => Payload { format: Self::Event, body: event.body().into() },
        }
    }
}

fn members(event: &Event) -> Object {
    match Value::parse(event.body()) {
        Ok(Value::Object(members)) => members,
        _ => unreachable!("an event's body is an object that has been normalised"),
    }
}

#[cfg(test)]
mod tests;
