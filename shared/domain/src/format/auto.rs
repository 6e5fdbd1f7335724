//! Recognises the format that a URL's receiver takes.

use url::Url;

use super::Format;

/// Gives the format by the URL's host and path alone. The URL parser has made the host lower-case (URL Standard). A
/// host with a dot at its end is the same host.
pub(super) fn of(url: &Url) -> Format {
    let host = url.host_str().unwrap_or_default();
    let path = url.path();
    let in_path = |beginning: &str| path.starts_with(beginning);
    match host.strip_suffix('.').unwrap_or(host) {
        "hooks.slack.com" | "hooks.slack-gov.com" if in_path("/services/") => Format::Slack,
        // A workflow of Slack takes strings at the top level, and nothing else.
        "hooks.slack.com" | "hooks.slack-gov.com" if in_path("/triggers/") || in_path("/workflows/") => Format::Flat,
        "discord.com" | "discordapp.com" | "ptb.discord.com" | "canary.discord.com" if is_discord_hook(path) => {
            Format::Discord
        }
        "chat.googleapis.com" => Format::GoogleChat,
        _ => Format::Event,
    }
}

/// Whether a path is `/api/webhooks/...`, or the same with a version: `/api/v10/webhooks/...`.
fn is_discord_hook(path: &str) -> bool {
    let Some(rest) = path.strip_prefix("/api/") else { return false };
    let unversioned = rest.strip_prefix('v').and_then(|rest| {
        let (version, rest) = rest.split_once('/')?;
        (!version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit())).then_some(rest)
    });
    unversioned.unwrap_or(rest).starts_with("webhooks/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_text(url: &str) -> Format {
        of(&Url::parse(url).expect("a URL"))
    }

    #[test]
    fn a_known_receiver_gets_its_format() {
        for (url, format) in [
            ("https://hooks.slack.com/services/T0/B0/x", Format::Slack),
            ("https://hooks.slack-gov.com/services/T0/B0/x", Format::Slack),
            ("https://hooks.slack.com/triggers/T0/1/x", Format::Flat),
            ("https://hooks.slack.com/workflows/T0/A0/1/x", Format::Flat),
            ("https://hooks.slack-gov.com/triggers/T0/1/x", Format::Flat),
            ("https://hooks.slack-gov.com/workflows/T0/1/x", Format::Flat),
            ("https://discord.com/api/webhooks/1/x", Format::Discord),
            ("https://discordapp.com/api/webhooks/1/x", Format::Discord),
            ("https://ptb.discord.com/api/v9/webhooks/1/x", Format::Discord),
            ("https://canary.discord.com/api/v10/webhooks/1/x", Format::Discord),
            ("https://chat.googleapis.com/v1/spaces/A/messages?key=k&token=t", Format::GoogleChat),
        ] {
            assert_eq!(of_text(url), format, "{url}");
        }
    }

    #[test]
    fn neither_case_nor_scheme_nor_port_nor_query_nor_a_root_dot_counts() {
        for url in [
            "https://HOOKS.Slack.COM/services/T0/B0/x",
            "http://hooks.slack.com/services/T0/B0/x",
            "https://hooks.slack.com:8443/services/T0/B0/x",
            "https://hooks.slack.com/services/T0/B0/x?a=/triggers/",
            "https://hooks.slack.com./services/T0/B0/x",
            "https://hooks.slack.com/triggers/../services/x",
        ] {
            assert_eq!(of_text(url), Format::Slack, "{url}");
        }
    }

    #[test]
    fn a_url_that_only_looks_like_a_known_receiver_gets_the_event() {
        for url in [
            "https://n8n.example/webhook/1",
            "https://hooks.slack.com.evil.example/services/T0/B0/x",
            "https://evilhooks.slack.com/services/T0/B0/x",
            "https://hooks.slack.com@evil.example/services/x",
            "https://evil.example/hooks.slack.com/services/x",
            "https://evil.example/?https://hooks.slack.com/services/x",
            "https://slack.com/services/x",
            "https://hooks.slack.com../services/x",
            "https://hooks.slack.com/",
            "https://hooks.slack.com/services",
            "https://hooks.slack.com/Services/T0/B0/x",
            "https://hooks.slack.com/x/services/T0",
            "https://discord.com/channels/1",
            "https://discord.com/api/webhooks",
            "https://discord.com/api/v/webhooks/1/x",
            "https://discord.com/api/v+1/webhooks/1/x",
            "https://discord.com/api/v1x/webhooks/1/x",
            "https://discord.com/api/v10/v9/webhooks/1/x",
            "https://discord.com/v10/api/webhooks/1/x",
            "https://www.discord.com/api/webhooks/1/x",
            "https://discord.com.evil.example/api/webhooks/1/x",
            "https://chat.googleapis.com.evil.example/v1/spaces/A/messages",
            "https://xchat.googleapis.com/v1/spaces/A/messages",
            "https://prod-1.westeurope.logic.azure.com/workflows/x",
        ] {
            assert_eq!(of_text(url), Format::Event, "{url}");
        }
    }
}
