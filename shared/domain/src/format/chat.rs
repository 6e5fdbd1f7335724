//! Makes the bodies that incoming webhooks of chats take.

use super::layout::{Frame, Layout, Text};
use super::markup::Markup;
use super::message::Message;
use crate::event::json::{Object, Value};

/// The most characters of a message in Slack. Slack cuts a text at 40,000 and recommends 4,000. A call of ten minutes
/// has about three times as many as recommended.
const SLACK_CHARACTERS: usize = 12_000;

/// The most code points of a message in Discord, which refuses longer messages (its documentation, "Execute Webhook").
const DISCORD_CHARACTERS: usize = 2_000;

/// The most characters of a message in Google Chat, which refuses 32,000 bytes and shows 4,096 characters.
const GOOGLE_CHAT_CHARACTERS: usize = 4_000;

/// The bound of a body for Teams, in bytes; every body is smaller. Teams refuses 28 KB, and workflows wrap the card
/// once more.
const TEAMS_BYTES: usize = 24 * 1024;

pub(super) fn slack(event: &Object) -> String {
    object([("text", text(event, Markup::Slack, SLACK_CHARACTERS))]).to_json()
}

pub(super) fn discord(event: &Object) -> String {
    let nobody = object([("parse", Value::Array(Vec::new()))]);
    object([("content", text(event, Markup::Discord, DISCORD_CHARACTERS)), ("allowed_mentions", nobody)]).to_json()
}

pub(super) fn google_chat(event: &Object) -> String {
    object([("text", text(event, Markup::GoogleChat, GOOGLE_CHAT_CHARACTERS))]).to_json()
}

pub(super) fn teams(event: &Object) -> String {
    let block_bytes = block("", FACT).to_json().len().max(block("", LABEL).to_json().len()) + 1;
    let frame = Frame {
        room: TEAMS_BYTES - 1 - card(Vec::new()).to_json().len(),
        fact: block_bytes,
        // A block for the label, one for the text.
        section: 2 * block_bytes,
    };
    let layout = Layout::new(&Message::of(event), Markup::Teams, frame);
    let mut blocks = vec![block(&layout.title, TITLE)];
    blocks.extend(layout.facts.iter().map(|fact| block(fact, FACT)));
    for Text { label, text } in &layout.sections {
        blocks.extend(label.map(|label| block(label, LABEL)));
        blocks.push(block(text, FACT));
    }
    card(blocks).to_json()
}

/// Makes one text of a message. A blank line precedes each section.
fn text(event: &Object, markup: Markup, characters: usize) -> Value {
    // A blank line above a section, a line end behind its label.
    let frame = Frame { room: characters, fact: 1, section: 3 };
    let Layout { title: mut text, facts, sections } = Layout::new(&Message::of(event), markup, frame);
    for fact in facts {
        text = text + "\n" + &fact;
    }
    for section in sections {
        text.push_str("\n\n");
        if let Some(label) = section.label {
            text = text + label + "\n";
        }
        text.push_str(&section.text);
    }
    Value::String(text)
}

/// The look of a block of a card: a member of a `TextBlock`, and its value.
type Look = (&'static str, &'static str);

const TITLE: Look = ("size", "Large");
const LABEL: Look = ("weight", "Bolder");
const FACT: Look = ("spacing", "Small");

/// Makes a block that begins at the right, as Hebrew does. A card has a member `rtl` only from version 1.5 on.
fn block(text: &str, (name, look): Look) -> Value {
    let string = |text: &str| Value::String(text.to_owned());
    object([
        ("type", string("TextBlock")),
        ("text", string(text)),
        ("wrap", Value::Bool(true)),
        ("horizontalAlignment", string("Right")),
        (name, string(look)),
    ])
}

fn card(blocks: Vec<Value>) -> Value {
    let string = |text: &str| Value::String(text.to_owned());
    let card = object([("type", string("AdaptiveCard")), ("version", string("1.4")), ("body", Value::Array(blocks))]);
    let attachment = object([("contentType", string("application/vnd.microsoft.card.adaptive")), ("content", card)]);
    object([("type", string("message")), ("attachments", Value::Array(vec![attachment]))])
}

fn object<const MEMBERS: usize>(members: [(&'static str, Value); MEMBERS]) -> Value {
    Value::Object(members.into_iter().collect())
}

#[cfg(test)]
mod tests;
