//! The properties that an owner may rely on, shown on whole templates.

use super::*;

const EVENT: &str = r#"{"event_type":"call.completed","phone":"0541234567","duration_sec":92,"ok":true,"none":null,
    "summary":"שורה \"א\"\nשורה \\ב","metadata":{"city":"חיפה","n":1.50,"list":[1,"x",null],"deep":{"a":{"b":"c"}}},
    "tags":["a","b"],"a.b":"dotted","a":{"b":"nested","c":{"d":1}},"first name":"דנה","evil":"{{phone}}\",\"x\":\"{{",
    "big":9007199254740993}"#;

fn members(text: &str) -> Object {
    match Value::parse(text) {
        Ok(Value::Object(members)) => members,
        _ => panic!("an object: {text}"),
    }
}

fn filled(template: &str) -> String {
    Template::parse(template).expect("a template").body(&members(EVENT)).expect("a body")
}

#[test]
fn a_placeholder_is_replaced_within_a_string_at_any_depth() {
    assert_eq!(
        filled(
            r#"{ "text": "שיחה מ־{{phone}}, {{metadata.city}}", "list": [["<{{metadata.deep.a.b}}>"]], "fixed": "x" }"#
        ),
        r#"{"text":"שיחה מ־0541234567, חיפה","list":[["<c>"]],"fixed":"x"}"#,
    );
}

#[test]
fn one_placeholder_alone_takes_the_value_with_its_type() {
    assert_eq!(
        filled(
            r#"["{{phone}}","{{duration_sec}}","{{ok}}","{{none}}","{{metadata.list}}","{{metadata.deep}}","{{metadata.n}}",
            "{{big}}"," {{duration_sec}}"]"#
        ),
        r#"["0541234567",92,true,null,[1,"x",null],{"a":{"b":"c"}},1.5,"9007199254740993"," 92"]"#,
    );
    assert_eq!(filled(r#""{{duration_sec}}""#), "92", "also as the whole body");
}

#[test]
fn within_other_text_a_list_or_object_is_its_json_and_null_is_nothing() {
    assert_eq!(
        filled(r#"["t: {{tags}}","m: {{metadata.deep}}","{{duration_sec}}{{ok}}","<{{none}}>"]"#),
        r#"["t: [\"a\",\"b\"]","m: {\"a\":{\"b\":\"c\"}}","92true","<>"]"#,
    );
}

#[test]
fn what_is_unknown_is_an_empty_string() {
    assert_eq!(
        filled(
            r#"["{{nobody}}","<{{metadata.nobody}}>","{{phone.x}}","{{tags.0}}","{{}}","{{metadata.}}","{{constructor}}"]"#
        ),
        r#"["","<>","","","","",""]"#,
    );
}

#[test]
fn white_space_inside_the_braces_is_ignored() {
    assert_eq!(
        filled(
            r#"["{{ phone }}","{{\n\tduration_sec  }}","{{ metadata . city }}","x{{ metadata.\u00a0city}}","{{ pho ne }}"]"#
        ),
        r#"["0541234567",92,"חיפה","xחיפה","0541234567"]"#,
    );
    assert_eq!(filled(r#""{{ first name }}""#), r#""דנה""#, "but a name may have a space");
}

#[test]
fn a_name_with_a_dot_is_found_before_a_nested_member() {
    assert_eq!(filled(r#"["{{a.b}}","{{a.c.d}}"]"#), r#"["dotted",1]"#);
}

#[test]
fn names_of_members_are_not_replaced() {
    assert_eq!(filled(r#"{"{{phone}}":"{{ok}}"}"#), r#"{"{{phone}}":true}"#);
}

#[test]
fn what_a_value_contains_is_not_replaced_and_cannot_leave_its_string() {
    let quoted = r#"{{phone}}\",\"x\":\"{{"#;
    assert_eq!(filled(r#"{"a":"{{evil}}"}"#), format!(r#"{{"a":"{quoted}"}}"#));
    assert_eq!(filled(r#"{"a":"<{{evil}}phone}}>"}"#), format!(r#"{{"a":"<{quoted}phone}}}}>"}}"#));
    assert_eq!(filled(r#"["{{summary}}!"]"#), r#"["שורה \"א\"\nשורה \\ב!"]"#);
}

#[test]
fn a_placeholder_without_an_end_is_text() {
    assert_eq!(
        filled(r#"["{{phone","{{phone}","{{phone} }","{{ {{ok}}"]"#),
        r#"["{{phone","{{phone}","{{phone} }","{{ true"]"#
    );
}

#[test]
fn the_body_follows_the_byte_rules() {
    assert_eq!(
        filled(
            "{ \"b\" : 1.0 , \"10\" : 1E3, \"9\" : \"{{ok}}\", \"b\" : 9007199254740993, \"__proto__\" : \"\\u05d0\\/\\u0000\",
            \"{{n}}\\u0000\":{}}"
        ),
        r#"{"9":true,"10":1000,"b":"9007199254740993","__proto___":"א/","{{n}}":{}}"#,
    );
}

#[test]
fn what_is_no_template_is_refused_with_its_place() {
    let place = |line, column| Place { line, column };
    for (text, error, message) in [
        (
            "{\"a\": {{phone}}}",
            TemplateError::NotJson(place(1, 8)),
            "the template is not valid JSON at line 1, column 8",
        ),
        (
            "{\n  \"שלום\": 'x'\n}",
            TemplateError::NotJson(place(2, 11)),
            "the template is not valid JSON at line 2, column 11",
        ),
        ("{\"a\":1", TemplateError::NotJson(place(1, 6)), "the template is not valid JSON at line 1, column 6"),
        ("{}\n{}", TemplateError::NotJson(place(2, 1)), "the template is not valid JSON at line 2, column 1"),
        ("phone", TemplateError::NotJson(place(1, 1)), "the template is not valid JSON at line 1, column 1"),
        (
            "[\n[\"\\ud800\"]]",
            TemplateError::NotJson(place(2, 9)),
            "the template is not valid JSON at line 2, column 9",
        ),
        (
            "[\n 1e400]",
            TemplateError::NumberRange(place(2, 6)),
            "a number of the template is out of a double's range at line 2, column 6",
        ),
        (" \n", TemplateError::Empty, "the template is empty"),
        ("", TemplateError::Empty, "the template is empty"),
    ] {
        let found = Template::parse(text).expect_err("no template");
        assert_eq!((found, found.to_string().as_str()), (error, message), "{text}");
    }
    assert!(matches!(Template::parse(&"[".repeat(129)), Err(TemplateError::NotJson(_) | TemplateError::Depth(_))));
    let deep = format!("{}{}", "[".repeat(129), "]".repeat(129));
    assert!(matches!(Template::parse(&deep), Err(TemplateError::Depth(Place { line: 1, column: 128 | 129 }))));
}

#[test]
fn a_template_has_4_096_bytes_at_most() {
    let of = |bytes: usize| format!("\"{}\"", "a".repeat(bytes - 2));
    assert!(Template::parse(&of(4096)).is_ok());
    assert_eq!(Template::parse(&of(4097)), Err(TemplateError::TooLong));
    assert_eq!(
        Template::parse(&format!("\"{}\"", "א".repeat(2048))),
        Err(TemplateError::TooLong),
        "bytes, not characters"
    );
}

#[test]
fn a_body_has_a_mebibyte_at_most() {
    let event =
        |bytes: usize| members(&format!(r#"{{"t":"{}","list":["{}"]}}"#, "a".repeat(bytes), "b".repeat(600_000)));
    let body = |template: &str, bytes| Template::parse(template).expect("a template").body(&event(bytes));
    assert_eq!(body(r#"["{{t}}"]"#, 1_048_572).map(|body| body.len()), Some(1_048_576));
    assert_eq!(body(r#"["{{t}}"]"#, 1_048_573), None);
    assert_eq!(body(r#"["<{{t}}>"]"#, 1_048_570).map(|body| body.len()), Some(1_048_576));
    assert_eq!(body(r#"["<{{t}}>"]"#, 1_048_571), None);
    assert_eq!(body(r#"["{{list}}","{{list}}"]"#, 1), None);
    let many = format!("[{}\"\"]", "\"{{t}}\",".repeat(500));
    assert_eq!(body(&many, 1_000_000), None);
    let joined = format!("\"{}\"", "{{t}}".repeat(800));
    assert_eq!(body(&joined, 1_000_000), None);
}

#[test]
fn a_body_is_not_deeper_than_an_event_may_be() {
    let event = members(&format!(r#"{{"x":{}{}}}"#, "[".repeat(100), "]".repeat(100)));
    let within = |depth: usize| {
        let template = format!("{}\"{{{{x}}}}\"{}", "[".repeat(depth), "]".repeat(depth));
        Template::parse(&template).expect("a template").body(&event)
    };
    assert!(within(28).is_some_and(|body| Value::parse(&body).is_ok()));
    assert_eq!(within(29), None);
}
