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

use super::{Answer, App, Owner, Sent, guides, newest, redirect, show, view_model};
use crate::as_html;
use crate::guides::Guide;
use crate::html::{self, Flash};
use crate::use_cases::{
    EmailIntent, FormatIntent, HeaderIntent, Refused, RetentionIntent, TemplateIntent, TestKind, UrlIntent,
    UseCaseError, UseCases,
};

#[derive(Deserialize)]
pub(super) struct SettingsForm {
    /// The guide that the form is part of; None: it is that of the settings.
    guide: Option<Guide>,
    #[serde(default)]
    pub(super) generic_webhook_url: String,
    /// None, as with each field below: the form does not have the field, and what is stored stays. Guides ask for what
    /// their tool needs, and a page may have been opened before there was a field.
    static_header_name: Option<String>,
    static_header_value: Option<String>,
    notify_email: Option<String>,
    retention_days: Option<String>,
    payload_format: Option<String>,
    payload_template: Option<String>,
}

impl SettingsForm {
    pub(super) fn header(&self) -> HeaderIntent {
        let Some(name) = self.static_header_name.as_deref().map(pasted::cleaned) else {
            return HeaderIntent::Keep;
        };
        let value = self.static_header_value.as_deref().map(pasted::cleaned).filter(|value| !value.is_empty());
        match value {
            None if name.is_empty() => HeaderIntent::Clear,
            value => HeaderIntent::Set { name, value },
        }
    }

    pub(super) fn email(&self) -> EmailIntent {
        match self.notify_email.as_deref().map(pasted::cleaned) {
            None => EmailIntent::Keep,
            Some(email) => EmailIntent::Set(Some(email).filter(|email| !email.is_empty())),
        }
    }

    pub(super) fn retention(&self) -> RetentionIntent {
        match self.retention_days.as_deref().map(pasted::cleaned) {
            None => RetentionIntent::Keep,
            Some(days) if days.is_empty() => RetentionIntent::Set(None),
            // A text that is no whole number is refused like 0.
            Some(days) => RetentionIntent::Set(Some(days.parse().unwrap_or(0))),
        }
    }

    pub(super) fn format(&self) -> FormatIntent {
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
    /// The guide that the form is part of; None: it is that of the test.
    guide: Option<Guide>,
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
    if let Some(guide) = form.guide {
        return guides::save(&use_cases, &business, guide, form).await;
    }
    let url = UrlIntent::Set(Some(form.generic_webhook_url.clone()));
    let (header, format, email, retention) = (form.header(), form.format(), form.email(), form.retention());
    match use_cases.save(&business, url, header, format, email, retention).await {
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
            typed(&mut view.settings, form, refused);
            view.is_unsaved = true;
            Ok(as_html(StatusCode::UNPROCESSABLE_ENTITY, html::overview(&view)))
        }
        Err(why) => Err(why.into()),
    }
}

/// Shows a form again as it was typed, with its errors. The value of a header is a password and is not repeated. So its
/// field asks for the value again: an owner who saw an empty field without an error would believe the value stored.
pub(super) fn typed(settings: &mut html::SettingsForm, form: SettingsForm, refused: Refused) {
    settings.url = form.generic_webhook_url;
    settings.url_error = refused.url;
    settings.hints.clear();
    settings.header_name = form.static_header_name.unwrap_or(std::mem::take(&mut settings.header_name));
    let value_again = form.static_header_value.is_some_and(|value| !value.is_empty());
    settings.header_error = refused.header.or(value_again.then_some(InvalidStaticHeader::Value));
    settings.email = form.notify_email.unwrap_or(std::mem::take(&mut settings.email));
    settings.email_error = refused.email;
    settings.retention = form.retention_days.unwrap_or(std::mem::take(&mut settings.retention));
    settings.retention_error = refused.retention;
    if let Some(format) = form.payload_format.as_deref().and_then(PayloadFormat::parse) {
        settings.format = format;
    }
    settings.resolved = view_model::resolved(settings.format, &settings.url);
    settings.template = form.payload_template.unwrap_or(std::mem::take(&mut settings.template));
    settings.format_error = refused.format;
}

/// Shows the body that a test would send with the settings as they are typed, or, without any, as they are stored.
pub(super) async fn preview(State(use_cases): App, Extension(business): Owner, form: Sent<PreviewForm>) -> Answer {
    let Form(PreviewForm { settings: form, test: TestForm { event_type, .. } }) = form?;
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
            view.preview = Some(html::Preview { body, of_form: form.has_settings() });
            (StatusCode::OK, Refused::default())
        }
        Err(UseCaseError::Refused(refused)) => (StatusCode::UNPROCESSABLE_ENTITY, refused),
        Err(why) => return Err(why.into()),
    };
    if form.has_settings() {
        let is_refused = refused != Refused::default();
        typed(&mut view.settings, form, refused);
        view.is_unsaved = true;
        if !is_refused {
            // Nothing is wrong yet: the value of a header has to be typed again only when it is saved.
            view.settings.header_error = None;
        }
    }
    Ok(as_html(status, html::overview(&view)))
}

pub(super) async fn test(State(use_cases): App, Extension(business): Owner, form: Sent<TestForm>) -> Answer {
    let event_type = match form {
        Ok(Form(TestForm { guide: Some(guide), .. })) => return guides::test(&use_cases, &business, guide).await,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn form(fields: &str) -> SettingsForm {
        axum::http::Uri::try_from(format!("/?{fields}"))
            .ok()
            .and_then(|uri| axum::extract::Query::try_from_uri(&uri).ok())
            .map(|axum::extract::Query(form)| form)
            .expect("a form")
    }

    #[test]
    fn a_field_that_a_form_does_not_have_keeps_what_is_stored_and_an_empty_one_clears_it() {
        let guides = form("guide=slack&generic_webhook_url=https%3A%2F%2Fa.example%2F&payload_format=auto");
        assert_eq!(guides.guide, Some(Guide::Slack));
        assert_eq!((guides.header(), guides.email()), (HeaderIntent::Keep, EmailIntent::Keep));
        assert_eq!(guides.retention(), RetentionIntent::Keep);
        assert_eq!(guides.format().template, TemplateIntent::Keep);
        let cleared = form("generic_webhook_url=&static_header_name=&static_header_value=&notify_email=");
        assert_eq!((cleared.header(), cleared.email()), (HeaderIntent::Clear, EmailIntent::Set(None)));
        assert_eq!(form("static_header_value=x").header(), HeaderIntent::Keep, "a value without the field of its name");
        let set = |fields| match form(fields).header() {
            HeaderIntent::Set { name, value } => (name, value),
            other => panic!("{other:?}"),
        };
        assert_eq!(set("static_header_name=X-Key&static_header_value="), ("X-Key".into(), None));
        assert_eq!(set("static_header_name=&static_header_value=x"), (String::new(), Some("x".into())));
    }

    #[test]
    fn days_are_read_as_they_are_typed_and_a_text_that_is_no_number_is_refused() {
        let days = |typed: &str| form(&format!("retention_days={typed}")).retention();
        assert_eq!(days("7"), RetentionIntent::Set(Some(7)));
        assert_eq!(days("%E2%80%8F%2030%C2%A0"), RetentionIntent::Set(Some(30)), "with invisible characters");
        assert_eq!([days(""), days("+")], [RetentionIntent::Set(None); 2]);
        for text in ["soon", "1.5", "1e1", "7+days", "99999999999999999999"] {
            assert_eq!(days(text), RetentionIntent::Set(Some(0)), "{text}");
        }
        assert_eq!(days("-7"), RetentionIntent::Set(Some(-7)));
    }

    #[test]
    fn what_a_form_does_not_have_is_shown_as_it_is_stored() {
        let stored = || html::SettingsForm {
            header_name: "X-Key".into(),
            email: "owner@example.com".into(),
            retention: "7".into(),
            template: "{}".into(),
            ..html::SettingsForm::default()
        };
        let mut shown = stored();
        typed(&mut shown, form("guide=slack&generic_webhook_url=a"), Refused::default());
        let kept = (shown.header_name, shown.email, shown.template, shown.retention);
        let expected = (stored().header_name, stored().email, stored().template, stored().retention);
        assert_eq!((shown.url.as_str(), kept), ("a", expected));
        let mut shown = stored();
        let emptied = form("static_header_name=&notify_email=&payload_template=&retention_days=");
        typed(&mut shown, emptied, Refused::default());
        assert_eq!((shown.header_name, shown.email, shown.template), (String::new(), String::new(), String::new()));
        assert_eq!(shown.retention, "");
    }
}
