//! The format of deliveries and the owner's template: judged before they are stored, and shown in a preview.

use adapters::process::clock;
use adapters::settings_table::{FormatChange, OwnerSettings, TemplateChange};
use domain::event::BusinessId;
use domain::format::{ChosenFormat, Format, PayloadFormat, Template, TemplateError};
use domain::guard::Target;
use domain::pasted;

use super::settings::UrlIntent;
use super::test_event::TestKind;
use super::{Refused, UseCaseError, UseCases};

/// The change of the format that the owner asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FormatIntent {
    /// The name of the format that replaces the stored one; None: the stored one stays.
    pub(crate) format: Option<String>,
    pub(crate) template: TemplateIntent,
}

/// The change of the template that the owner asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum TemplateIntent {
    #[default]
    Keep,
    /// This template replaces the stored one. None or empty: from now on there is no template.
    Set(Option<String>),
}

/// Why a format or a template is refused. None of the messages repeats anything of the template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidFormat {
    /// No format has this name.
    #[error("there is no such format")]
    Unknown,
    /// The format `template` is chosen, and there is no template.
    #[error("the format needs a template")]
    NoTemplate,
    /// The template cannot be read.
    #[error(transparent)]
    Template(TemplateError),
}

impl FormatIntent {
    /// Removes invisible characters from the template, and the template itself if nothing is left of it.
    pub(super) fn cleaned(self) -> Self {
        let template = match self.template {
            TemplateIntent::Keep => TemplateIntent::Keep,
            TemplateIntent::Set(text) => {
                let text = text.as_deref().map(pasted::cleaned).filter(|text| !text.is_empty());
                TemplateIntent::Set(text)
            }
        };
        Self { template, ..self }
    }

    /// Judges the named format and template, and the pair that would then be stored. A format or template that another
    /// system has stored is judged only if the owner changes one of the two.
    pub(super) fn change(&self, before: &OwnerSettings) -> Result<FormatChange<'_>, InvalidFormat> {
        let format = match self.format.as_deref() {
            None => None,
            Some(name) => Some(PayloadFormat::parse(name).ok_or(InvalidFormat::Unknown)?),
        };
        let (template, wanted) = match &self.template {
            TemplateIntent::Keep => (TemplateChange::Keep, before.payload_template.as_deref()),
            TemplateIntent::Set(text) => (TemplateChange::Set(text.as_deref()), text.as_deref()),
        };
        let is_named = format.is_some() || template != TemplateChange::Keep;
        let is_needed = is_named && format.unwrap_or(before.payload_format) == PayloadFormat::Always(Format::Template);
        match wanted {
            None if is_needed => return Err(InvalidFormat::NoTemplate),
            Some(text) if is_needed || template != TemplateChange::Keep => {
                Template::parse(text).map_err(InvalidFormat::Template)?;
            }
            _ => {}
        }
        Ok(FormatChange { format, template })
    }

    /// The format as it would be after the change.
    fn chosen(&self, before: &OwnerSettings) -> Result<ChosenFormat, InvalidFormat> {
        let FormatChange { format, template } = self.change(before)?;
        let stored = before.format();
        Ok(ChosenFormat {
            format: format.unwrap_or(stored.format),
            template: match template {
                TemplateChange::Keep => stored.template,
                TemplateChange::Set(text) => text.and_then(|text| Template::parse(text).ok()),
            },
        })
    }
}

impl UseCases {
    /// The body that a test of this kind would send after the change. Nothing is sent or stored.
    pub(crate) async fn preview(
        &self,
        business_id: &BusinessId,
        url: UrlIntent,
        format: FormatIntent,
        kind: TestKind,
    ) -> Result<String, UseCaseError> {
        let now = clock::now();
        let before = self.tables.settings.read_for_owner(business_id, now).await?;
        let url = match url.cleaned() {
            // A URL that nothing can be sent to resolves to no format of its own.
            UrlIntent::Keep => Ok(before.url.as_deref().and_then(|url| Target::parse(url, self.targets).ok())),
            UrlIntent::Set(None) => Ok(None),
            UrlIntent::Set(Some(url)) => self.target(&url, &before).map(Some),
        };
        let (url, chosen) = match (url, format.cleaned().chosen(&before)) {
            (Ok(url), Ok(chosen)) => (url, chosen),
            (url, format) => {
                let refused = Refused { url: url.err(), format: format.err(), ..Refused::default() };
                return Err(UseCaseError::Refused(refused));
            }
        };
        let event = kind.event(business_id, now)?;
        let format = match (&url, chosen.format) {
            (Some(target), format) => format.resolve(target.url()),
            (None, PayloadFormat::Always(format)) => format,
            (None, PayloadFormat::Auto) => Format::Event,
        };
        Ok(format.payload(&event, chosen.template.as_ref()).body.into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intent(format: Option<&str>, template: TemplateIntent) -> FormatIntent {
        FormatIntent { format: format.map(ToOwned::to_owned), template }.cleaned()
    }

    fn set(text: &str) -> TemplateIntent {
        TemplateIntent::Set(Some(text.to_owned()))
    }

    fn stored(format: &str, template: Option<&str>) -> OwnerSettings {
        OwnerSettings {
            payload_format: PayloadFormat::stored(Some(format)),
            payload_template: template.map(ToOwned::to_owned),
            ..OwnerSettings::default()
        }
    }

    #[test]
    fn a_format_that_needs_a_template_is_taken_with_one_alone() {
        let judged =
            |format, template: TemplateIntent, before: &OwnerSettings| intent(format, template).change(before).err();
        let new = OwnerSettings::default();
        let templated = stored("template", Some("{}"));
        assert_eq!(judged(Some("template"), TemplateIntent::Keep, &new), Some(InvalidFormat::NoTemplate));
        assert_eq!(judged(Some("template"), set("\u{200f} \n"), &new), Some(InvalidFormat::NoTemplate));
        assert_eq!(judged(Some("template"), set("{}"), &new), None);
        assert_eq!(judged(Some("template"), TemplateIntent::Keep, &stored("auto", Some("{}"))), None);
        assert_eq!(judged(None, TemplateIntent::Set(None), &templated), Some(InvalidFormat::NoTemplate));
        assert_eq!(judged(Some("auto"), TemplateIntent::Set(None), &templated), None);
        for name in ["", "Slack", "json"] {
            assert_eq!(judged(Some(name), TemplateIntent::Keep, &new), Some(InvalidFormat::Unknown), "{name}");
        }
    }

    #[test]
    fn a_template_is_judged_whatever_the_format_and_what_another_system_stored_only_if_it_is_touched() {
        let place = |error: InvalidFormat| match error {
            InvalidFormat::Template(error) => error.place().map(|place| (place.line, place.column)),
            _ => None,
        };
        let broken =
            intent(Some("slack"), set("{\n  \"a\": }")).change(&OwnerSettings::default()).expect_err("no JSON");
        assert_eq!(place(broken), Some((2, 8)));
        let long = format!("\"{}\"", "x".repeat(4095));
        let too_long = intent(None, set(&long)).change(&OwnerSettings::default()).err();
        assert_eq!(too_long, Some(InvalidFormat::Template(TemplateError::TooLong)));
        let before = stored("template", Some("{"));
        assert!(intent(None, TemplateIntent::Keep).change(&before).is_ok());
        assert!(intent(Some("auto"), TemplateIntent::Keep).change(&before).is_ok());
        assert!(intent(Some("template"), TemplateIntent::Keep).change(&before).is_err());
    }
}
