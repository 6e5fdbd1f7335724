//! What a URL gives to think of: that it does not take an event as it is sent, or is a tool's page instead of its hook.
//!
//! Known hosts and paths only, of the services that owners use. What a hint says is true of the event as it is sent today;
//! whoever is not recognised gets none.

use adapters::settings_table::OwnerSettings;
use domain::guard::{Target, TargetPolicy};

/// Something about a URL that is allowed but probably not meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Warning {
    /// `/webhook-test/`: n8n takes one call there, and only while its editor listens.
    #[serde(rename = "n8n_test_url")]
    N8nTestUrl,
    /// A page of a tool, for people; its hook has another address.
    ToolPage,
    /// Slack's incoming webhooks want `{"text": ...}`.
    Slack,
    /// Slack's workflows take texts only, and no member within a member.
    SlackWorkflow,
    /// Discord wants `{"content": ...}`.
    Discord,
    /// Google Chat wants `{"text": ...}`.
    GoogleChat,
    /// Telegram's bots want `chat_id` and `text`.
    Telegram,
    /// Teams wants a card.
    Teams,
    /// Power Automate, which takes any JSON; but a flow that posts to Teams wants a card.
    PowerAutomate,
    /// Its name has no address (yet).
    Unresolved,
    /// Plain http, which only test stacks allow.
    Http,
    /// Words, another URL or a place to fill in within it. Nobody can save such a URL here: another system has stored it.
    Mistyped,
}

/// What a stored URL gives to think of, as far as its text can tell.
pub(crate) fn warnings(owned: &OwnerSettings, targets: TargetPolicy) -> Vec<Warning> {
    owned.url.as_deref().map(|url| of(url, targets)).unwrap_or_default()
}

/// The same of a URL; nothing of one that the guard refuses.
pub(super) fn of(url: &str, targets: TargetPolicy) -> Vec<Warning> {
    let Ok(target) = Target::parse(url, targets) else {
        return Vec::new();
    };
    let mistyped = Target::typed(url, targets).is_err().then_some(Warning::Mistyped);
    mistyped.into_iter().chain(of_target(&target)).collect()
}

fn of_target(target: &Target) -> Vec<Warning> {
    let url = target.url();
    // The URL Standard has made the host lower-case; paths are as their services write them.
    let (host, path) = (target.host().trim_end_matches('.'), url.path());
    let http = (url.scheme() == "http").then_some(Warning::Http);
    http.into_iter().chain(service(host, path)).collect()
}

fn service(host: &str, path: &str) -> Option<Warning> {
    let below = |domain| is_below(host, domain);
    let in_path = |beginning: &str| path.starts_with(beginning);
    match host {
        "hooks.slack.com" | "hooks.slack-gov.com" if in_path("/triggers/") || in_path("/workflows/") => {
            Some(Warning::SlackWorkflow)
        }
        "hooks.slack.com" | "hooks.slack-gov.com" => Some(Warning::Slack),
        "discord.com" | "discordapp.com" | "ptb.discord.com" | "canary.discord.com" => {
            is_discord_hook(path).then_some(Warning::Discord)
        }
        "chat.googleapis.com" => Some(Warning::GoogleChat),
        "api.telegram.org" => Some(Warning::Telegram),
        "outlook.office.com" | "outlook.office365.com" if in_path("/webhook") => Some(Warning::Teams),
        _ if below("webhook.office.com") => Some(Warning::Teams),
        _ if below("logic.azure.com") || below("environment.api.powerplatform.com") => Some(Warning::PowerAutomate),
        _ if path.contains("/webhook-test/") => Some(Warning::N8nTestUrl),
        _ => is_page(host, path).then_some(Warning::ToolPage),
    }
}

fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// `/api/webhooks/...`, or the same of a version.
fn is_discord_hook(path: &str) -> bool {
    let mut segments = path.split('/').skip(1).peekable();
    let is_api = segments.next() == Some("api");
    let version = |segment: &&str| segment.strip_prefix('v').is_some_and(|rest| rest.parse::<u32>().is_ok());
    segments.next_if(version);
    is_api && segments.next() == Some("webhooks")
}

/// Pages by which owners build what takes the event: each of these services has its hooks at another host or path.
fn is_page(host: &str, path: &str) -> bool {
    let below = |domain| is_below(host, domain);
    let in_path = |beginnings: &[&str]| beginnings.iter().any(|beginning| path.starts_with(beginning));
    match host {
        "docs.google.com"
        | "drive.google.com"
        | "www.make.com"
        | "make.powerautomate.com"
        | "airtable.com"
        | "www.airtable.com" => true,
        // Its hooks had this host once.
        "zapier.com" | "www.zapier.com" => !in_path(&["/hooks/"]),
        "script.google.com" => !in_path(&["/macros/"]),
        _ if host.starts_with("hook.") => false,
        _ if below("make.com") => path.contains("/scenarios/"),
        _ if below("app.n8n.cloud") => in_path(&["/workflow/", "/home/", "/projects/"]),
        _ if below("monday.com") => in_path(&["/boards/"]),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_is_probably_not_meant_gives_to_think() {
        let of = |url: &str| of(url, TargetPolicy::UnsafeForLocalTestsOnly);
        for (url, expected) in [
            ("https://n8n.example/webhook-test/x", Warning::N8nTestUrl),
            ("http://example.com/", Warning::Http),
            ("https://hooks.slack.com/services/T/B/x", Warning::Slack),
            ("https://HOOKS.slack.com./triggers/T/1/x", Warning::SlackWorkflow),
            ("https://ptb.discord.com/api/v9/webhooks/1/x", Warning::Discord),
            ("https://a.b.webhook.office.com/webhookb2/x", Warning::Teams),
            ("https://outlook.office365.com/webhook/x", Warning::Teams),
            ("https://make.powerautomate.com/environments/x/flows/y", Warning::ToolPage),
            ("https://www.airtable.com/appX", Warning::ToolPage),
        ] {
            assert_eq!(of(url), [expected], "{url}");
        }
        for url in [
            "https://n8n.example/webhook/x",
            "https://discord.com/channels/1",
            "https://discord.com/api/vx/webhooks/1",
            "https://hook.make.com/x/scenarios/",
            "https://xlogic.azure.com/workflows/x",
            "https://api.monday.com/v2",
            "https://zapier.com/hooks/catch/1/abc/",
            "https://outlook.office.com/x",
        ] {
            assert_eq!(of(url), [], "{url}");
        }
        assert_eq!(of("http://hooks.slack.com/services/x"), [Warning::Http, Warning::Slack]);
    }

    #[test]
    fn what_nobody_may_type_and_the_guard_lets_pass_gives_to_think() {
        for (url, expected) in [
            ("https://n8n.example/{{ $json.id }}", &[Warning::Mistyped][..]),
            ("https://n8n.example/hook https://n8n.example/hook", &[Warning::Mistyped]),
            ("https://n8n.example/hook the hook", &[Warning::Mistyped]),
            ("https://discord.com/api/webhooks/1/<TOKEN>", &[Warning::Mistyped, Warning::Discord]),
            ("https://a{b}.example/", &[]),
            ("http://n8n.example/{id}", &[]),
            ("https://n8n.example/hook#", &[]),
        ] {
            assert_eq!(of(url, TargetPolicy::Public), expected, "{url}");
        }
    }
}
