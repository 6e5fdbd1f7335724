// Made from the parameters of infra/template.yaml by infra/cdk/parameters.py; `make format` makes it anew.

/**
 * The template's parameters. One that never had a property keeps the value that the deployed stack has, or else its
 * default. A property that is removed later gives its parameter the default again.
 */
export interface WebhooksParameters {
  /**
   * YesForLocalTestsOnly allows deliveries over plain http and to private addresses. Every stack but a test stack
   * needs No: otherwise a person who may set a URL can reach every address that the function can reach.
   *
   * @default "No"
   */
  readonly unsafeTargets?: "No" | "YesForLocalTestsOnly";

  /**
   * The one deadline of an attempt, from the DNS look-up to the last byte of the answer.
   *
   * @default 30
   */
  readonly attemptTimeoutSeconds?: number;

  /**
   * Delays before attempt 2, 3, ... in seconds, separated by commas; the last one repeats. Jitter adds up to a
   * tenth, and SQS hides a message for 12 hours at most, so no delay may be longer than 38945.
   *
   * @default "5,30,120,600,1800,3600,7200,14400,28800,37800"
   */
  readonly retryScheduleSeconds?: string;

  /**
   * How often a message may be received before the queue moves it to the dead-letter queue. With the default
   * schedule 16 attempts take about 79 hours.
   *
   * @default 16
   */
  readonly maxAttempts?: number;

  /**
   * How many days the ledger keeps an event's record, with its body, after the record's last change. A business
   * may choose fewer days (retention_days in its settings). A held event is kept until it has been sent.
   *
   * @default 30
   */
  readonly retentionDays?: number;

  /**
   * For how many days back both tables can be restored. A deleted item, whether deleted by hand or expired, can be
   * restored for as long.
   *
   * @default 7
   */
  readonly pointInTimeRecoveryDays?: number;

  /**
   * How many batches deliver may work on at the same time.
   *
   * @default 50
   */
  readonly maximumConcurrency?: number;

  /**
   * arm64 costs a fifth less per second; x86_64 is for machines that cannot build for arm64. Build and deploy with
   * the same value.
   *
   * @default "arm64"
   */
  readonly architecture?: "arm64" | "x86_64";

  /**
   * The address that gets the alarms by mail. A person has to confirm one mail first: until then no alarm is
   * mailed. Empty means that alarms reach only the other subscribers of the topic AlarmTopicArn.
   *
   * @default ""
   */
  readonly alarmEmail?: string;

  /**
   * After how many hours without a published event an alarm is raised; 0 means never. Choose more than the longest
   * night, weekend or holiday without a call.
   *
   * @default 0
   */
  readonly silenceAlarmHours?: number;

  /**
   * The origin of the dashboard that shows the owner's page in a frame, such as https://app.example.com. Empty
   * means that no site may show the page in a frame.
   *
   * @default ""
   */
  readonly dashboardOrigin?: string;

  /**
   * The address from which owners are mailed when their endpoint fails, is paused or has recovered. SES has to
   * know it, or its domain, as a verified identity. Empty means that nobody is mailed.
   *
   * @default ""
   */
  readonly noticesFrom?: string;

  /**
   * The page of the dashboard from which an owner gets to the owner's page, such as
   * https://app.example.com/webhook. These mails link to it, and so does the page when a session has ended. Empty
   * means that there is no link.
   *
   * @default ""
   */
  readonly dashboardUrl?: string;

  /**
   * The least severe level that the functions log.
   *
   * @default "INFO"
   */
  readonly logLevel?: "DEBUG" | "INFO" | "WARN" | "ERROR";
}
