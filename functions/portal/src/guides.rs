//! The tools that the page has a guide for: what each is called, where its webhooks live, and what it needs beside a URL.
//!
//! The steps of a guide are its template, `templates/guides/<slug>.html`. What the guides say of a tool, its screens'
//! names and its answers were looked up in November 2026 in the documentation of the tool's maker, which each tool
//! names here. Buttons whose Hebrew name no such page gives are named in English.

use domain::format::{Format, PayloadFormat};
use domain::pasted;
use serde::Deserialize;
use url::Url;

/// A guide, by the tool that is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Guide {
    /// <https://developers.google.com/apps-script/guides/web>, `.../guides/services/quotas`.
    GoogleSheets,
    /// <https://apps.make.com/gateway>, <https://help.make.com/webhooks>, `.../scenario-settings`.
    Make,
    /// <https://support.monday.com/hc/en-us/articles/360003540679>: monday only sends webhooks.
    Monday,
    /// <https://developers.fireberry.com/docs/authentication>, `.../quick-start`, `.../rate-limit`, `.../errors`.
    Fireberry,
    /// <https://help.zapier.com/hc/en-us/articles/8496288690317>, `.../29972220283789`.
    Zapier,
    /// <https://docs.n8n.io/integrations/builtin/core-nodes/n8n-nodes-base.webhook/>,
    /// <https://docs.n8n.io/workflows/publish/>; its answers were measured with n8n 2.40.7.
    N8n,
    /// <https://api.slack.com/messaging/webhooks>,
    /// <https://docs.slack.dev/tools/slack-github-action/sending-data-webhook-slack-workflow>.
    Slack,
    /// <https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook>,
    /// <https://learn.microsoft.com/connectors/teams/>.
    Teams,
    /// <https://developers.google.com/workspace/chat/quickstart/webhooks>, `.../chat/limits`.
    GoogleChat,
    /// <https://support.discord.com/hc/en-us/articles/228383668>,
    /// <https://discord.com/developers/docs/resources/webhook>.
    Discord,
    /// <https://support.airtable.com/when-webhook-received-trigger>.
    Airtable,
    /// <https://learn.microsoft.com/azure/connectors/connectors-native-reqres>.
    PowerAutomate,
    /// By way of Make or Zapier: no mailbox takes a webhook.
    Email,
    /// Any system that takes a POST.
    Other,
}

/// What the page knows of a tool.
pub(crate) struct Tool {
    pub(crate) guide: Guide,
    /// The last part of the guide's address.
    pub(crate) slug: &'static str,
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// What an owner gets, in one line.
    pub(crate) gain: &'static str,
    /// The hosts of the tool's webhooks: each of them, and the hosts below.
    hosts: &'static [&'static str],
    /// Whether a host that belongs to no tool may be this one's too: n8n runs on its owners' own servers.
    may_be_anywhere: bool,
    /// The URL that all owners share, for an owner who has none of the tool's yet; empty: each owner has an own URL.
    pub(crate) url: &'static str,
    /// The format that is saved with the URL; None: the form has a field for the format.
    pub(crate) format: Option<PayloadFormat>,
    pub(crate) header: Header,
    /// The template for an owner who has none; None: the form has no field for a template.
    pub(crate) template: Option<&'static str>,
}

/// What a guide's form asks for a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Header {
    /// Nothing: the tool takes no header.
    None,
    /// A name and a value, from an owner who wants a header. The text is a name for example.
    Chosen(&'static str),
    /// A token, which is the value of the header with this name. The tool calls the token by the label.
    Token { name: &'static str, label: &'static str },
}

const FIREBERRY_TEMPLATE: &str = "{\n  \"accountname\": \"שיחה מ-{{phone}}\",\n  \"telephone1\": \"{{phone}}\",\n  \"description\": \"{{summary}}\"\n}";

const TEAMS: PayloadFormat = PayloadFormat::Always(Format::Teams);
const MAKE: &[&str] = &["make.com", "integromat.com"];
const MICROSOFT: &[&str] = &["api.powerplatform.com", "logic.azure.com", "webhook.office.com"];

/// The tools in the order of the list: what small businesses in Israel use most comes first.
pub(crate) static TOOLS: [Tool; 14] = [
    Tool {
        gain: "שורה בגיליון לכל שיחה, בלי תשלום",
        hosts: &["script.google.com"],
        ..tool(Guide::GoogleSheets, "google-sheets", "Google Sheets", "חיבור ל־Google Sheets")
    },
    Tool {
        gain: "ומשם לכל דבר: CRM, מייל, גיליון, WhatsApp",
        hosts: MAKE,
        header: Header::Chosen("x-make-apikey"),
        ..tool(Guide::Make, "make", "Make", "חיבור ל־Make")
    },
    Tool {
        gain: "פריט בלוח לכל שיחה, דרך Make",
        hosts: MAKE,
        ..tool(Guide::Monday, "monday", "monday", "חיבור ל־monday")
    },
    Tool {
        gain: "לקוח חדש לכל שיחה, בלי כלי באמצע",
        hosts: &["api.fireberry.com", "api.powerlink.co.il"],
        url: "https://api.fireberry.com/api/record/account",
        format: Some(PayloadFormat::Always(Format::Template)),
        header: Header::Token { name: "tokenid", label: "API Access Token" },
        template: Some(FIREBERRY_TEMPLATE),
        ..tool(Guide::Fireberry, "fireberry", "Fireberry", "חיבור ל־Fireberry")
    },
    Tool {
        gain: "לאלפי אפליקציות, בתוכנית בתשלום",
        hosts: &["zapier.com"],
        ..tool(Guide::Zapier, "zapier", "Zapier", "חיבור ל־Zapier")
    },
    Tool {
        gain: "אוטומציה חופשית, עם תהליך מוכן להורדה",
        hosts: &["n8n.cloud"],
        may_be_anywhere: true,
        header: Header::Chosen("X-API-Key"),
        ..tool(Guide::N8n, "n8n", "n8n", "חיבור ל־n8n")
    },
    Tool {
        gain: "הודעה בערוץ על כל שיחה",
        hosts: &["hooks.slack.com"],
        ..tool(Guide::Slack, "slack", "Slack", "חיבור ל־Slack")
    },
    Tool {
        gain: "כרטיס בערוץ על כל שיחה",
        hosts: MICROSOFT,
        format: Some(TEAMS),
        ..tool(Guide::Teams, "teams", "Microsoft Teams", "חיבור ל־Microsoft Teams")
    },
    Tool {
        gain: "הודעה במרחב על כל שיחה, ב־Google Workspace",
        hosts: &["chat.googleapis.com"],
        ..tool(Guide::GoogleChat, "google-chat", "Google Chat", "חיבור ל־Google Chat")
    },
    Tool {
        gain: "הודעה בערוץ על כל שיחה",
        hosts: &["discord.com", "discordapp.com"],
        ..tool(Guide::Discord, "discord", "Discord", "חיבור ל־Discord")
    },
    Tool {
        gain: "רשומה בטבלה לכל שיחה",
        hosts: &["airtable.com"],
        ..tool(Guide::Airtable, "airtable", "Airtable", "חיבור ל־Airtable")
    },
    Tool {
        gain: "ומשם ל־Excel, ל־SharePoint ול־Outlook",
        hosts: MICROSOFT,
        ..tool(Guide::PowerAutomate, "power-automate", "Power Automate", "חיבור ל־Power Automate")
    },
    Tool {
        gain: "סיכום השיחה לתיבת המייל, דרך Zapier או Make",
        hosts: &["zapier.com", "make.com", "integromat.com"],
        ..tool(Guide::Email, "email", "מייל", "מייל על כל שיחה")
    },
    Tool {
        gain: "כל מערכת שמקבלת Webhook",
        may_be_anywhere: true,
        format: None,
        header: Header::Chosen("X-API-Key"),
        template: Some(""),
        ..tool(Guide::Other, "other", "מערכת אחרת", "חיבור למערכת אחרת")
    },
];

/// A tool of which nothing more is known.
const fn tool(guide: Guide, slug: &'static str, name: &'static str, title: &'static str) -> Tool {
    Tool {
        guide,
        slug,
        name,
        title,
        gain: "",
        hosts: &[],
        may_be_anywhere: false,
        url: "",
        format: Some(PayloadFormat::Auto),
        header: Header::None,
        template: None,
    }
}

impl Guide {
    /// The guide's tool.
    pub(crate) fn tool(self) -> &'static Tool {
        TOOLS.iter().find(|tool| tool.guide == self).expect("each guide has a tool, as a test proves")
    }

    /// The guide's address.
    pub(crate) fn address(self) -> String {
        format!("/connect/{}", self.tool().slug)
    }

    /// The host where the URLs of the tool begin; None: they may begin anywhere.
    pub(crate) fn usual_host(self) -> Option<&'static str> {
        let tool = self.tool();
        tool.hosts.first().copied().filter(|_| !tool.may_be_anywhere)
    }

    /// Whether a stored URL is probably the connection that this guide made. Teams and Power Automate share their
    /// hosts, so that only the format tells them apart.
    pub(crate) fn has_made(self, url: &str, format: PayloadFormat) -> bool {
        self.fits(url)
            && match self {
                Self::Teams => format == TEAMS,
                Self::PowerAutomate => format != TEAMS,
                _ => true,
            }
    }

    /// Whether a URL is probably one of the tool's.
    pub(crate) fn fits(self, url: &str) -> bool {
        let Some(host) = host(url) else { return false };
        let tool = self.tool();
        tool.has(&host) || (tool.may_be_anywhere && !TOOLS.iter().any(|other| other.has(&host)))
    }
}

impl Tool {
    fn has(&self, host: &str) -> bool {
        let below = |domain: &str| host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        self.hosts.iter().any(|domain| below(domain))
    }
}

/// A URL's host; None: it is no URL.
pub(crate) fn host(url: &str) -> Option<String> {
    let url = Url::parse(&pasted::cleaned(url)).ok()?;
    url.host_str().map(|host| host.trim_end_matches('.').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_guide_has_its_own_tool_and_the_slug_that_names_it() {
        assert_eq!(TOOLS.len(), Guide::Other as usize + 1);
        for (index, tool) in TOOLS.iter().enumerate() {
            assert_eq!(tool.guide as usize, index, "the tools are as many as the guides, and each has its own");
            let named: Guide = serde_json::from_value(tool.slug.into()).expect(tool.slug);
            assert_eq!(named, tool.guide);
            assert!(!tool.gain.is_empty() && !tool.name.is_empty(), "{}", tool.slug);
        }
    }

    #[test]
    fn a_url_fits_the_tools_of_its_host() {
        let fitting = |url: &str| {
            let fitting = TOOLS.iter().filter(|tool| tool.guide.fits(url));
            fitting.map(|tool| tool.slug).collect::<Vec<_>>()
        };
        for (url, expected) in [
            ("https://hooks.slack.com/services/T/B/x", &["slack"][..]),
            ("\u{200f}https://HOOKS.slack.com./services/T/B/x ", &["slack"]),
            ("https://script.google.com/macros/s/x/exec", &["google-sheets"]),
            ("https://hook.eu2.make.com/x", &["make", "monday", "email"]),
            ("https://hooks.zapier.com/hooks/catch/1/x/", &["zapier", "email"]),
            ("https://a.1.environment.api.powerplatform.com:443/x", &["teams", "power-automate"]),
            ("https://ptb.discord.com/api/webhooks/1/x", &["discord"]),
            ("https://acme.app.n8n.cloud/webhook/x", &["n8n"]),
            ("https://n8n.example.co.il/webhook/x", &["n8n", "other"]),
            ("https://notmake.com/", &["n8n", "other"]),
            ("make.com", &[]),
        ] {
            assert_eq!(fitting(url), expected, "{url}");
        }
    }

    #[test]
    fn what_a_tool_prepares_can_be_saved() {
        for tool in TOOLS.iter().filter(|tool| !tool.url.is_empty()) {
            assert!(tool.guide.fits(tool.url), "{}", tool.slug);
            assert!(tool.template.is_some_and(|text| domain::format::Template::parse(text).is_ok()), "{}", tool.slug);
        }
    }

    #[test]
    fn the_format_tells_teams_from_power_automate_where_both_have_the_host() {
        let url = "https://a.1.environment.api.powerplatform.com:443/x";
        let made = |url: &str, format| {
            let made = TOOLS.iter().filter(|tool| tool.guide.has_made(url, format));
            made.map(|tool| tool.slug).collect::<Vec<_>>()
        };
        assert_eq!(made(url, TEAMS), ["teams"]);
        assert_eq!(made(url, PayloadFormat::Auto), ["power-automate"]);
        assert_eq!(made(url, PayloadFormat::Always(Format::Template)), ["power-automate"]);
        assert_eq!(made("https://hook.eu2.make.com/x", TEAMS), ["make", "monday", "email"]);
    }
}
