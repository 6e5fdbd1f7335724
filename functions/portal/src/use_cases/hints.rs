//! Warns of a URL that is allowed but probably a mistake: its receiver does not take the body that is sent, or the URL
//! is a tool's page for people instead of a webhook.
//!
//! The warnings come from known hosts and paths of the services that owners use. A chat whose format is chosen
//! automatically needs no warning. A URL that is not recognised gets none.

use adapters::settings_table::OwnerSettings;
use domain::guard::{Target, TargetPolicy};

/// Something about a URL that is allowed but probably not meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Warning {
    /// `/webhook-test/`: n8n takes one call at this path, and only while its editor listens.
    #[serde(rename = "n8n_test_url")]
    N8nTestUrl,
    /// A tool's page for people. The tool's webhook has another address.
    ToolPage,
    /// Telegram's bots need `chat_id` and `text`.
    Telegram,
    /// A connector of Teams, which Microsoft has retired. Its successor is a workflow, with another URL.
    Teams,
    /// Power Automate, which answers 202 to any JSON. A flow that posts to Teams needs the format `teams`. Only the
    /// owner knows whether the flow does.
    PowerAutomate,
    /// The host's name has no IP address (yet).
    Unresolved,
    /// Plain http, which only test stacks allow.
    Http,
    /// The URL contains words, another URL or a placeholder to fill in. The portal refuses to save such a URL, so
    /// another system has stored it.
    Mistyped,
}

/// Gives the warnings about a stored URL, as far as they follow from its text.
pub(crate) fn warnings(owned: &OwnerSettings, targets: TargetPolicy) -> Vec<Warning> {
    owned.url.as_deref().map(|url| of(url, targets)).unwrap_or_default()
}

/// Gives the warnings about a URL, as far as they follow from its text. A URL that the guard refuses has none.
pub(super) fn of(url: &str, targets: TargetPolicy) -> Vec<Warning> {
    let Ok(target) = Target::parse(url, targets) else {
        return Vec::new();
    };
    let mistyped = Target::typed(url, targets).is_err().then_some(Warning::Mistyped);
    mistyped.into_iter().chain(of_target(&target)).collect()
}

fn of_target(target: &Target) -> Vec<Warning> {
    let url = target.url();
    // The URL parser has made the host lower-case (URL Standard). The paths below are spelt as the services spell them.
    let (host, path) = (target.host().trim_end_matches('.'), url.path());
    let http = (url.scheme() == "http").then_some(Warning::Http);
    http.into_iter().chain(service(host, path)).collect()
}

fn service(host: &str, path: &str) -> Option<Warning> {
    let below = |domain| is_below(host, domain);
    let in_path = |beginning: &str| path.starts_with(beginning);
    match host {
        "api.telegram.org" => Some(Warning::Telegram),
        "outlook.office.com" | "outlook.office365.com" if in_path("/webhook") => Some(Warning::Teams),
        _ if below("webhook.office.com") => Some(Warning::Teams),
        _ if below("logic.azure.com") || below("api.powerplatform.com") => Some(Warning::PowerAutomate),
        _ if path.contains("/webhook-test/") => Some(Warning::N8nTestUrl),
        _ => is_page(host, path).then_some(Warning::ToolPage),
    }
}

fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Whether the URL is a page on which owners build the workflow that takes the events. Each of these services has its
/// webhooks at another host or path.
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
        // Zapier's webhooks had this host once.
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
    fn a_url_that_is_probably_a_mistake_has_its_warning() {
        let of = |url: &str| of(url, TargetPolicy::UnsafeForLocalTestsOnly);
        for (url, expected) in [
            ("https://n8n.example/webhook-test/x", Warning::N8nTestUrl),
            ("http://example.com/", Warning::Http),
            ("https://API.telegram.org./bot1:x/sendMessage", Warning::Telegram),
            ("https://prod-1.westeurope.logic.azure.com/workflows/x", Warning::PowerAutomate),
            ("https://a.1.environment.api.powerplatform.com/powerautomate/x", Warning::PowerAutomate),
            ("https://a.b.webhook.office.com/webhookb2/x", Warning::Teams),
            ("https://outlook.office365.com/webhook/x", Warning::Teams),
            ("https://make.powerautomate.com/environments/x/flows/y", Warning::ToolPage),
            ("https://www.airtable.com/appX", Warning::ToolPage),
        ] {
            assert_eq!(of(url), [expected], "{url}");
        }
        for url in [
            "https://n8n.example/webhook/x",
            "https://hooks.slack.com/services/T/B/x",
            "https://hooks.slack.com/triggers/T/1/x",
            "https://ptb.discord.com/api/v9/webhooks/1/x",
            "https://chat.googleapis.com/v1/spaces/A/messages",
            "https://hook.make.com/x/scenarios/",
            "https://xlogic.azure.com/workflows/x",
            "https://api.monday.com/v2",
            "https://zapier.com/hooks/catch/1/abc/",
            "https://outlook.office.com/x",
        ] {
            assert_eq!(of(url), [], "{url}");
        }
        assert_eq!(of("http://api.telegram.org/bot1:x"), [Warning::Http, Warning::Telegram]);
    }

    #[test]
    fn a_stored_url_that_nobody_may_type_has_a_warning() {
        for (url, expected) in [
            ("https://n8n.example/{{ $json.id }}", &[Warning::Mistyped][..]),
            ("https://n8n.example/hook https://n8n.example/hook", &[Warning::Mistyped]),
            ("https://n8n.example/hook the hook", &[Warning::Mistyped]),
            ("https://api.telegram.org/bot<TOKEN>", &[Warning::Mistyped, Warning::Telegram]),
            ("https://a{b}.example/", &[]),
            ("http://n8n.example/{id}", &[]),
            ("https://n8n.example/hook#", &[]),
        ] {
            assert_eq!(of(url, TargetPolicy::Public), expected, "{url}");
        }
    }
}
