//! The guides: their list, each tool's page with its form and its test, and the files that they offer.
//!
//! What is saved or tested in a guide is answered with the guide, so that an owner never leaves it.

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
use crate::guides::{Asks, Guide, host};
use crate::html::{self, Flash, GuideView, Problem};
use crate::use_cases::{Refused, TestKind, UrlIntent, UseCaseError, UseCases, Warning};

/// The workflow to import into n8n.
const N8N_WORKFLOW: &str = include_str!("../../../../events/receivers/n8n.json");

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
    download("prosaas-n8n.json", "application/json", N8N_WORKFLOW)
}

pub(super) async fn google_sheets_script() -> Response {
    download("prosaas-google-sheets.gs", "text/plain; charset=utf-8", html::GOOGLE_SHEETS_SCRIPT)
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
    match use_cases.save(business, UrlIntent::Set(Some(url)), form.header(), form.format(), form.email()).await {
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
    Ok(view(guide, &owned, use_cases.targets, was_used, now))
}

fn view(guide: Guide, owned: &OwnerSettings, targets: TargetPolicy, was_used: bool, now: Timestamp) -> GuideView {
    let mut settings = view_model::settings(owned, targets);
    let url = owned.url.as_deref();
    let is_connected = url.is_some_and(|url| was_used || guide.fits(url));
    if let Asks::Record(record) = guide.tool().asks {
        let is_stored = settings.header_name.eq_ignore_ascii_case(record.header);
        settings.has_header_value = settings.has_header_value && is_stored;
        let has_template = settings.format == PayloadFormat::Always(Format::Template) && !settings.template.is_empty();
        if !is_connected || !has_template {
            record.template.clone_into(&mut settings.template);
        }
    }
    if !is_connected {
        settings.url = match guide.tool().asks {
            Asks::Record(record) => record.url.to_owned(),
            _ => String::new(),
        };
        settings.hints.clear();
    }
    GuideView {
        guide,
        said: None,
        settings,
        is_connected,
        elsewhere: url.filter(|_| !is_connected).map(|url| host(url).unwrap_or_else(|| url.to_owned())),
        endpoint: view_model::state(owned, now),
        test: None,
    }
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
        let Asks::Record(record) = Guide::Fireberry.tool().asks else { panic!("Fireberry asks for a record") };
        let prepared = view_of(Guide::Fireberry, &stored("https://n8n.example/x"), false);
        assert_eq!(
            (prepared.settings.url.as_str(), prepared.settings.template.as_str()),
            (record.url, record.template)
        );
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
}
