//! The forms of the settings and of the test: saved, previewed, tested, and shown again with their errors.

use adapters::attempter::Attempt;
use axum::Extension;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::{StatusCode, header};
use domain::event::BusinessId;
use domain::format::{Format, PayloadFormat};
use domain::pasted;
use domain::request::InvalidStaticHeader;
use serde::Deserialize;

use super::{Answer, App, Owner, Sent, newest, redirect, show, view_model};
use crate::as_html;
use crate::html::{self, Flash, Overview};
use crate::use_cases::{
    EmailIntent, FormatIntent, HeaderIntent, Refused, TemplateIntent, TestKind, UrlIntent, UseCaseError, UseCases,
};

#[derive(Deserialize)]
pub(super) struct SettingsForm {
    #[serde(default)]
    generic_webhook_url: String,
    #[serde(default)]
    static_header_name: String,
    #[serde(default)]
    static_header_value: String,
    /// None: the form is of a page that was opened before there was this field.
    notify_email: Option<String>,
    /// None, as with the template: the form is of a page that was opened before there was this field.
    payload_format: Option<String>,
    payload_template: Option<String>,
}

impl SettingsForm {
    fn header(&self) -> HeaderIntent {
        let (name, value) = (pasted::cleaned(&self.static_header_name), pasted::cleaned(&self.static_header_value));
        if name.is_empty() && value.is_empty() {
            return HeaderIntent::Clear;
        }
        HeaderIntent::Set { name, value: Some(value).filter(|value| !value.is_empty()) }
    }

    fn email(&self) -> EmailIntent {
        match self.notify_email.as_deref().map(pasted::cleaned) {
            None => EmailIntent::Keep,
            Some(email) => EmailIntent::Set(Some(email).filter(|email| !email.is_empty())),
        }
    }

    fn format(&self) -> FormatIntent {
        let format = self.payload_format.clone();
        // The field of the template is shown, and counts, only while the template is what is sent.
        let is_shown = format.as_deref() == Some(Format::Template.as_str());
        let template = self.payload_template.as_deref().filter(|_| is_shown);
        FormatIntent {
            format,
            template: template
                .map_or(TemplateIntent::Keep, |text| TemplateIntent::Set(Some(text.replace("\r\n", "\n")))),
        }
    }

    /// Whether the form is that of the settings. The test's form has none.
    fn has_settings(&self) -> bool {
        self.payload_format.is_some()
    }
}

#[derive(Deserialize)]
pub(super) struct TestForm {
    #[serde(default)]
    event_type: TestKind,
}

/// The form of the settings, or that of the test, whose buttons ask for a preview.
#[derive(Deserialize)]
pub(super) struct PreviewForm {
    #[serde(flatten)]
    settings: SettingsForm,
    #[serde(flatten)]
    test: TestForm,
}

pub(super) async fn save(State(use_cases): App, Extension(business): Owner, form: Sent<SettingsForm>) -> Answer {
    let Form(form) = form?;
    let url = UrlIntent::Set(Some(form.generic_webhook_url.clone()));
    match use_cases.save(&business, url, form.header(), form.format(), form.email()).await {
        Ok(saved) if saved.url.is_none() => Ok(redirect("/?said=cleared")),
        Ok(saved) => {
            // The warning of the DNS lookup would be lost after a redirect.
            let mut view = show(&use_cases, &business, &newest(), false).await?;
            let is_new_to_events = saved.is_another && !view.log.is_empty();
            view.said = Some(if is_new_to_events { Flash::SavedAnother } else { Flash::Saved });
            let place = if is_new_to_events { "/?said=saved-another" } else { "/?said=saved" };
            view.settings.hints = saved.warnings.into_iter().map(view_model::hint).collect();
            let unresolved = view.settings.hints.contains(&html::Hint::Unresolved);
            Ok(if unresolved { as_html(StatusCode::OK, html::overview(&view)) } else { redirect(place) })
        }
        Err(UseCaseError::Refused(refused)) => {
            let mut view = show(&use_cases, &business, &newest(), false).await?;
            typed(&mut view, form, refused);
            Ok(as_html(StatusCode::UNPROCESSABLE_ENTITY, html::overview(&view)))
        }
        Err(why) => Err(why.into()),
    }
}

/// Shows a form again as it was typed, with its errors. The value of a header is a password and is not repeated. So its
/// field asks for the value again: an owner who saw an empty field without an error would believe the value stored.
fn typed(view: &mut Overview, form: SettingsForm, refused: Refused) {
    view.settings.url = form.generic_webhook_url;
    view.settings.url_error = refused.url;
    view.settings.hints.clear();
    view.settings.header_name = form.static_header_name;
    let value_again = (!form.static_header_value.is_empty()).then_some(InvalidStaticHeader::Value);
    view.settings.header_error = refused.header.or(value_again);
    view.settings.email = form.notify_email.unwrap_or_default();
    view.settings.email_error = refused.email;
    if let Some(format) = form.payload_format.as_deref().and_then(PayloadFormat::parse) {
        view.settings.format = format;
    }
    view.settings.resolved = view_model::resolved(view.settings.format, &view.settings.url);
    view.settings.template = form.payload_template.unwrap_or(std::mem::take(&mut view.settings.template));
    view.settings.format_error = refused.format;
}

/// Shows the body that a test would send with the settings as they are typed, or, without any, as they are stored.
pub(super) async fn preview(State(use_cases): App, Extension(business): Owner, form: Sent<PreviewForm>) -> Answer {
    let Form(PreviewForm { settings: form, test: TestForm { event_type } }) = form?;
    let (url, kind) = if form.has_settings() {
        // A call is what the settings are for.
        (UrlIntent::Set(Some(form.generic_webhook_url.clone())), TestKind::Call)
    } else {
        (UrlIntent::Keep, event_type)
    };
    let previewed = use_cases.preview(&business, url, form.format(), kind).await;
    let mut view = show(&use_cases, &business, &newest(), false).await?;
    view.test_kind = event_type;
    let (status, refused) = match previewed {
        Ok(body) => {
            view.preview = Some(body);
            (StatusCode::OK, Refused::default())
        }
        Err(UseCaseError::Refused(refused)) => (StatusCode::UNPROCESSABLE_ENTITY, refused),
        Err(why) => return Err(why.into()),
    };
    if form.has_settings() {
        typed(&mut view, form, refused);
    }
    Ok(as_html(status, html::overview(&view)))
}

pub(super) async fn test(State(use_cases): App, Extension(business): Owner, form: Sent<TestForm>) -> Answer {
    let event_type = match form {
        Ok(Form(form)) => form.event_type,
        // No form at all: a test of the default type.
        Err(FormRejection::InvalidFormContentType(_)) => TestKind::default(),
        Err(rejection) => return Err(rejection.into()),
    };
    let attempt: Attempt = match use_cases.test(&business, event_type).await {
        Err(why @ UseCaseError::TooManyTests(_)) => return too_many_tests(&use_cases, &business, &why).await,
        tested => tested?,
    };
    let mut view = show(&use_cases, &business, &newest(), false).await?;
    view.test = Some(view_model::test(&attempt));
    view.test_kind = event_type;
    Ok(as_html(StatusCode::OK, html::overview(&view)))
}

async fn too_many_tests(use_cases: &UseCases, business: &BusinessId, why: &UseCaseError) -> Answer {
    let mut view = show(use_cases, business, &newest(), false).await?;
    view.said = Some(Flash::TooManyTests);
    let mut response = as_html(StatusCode::TOO_MANY_REQUESTS, html::overview(&view));
    why.retry_after().map(|wait| response.headers_mut().insert(header::RETRY_AFTER, wait));
    Ok(response)
}
