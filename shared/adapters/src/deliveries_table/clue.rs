//! A clue, which is a detail that an attempt showed beyond its cause, as two attributes: `refusal` if the guard refused
//! the URL or an address, `clue` for any other clue.

use domain::clue::Clue;
use domain::guard::Refusal;

use crate::dynamodb::Item;
use crate::dynamodb::attributes::text;

/// The names of the two attributes with their values. At most one has a value.
pub(super) fn to_words(clue: Option<Clue>) -> [(&'static str, Option<&'static str>); 2] {
    let refusal = clue.and_then(Clue::refusal);
    let other = clue.filter(|_| refusal.is_none());
    [("clue", other.map(Clue::as_str)), ("refusal", refusal.map(Refusal::as_str))]
}

/// The clue of an item. A word that this version does not know counts as absent.
pub(super) fn from_item(item: &Item) -> Option<Clue> {
    from_attributes(item, "clue", "refusal")
}

/// The clue of an item that has the two attributes by these names.
pub(super) fn from_attributes(item: &Item, clue: &'static str, refusal: &'static str) -> Option<Clue> {
    let word = |name| text(item, name).ok().flatten();
    word(refusal).and_then(Refusal::parse).map(Clue::Refused).or_else(|| word(clue).and_then(Clue::parse))
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;

    use super::*;
    use crate::dynamodb::attributes::s;

    #[test]
    fn each_is_read_back_and_an_unknown_one_is_none() {
        for clue in [Clue::NoConnection, Clue::Refused(Refusal::Address)] {
            let words = to_words(Some(clue)).into_iter().filter_map(|(name, word)| Some((name.to_owned(), s(word?))));
            assert_eq!(from_item(&words.collect()), Some(clue));
        }
        for (name, value) in [
            ("clue", s("of_a_later_version")),
            ("refusal", s("of_a_later_version")),
            ("clue", AttributeValue::Bool(true)),
            ("other", s("expired")),
        ] {
            assert_eq!(from_item(&Item::from([(name.to_owned(), value)])), None, "{name}");
        }
    }
}
