use proptest::prelude::*;

use super::*;

proptest! {
    /// Pieces of JSON in any order: mostly texts that break the grammar, often by one byte.
    #[test]
    fn a_text_is_read_exactly_if_serde_reads_it(
        pieces in proptest::collection::vec(
            prop::sample::select(&[
                "{", "}", "[", "]", ",", ":", "\"a\"", "\"\\n\"", "\"\\u00e9\"", "\"", "\\", "\n", " ", "\t", "-", "0", "01", "7",
                "1.5", "1.", ".5", "1e5", "1e", "E+2", "+", "true", "tru", "false", "null", "nul", "שלום", "\u{1}", "\u{a0}", "/",
            ][..]),
            0..9,
        ),
    ) {
        let text = pieces.concat();
        let by_serde = serde_json::from_str::<serde_json::Value>(&text);
        let read = Value::parse(&text);
        prop_assert_eq!(read.is_ok(), by_serde.is_ok(), "{}: {:?} {:?}", text, read, by_serde);
    }
}

#[test]
fn an_error_tells_its_line_and_column() {
    for (text, place) in
        [("", (1, 1)), ("{", (1, 1)), ("[1,\n 2 x]", (2, 4)), ("{\"a\":\n\"b\u{1}\"}", (2, 3)), ("tru", (1, 1))]
    {
        let Err(JsonError::Syntax { line, column }) = Value::parse(text) else { panic!("{text} is read") };
        assert_eq!((line, column), place, "{text}");
    }
}

fn normalised(text: &str) -> String {
    Value::parse(text).expect("valid JSON").to_json()
}

#[test]
fn numbers_are_printed_as_ecmascript_prints_them() {
    for (input, output) in [
        ("92.0", "92"),
        ("-0.0", "0"),
        ("-0", "0"),
        ("1E3", "1000"),
        ("0.1e-6", "1e-7"),
        ("1e21", "1e+21"),
        ("5e-324", "5e-324"),
        ("0.30000000000000004", "0.30000000000000004"),
        ("9007199254740991", "9007199254740991"),
    ] {
        assert_eq!(normalised(input), output, "{input}");
    }
}

#[test]
fn whole_numbers_beyond_two_to_the_53_become_strings_with_every_digit() {
    for (input, output) in [
        ("9007199254740992", r#""9007199254740992""#),
        ("-9007199254740993", r#""-9007199254740993""#),
        ("123456789012345678901234567890", r#""123456789012345678901234567890""#),
        ("1e16", r#""10000000000000000""#),
        ("9007199254740993.0", r#""9007199254740992""#),
    ] {
        assert_eq!(normalised(input), output, "{input}");
    }
}

#[test]
fn array_indices_come_first_and_ascending_at_every_depth() {
    assert_eq!(
        normalised(r#"{"b":1,"10":2,"9":{"z":1,"1":2},"01":3,"4294967294":4,"4294967295":5,"-1":6,"0":7}"#),
        r#"{"0":7,"9":{"1":2,"z":1},"10":2,"4294967294":4,"b":1,"01":3,"4294967295":5,"-1":6}"#,
    );
}

#[test]
fn a_repeated_name_keeps_its_first_place_and_its_last_value() {
    assert_eq!(normalised(r#"{"a":1,"b":2,"a":3}"#), r#"{"a":3,"b":2}"#);
}

#[test]
fn only_quote_backslash_and_controls_are_escaped() {
    assert_eq!(
        normalised(r#""\u05e9\u05dc\u05d5\u05dd \/ \u2028 \u007f \u001F \b\f\n\r\t \" \\""#),
        "\"שלום / \u{2028} \u{7f} \\u001f \\b\\f\\n\\r\\t \\\" \\\\\""
    );
}

#[test]
fn nul_is_removed_from_values_and_names() {
    assert_eq!(normalised(r#"{"a\u0000b":"c\u0000"}"#), r#"{"ab":"c"}"#);
}

#[test]
fn members_named_like_inherited_properties_get_an_underscore() {
    assert_eq!(normalised(r#"{"__proto__":{"toString":1},"x":2}"#), r#"{"__proto___":{"toString_":1},"x":2}"#);
    assert_eq!(normalised(r#"{"constru\u0000ctor":1}"#), r#"{"constructor_":1}"#);
}

#[test]
fn nesting_is_accepted_up_to_the_limit_and_refused_beyond() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(normalised(&nested(MAX_DEPTH)), nested(MAX_DEPTH));
    assert!(matches!(Value::parse(&nested(MAX_DEPTH + 1)), Err(JsonError::Depth)));
    assert!(matches!(Value::parse(&nested(200_000)), Err(JsonError::Depth)));
}

#[test]
fn what_no_javascript_value_can_hold_is_refused() {
    assert!(matches!(Value::parse("1e400"), Err(JsonError::NumberRange)));
    for text in [r#""\ud800""#, r#"{"\udc00":1}"#, "NaN", "", "{", "[1,]", "{} {}", "'a'", "01"] {
        assert!(matches!(Value::parse(text), Err(JsonError::Syntax { .. })), "{text}");
    }
}
