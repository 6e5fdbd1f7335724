use std::collections::HashMap;

use super::*;

fn complete() -> HashMap<&'static str, &'static str> {
    HashMap::from([
        ("AWS_REGION", "il-central-1"),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "key"),
        ("EVENTS_QUEUE_URL", "https://queue.example/events"),
        ("DEAD_LETTER_QUEUE_URL", "https://queue.example/dead"),
        ("SETTINGS_TABLE_NAME", "settings"),
        ("DELIVERIES_TABLE_NAME", "deliveries"),
        ("OWNER_NOTICES_TOPIC_ARN", "topic"),
        ("RETENTION_DAYS", "30"),
        ("INTERNAL_SECRET_ARN", "arn"),
        ("PORTAL_SECRET_ARN", "arn"),
        ("DASHBOARD_ORIGIN", "https://dashboard.example:8443"),
        ("UNSAFE_TARGETS", "No"),
        ("ATTEMPT_TIMEOUT_SECONDS", "30"),
        ("RETRY_SCHEDULE_SECONDS", "5,30"),
        ("MAX_ATTEMPTS", "16"),
        ("LOG_LEVEL", "INFO"),
    ])
}

fn read(variables: &HashMap<&'static str, &'static str>) -> Result<(Deliver, Portal), String> {
    let variables = Variables(|name| variables.get(name).map(ToString::to_string));
    let deliver = Deliver::read(&variables).map_err(|error| error.to_string())?;
    Ok((deliver, Portal::read(&variables).map_err(|error| error.to_string())?))
}

#[test]
fn a_complete_environment_is_read() {
    let (deliver, portal) = read(&complete()).expect("complete");
    assert_eq!(deliver.targets, TargetPolicy::Public);
    assert_eq!(deliver.attempt_timeout, Duration::from_secs(30));
    assert_eq!(deliver.schedule.max_attempts(), 16);
    assert_eq!([deliver.retention_days, portal.retention_days], [30; 2]);
    assert_eq!(portal.test_timeout, Duration::from_secs(20));
    assert_eq!(portal.dashboard_origin.as_deref(), Some("https://dashboard.example:8443"));
}

#[test]
fn an_extra_root_is_read_only_for_local_tests() {
    let mut variables = complete();
    assert_eq!(read(&variables).expect("complete").0.extra_root, None);
    variables.insert("UNSAFE_EXTRA_ROOT", "/root.der");
    let expected = "UNSAFE_EXTRA_ROOT must be unset unless UNSAFE_TARGETS is YesForLocalTestsOnly";
    assert_eq!(read(&variables).err().as_deref(), Some(expected));
    variables.insert("UNSAFE_TARGETS", "YesForLocalTestsOnly");
    let (deliver, _) = read(&variables).expect("for local tests");
    assert_eq!(deliver.extra_root, Some("/root.der".into()));
}

#[test]
fn each_required_variable_is_named_when_it_is_missing_or_empty() {
    for name in complete().keys().filter(|name| **name != "DASHBOARD_ORIGIN") {
        let mut variables = complete();
        variables.insert(name, "");
        assert_eq!(read(&variables).err(), Some(format!("{name} is not set")));
    }
}

#[test]
fn impossible_values_are_refused_without_repeating_them() {
    for (name, value) in [
        ("UNSAFE_TARGETS", "Maybe"),
        ("ATTEMPT_TIMEOUT_SECONDS", "51"),
        ("ATTEMPT_TIMEOUT_SECONDS", "0"),
        ("RETRY_SCHEDULE_SECONDS", "soon"),
        ("MAX_ATTEMPTS", "-1"),
        ("MAX_ATTEMPTS", "0"),
        ("LOG_LEVEL", "loud"),
        ("RETENTION_DAYS", "0"),
        ("RETENTION_DAYS", "3651"),
        ("DASHBOARD_ORIGIN", "dashboard.example"),
        ("DASHBOARD_ORIGIN", "https://a.example https://b.example"),
        ("DASHBOARD_ORIGIN", "https://a.example; script-src *"),
        ("DASHBOARD_ORIGIN", "https://a.example/"),
    ] {
        let mut variables = complete();
        variables.insert(name, value);
        let message = read(&variables).err().expect("refused");
        assert!(value.len() < 2 || !message.contains(value), "{message}");
    }
}
