//! The guides: their list, each tool's page with its form and its test, and the files that they offer.
//!
//! What is saved or tested in a guide is answered with the guide, so that an owner never leaves it.

use adapters::deliveries_table::Wanted;
use adapters::settings_table::OwnerSettings;
use axum::Extension;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::Timestamp;
use domain::event::BusinessId;
use domain::format::{Format, PayloadFormat};
use domain::guard::{Refusal, TargetPolicy};
use domain::pasted;

use super::settings::{SettingsForm, typed};
use super::{Address, Answer, App, Owner, PageError, clock, redirect, view_model};
use crate::as_html;
use crate::guides::{Guide, Header, host};
use crate::html::{self, Flash, GuideView, Problem};
use crate::use_cases::{FormatIntent, HeaderIntent, Refused, TestKind, UrlIntent, UseCaseError, UseCases, Warning};

/// The workflow to import into n8n.
const N8N_WORKFLOW: &str = include_str!("../../../../events/receivers/n8n.json");

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// Further files, by their names in `events/`, with their media types.
const FILES: [(&str, &str, &str); 6] = [
    ("n8n_verify.json", JSON, include_str!("../../../../events/receivers/n8n_verify.json")),
    ("n8n_header_auth.json", JSON, include_str!("../../../../events/receivers/n8n_header_auth.json")),
    ("n8n_google_sheets.json", JSON, include_str!("../../../../events/receivers/n8n_google_sheets.json")),
    ("n8n_slack.json", JSON, include_str!("../../../../events/receivers/n8n_slack.json")),
    ("n8n_monday.json", JSON, include_str!("../../../../events/receivers/n8n_monday.json")),
    ("llms.txt", TEXT, include_str!("../../../../events/llms.txt")),
];

pub(super) async fn list() -> Response {
    as_html(StatusCode::OK, html::guides())
}

pub(super) async fn guide(
    State(use_cases): App,
    Extension(business): Owner,
    tool: Result<Path<Guide>, PathRejection>,
    asked: Address,
) -> Answer {
    let Ok(Path(guide)) = tool else {
        return Ok(as_html(StatusCode::NOT_FOUND, html::problem(Problem::NotFound)));
    };
    let said = asked.ok().and_then(|Query(asked)| asked.said());
    let view = GuideView { said, ..read(&use_cases, &business, guide, said == Some(Flash::Saved)).await? };
    Ok(as_html(StatusCode::OK, html::guide(&view)))
}

pub(super) async fn n8n_workflow() -> Response {
    download("prosaas-n8n.json", JSON, N8N_WORKFLOW)
}

pub(super) async fn google_sheets_script() -> Response {
    download("prosaas-google-sheets.gs", TEXT, html::GOOGLE_SHEETS_SCRIPT)
}

pub(super) async fn file(name: Result<Path<String>, PathRejection>) -> Response {
    let asked = name.ok().map(|Path(name)| name);
    let Some((name, content_type, text)) = FILES.iter().find(|(name, ..)| asked.as_deref() == Some(name)) else {
        return as_html(StatusCode::NOT_FOUND, html::problem(Problem::NotFound));
    };
    download(&format!("prosaas-{}", name.replace('_', "-")), content_type, text)
}

fn download(name: &str, content_type: &'static str, text: &'static str) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    ([(header::CONTENT_TYPE, content_type.to_owned()), (header::CONTENT_DISPOSITION, disposition)], text)
        .into_response()
}

/// Saves the form of a guide.
pub(super) async fn save(use_cases: &UseCases, business: &BusinessId, guide: Guide, form: SettingsForm) -> Answer {
    let url = pasted::cleaned(&form.generic_webhook_url);
    if url.is_empty() {
        // An empty field of a guide is a field that was forgotten. The settings are the place to remove a URL.
        let refused = Refused { url: Some(Refusal::Unreadable), ..Refused::default() };
        return refuse(use_cases, business, guide, form, refused).await;
    }
    let stored = use_cases.tables.settings.read_for_owner(business, clock::now()).await.map_err(UseCaseError::from)?;
    let (header, format) = changes(guide, &form, &stored);
    let saved = use_cases.save(business, UrlIntent::Set(Some(url)), header, format, form.email(), form.retention());
    match saved.await {
        // The warning of the DNS lookup would be lost after a redirect.
        Ok(saved) if saved.warnings.contains(&Warning::Unresolved) => {
            let mut view = read(use_cases, business, guide, true).await?;
            view.said = Some(Flash::Saved);
            view.settings.hints = saved.warnings.into_iter().map(view_model::hint).collect();
            Ok(as_html(StatusCode::OK, html::guide(&view)))
        }
        Ok(_) => Ok(redirect(&format!("{}?said=saved#test", guide.address()))),
        Err(UseCaseError::Refused(refused)) => refuse(use_cases, business, guide, form, refused).await,
        Err(why) => Err(why.into()),
    }
}

/// The changes of the header and of the format. What the form has no field for stays as it is stored, but only while
/// events go to the same host: a header is a secret between the owner and the host that it was made for, and another
/// host needs the format of its tool.
fn changes(guide: Guide, form: &SettingsForm, stored: &OwnerSettings) -> (HeaderIntent, FormatIntent) {
    let (header, format) = (form.header(), form.format());
    if stored.url.as_deref().and_then(host) == host(&form.generic_webhook_url) {
        return (header, format);
    }
    let header = if header == HeaderIntent::Keep { HeaderIntent::Clear } else { header };
    let of_tool = || guide.tool().format.map(|format| format.as_str().to_owned());
    (header, FormatIntent { format: format.format.or_else(of_tool), ..format })
}

/// Shows a guide again with what was typed and its errors.
async fn refuse(
    use_cases: &UseCases,
    business: &BusinessId,
    guide: Guide,
    form: SettingsForm,
    refused: Refused,
) -> Answer {
    let mut view = read(use_cases, business, guide, false).await?;
    typed(&mut view.settings, form, refused);
    Ok(as_html(StatusCode::UNPROCESSABLE_ENTITY, html::guide(&view)))
}

/// Sends a guide's test, and shows the guide with the result.
pub(super) async fn test(use_cases: &UseCases, business: &BusinessId, guide: Guide) -> Answer {
    let tested = match use_cases.test(business, TestKind::default()).await {
        Err(UseCaseError::NoUrl) => return Ok(redirect(&format!("{}?said=no-url#paste", guide.address()))),
        tested => tested,
    };
    let mut view = read(use_cases, business, guide, true).await?;
    match tested {
        Ok(attempt) => {
            view.test = Some(view_model::test(&attempt));
            let listed = use_cases.list(business, &Wanted { limit: 1, ..Wanted::default() }).await?;
            view.has_deliveries = !listed.deliveries.is_empty() || listed.next.is_some();
            Ok(as_html(StatusCode::OK, html::guide(&view)))
        }
        Err(why @ UseCaseError::TooManyTests(_)) => {
            view.said = Some(Flash::TooManyTests);
            let mut response = as_html(StatusCode::TOO_MANY_REQUESTS, html::guide(&view));
            why.retry_after().map(|wait| response.headers_mut().insert(header::RETRY_AFTER, wait));
            Ok(response)
        }
        Err(why) => Err(PageError::from(why)),
    }
}

/// The page of a guide. `was_used`: the stored URL was saved or tested in this guide a moment ago, so it is the guide's
/// whatever its host.
async fn read(
    use_cases: &UseCases,
    business: &BusinessId,
    guide: Guide,
    was_used: bool,
) -> Result<GuideView, UseCaseError> {
    let now = clock::now();
    let owned = use_cases.tables.settings.read_for_owner(business, now).await?;
    let mut view = view(guide, &owned, use_cases.targets, was_used, now);
    view.settings.has_mails = use_cases.sends_mails;
    Ok(view)
}

fn view(guide: Guide, owned: &OwnerSettings, targets: TargetPolicy, was_used: bool, now: Timestamp) -> GuideView {
    let tool = guide.tool();
    let mut settings = view_model::settings(owned, targets);
    let url = owned.url.as_deref();
    let is_connected = url.is_some_and(|url| was_used || guide.has_made(url, settings.format));
    if let Some(template) = tool.template.filter(|template| !template.is_empty()) {
        let has_template = settings.format == PayloadFormat::Always(Format::Template) && !settings.template.is_empty();
        if !is_connected || !has_template {
            template.clone_into(&mut settings.template);
        }
    }
    let is_of_tool = is_connected || url.is_some_and(|url| guide.fits(url));
    let removed_header = foreign_header(tool.header, is_of_tool, &mut settings);
    if !is_connected {
        tool.url.clone_into(&mut settings.url);
        settings.hints.clear();
    }
    GuideView {
        guide,
        said: None,
        settings,
        is_connected,
        elsewhere: url.filter(|_| !is_connected).map(|url| host(url).unwrap_or_else(|| url.to_owned())),
        removed_header,
        has_deliveries: false,
        endpoint: view_model::state(owned, now),
        test: None,
    }
}

/// Takes the header of another tool out of the form, and gives its name. Saving the form then removes the header: the
/// form has an empty field for a name, or [`changes`] finds another host. A token's field replaces any header.
fn foreign_header(header: Header, is_of_tool: bool, settings: &mut html::SettingsForm) -> Option<String> {
    if let Header::Token { name, .. } = header {
        settings.has_header_value &= settings.header_name.eq_ignore_ascii_case(name);
        return None;
    }
    if is_of_tool || settings.header_name.is_empty() {
        return None;
    }
    settings.has_header_value = false;
    Some(std::mem::take(&mut settings.header_name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view_of(guide: Guide, owned: &OwnerSettings, was_used: bool) -> GuideView {
        let now = Timestamp::from_second(1_772_359_200).expect("a time");
        view(guide, owned, TargetPolicy::Public, was_used, now)
    }

    fn stored(url: &str) -> OwnerSettings {
        OwnerSettings { url: Some(url.to_owned()), ..OwnerSettings::default() }
    }

    #[test]
    fn a_stored_url_is_shown_in_the_guide_that_it_fits_and_named_by_its_host_in_any_other() {
        let slack = "https://hooks.slack.com/services/T/B/x";
        let shown = |guide, was_used| {
            let view = view_of(guide, &stored(slack), was_used);
            (view.settings.url, view.is_connected, view.elsewhere)
        };
        assert_eq!(shown(Guide::Slack, false), (slack.into(), true, None));
        assert_eq!(shown(Guide::Discord, true), (slack.into(), true, None));
        assert_eq!(shown(Guide::Discord, false), (String::new(), false, Some("hooks.slack.com".into())));
        let new = view_of(Guide::Slack, &OwnerSettings::default(), true);
        assert_eq!((new.settings.url.as_str(), new.is_connected, new.elsewhere), ("", false, None));
    }

    #[test]
    fn a_record_is_prepared_and_what_its_owner_has_changed_stays() {
        let tool = Guide::Fireberry.tool();
        let prepared = view_of(Guide::Fireberry, &stored("https://n8n.example/x"), false);
        assert_eq!(prepared.settings.url, tool.url);
        assert_eq!(Some(prepared.settings.template.as_str()), tool.template);
        assert!(!prepared.settings.has_header_value);
        let owned = OwnerSettings {
            static_header_name: Some("TokenID".into()),
            payload_format: PayloadFormat::Always(Format::Template),
            payload_template: Some("{}".into()),
            ..stored("https://api.fireberry.com/api/record/contact")
        };
        let shown = view_of(Guide::Fireberry, &owned, false).settings;
        assert!(shown.has_header_value && shown.template == "{}" && shown.url.ends_with("/contact"));
        let other = OwnerSettings { static_header_name: Some("X-Key".into()), ..owned };
        assert!(!view_of(Guide::Fireberry, &other, false).settings.has_header_value);
    }

    #[test]
    fn the_header_of_another_tool_is_not_in_the_form_and_is_named_as_removed() {
        let with_header = |url: &str| OwnerSettings { static_header_name: Some("tokenid".into()), ..stored(url) };
        let shown = |guide, url| {
            let view = view_of(guide, &with_header(url), false);
            (view.settings.header_name, view.settings.has_header_value, view.removed_header)
        };
        let removed = (String::new(), false, Some("tokenid".into()));
        let kept = ("tokenid".into(), true, None);
        let flow = "https://a.environment.api.powerplatform.com/x";
        assert_eq!(shown(Guide::Slack, "https://api.fireberry.com/api/record/account"), removed);
        assert_eq!(shown(Guide::Make, "https://api.fireberry.com/api/record/account"), removed);
        assert_eq!(shown(Guide::Make, "https://hook.eu2.make.com/x"), kept);
        assert_eq!(shown(Guide::Slack, "https://hooks.slack.com/services/T/B/x"), kept);
        assert_eq!(shown(Guide::Teams, flow), kept, "the hosts of the two are the same");
        assert_eq!(shown(Guide::Fireberry, "https://hook.eu2.make.com/x"), kept);
        assert_eq!(view_of(Guide::Slack, &stored("https://hook.eu2.make.com/x"), false).removed_header, None);
    }

    #[test]
    fn what_a_form_does_not_have_stays_only_while_the_host_does() {
        let form = |url: &str, format: Option<&str>| {
            let fields = serde_json::json!({"guide": "slack", "generic_webhook_url": url, "payload_format": format});
            serde_json::from_value::<SettingsForm>(fields).expect("a form")
        };
        let changed = |stored_url: Option<&str>, form: &SettingsForm| {
            let owned = OwnerSettings { url: stored_url.map(ToOwned::to_owned), ..OwnerSettings::default() };
            let (header, format) = changes(Guide::Slack, form, &owned);
            (header, format.format)
        };
        let kept = form("https://hooks.slack.com/services/T/B/y", None);
        let same = Some("https://HOOKS.slack.com./services/T/B/x");
        assert_eq!(changed(same, &kept), (HeaderIntent::Keep, None));
        let auto = Some("auto".to_owned());
        assert_eq!(changed(Some("https://hook.eu2.make.com/x"), &kept), (HeaderIntent::Clear, auto.clone()));
        assert_eq!(changed(None, &kept), (HeaderIntent::Clear, auto));
        let named = form("https://hooks.slack.com/services/T/B/y", Some("flat"));
        assert_eq!(changed(None, &named), (HeaderIntent::Clear, Some("flat".to_owned())));
    }
}
