"""What the model assumes and does not measure here. Each number has its reason or its source."""

# The event and its record -------------------------------------------------------------------------------------------

EVENT_BYTES = 6 * 1024
"""The body of a finished call with a transcript of a few minutes."""

RECORD_BYTES = 2400
"""The ledger's item of such a call, with one attempt: its attributes' names and values by DynamoDB's rules. DynamoDB
takes a write unit for each KiB begun."""

INDEX_BYTES = 510
"""The item's entry in the index `by_time`: the keys and the attributes that the template projects."""

ITEM_OVERHEAD_BYTES = 100
"""DynamoDB charges the storage of so many bytes more for each item, and for each entry of an index.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/LSI.html"""

READ_UNITS = 2
"""An attempt reads two items of at most 4 KiB, consistently: the settings and the record, one unit each. A record that
does not exist yet costs its unit too. Two things are left out: events of one business in one batch share the settings'
unit, and an event that waits for others of its batch is read twice.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html"""

INDEX_WRITE_UNITS = 1
"""A change of a record is a second write, of the entry in `by_time`. `held` has no entry for an event that is not held.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/LSI.html"""

HEALTH_WRITE_UNITS = 1
"""A failed attempt counts in the settings item's health, and the success after it ends the count: a write each, of an
item of at most 1 KiB."""

IN_FLIGHT_AFTER_MS = 500
"""An attempt without an answer after so long adds an entry to the settings item, and removes it (ARCHITECTURE.md)."""

IN_FLIGHT_WRITE_UNITS = 2

# The queue ----------------------------------------------------------------------------------------------------------

CHUNK_BYTES = 64 * 1024
"""SQS takes one request for each such chunk of a payload. https://aws.amazon.com/sqs/pricing/"""

POLLERS = 5
"""Lambda keeps five pollers on a quiet queue. It would go down to two, but not with MaximumConcurrency, which the
template sets. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html"""

POLL_SECONDS = 20
"""How long a poll of an empty queue lasts: the longest that SQS allows. AWS does not say how long Lambda's are."""

# The function -------------------------------------------------------------------------------------------------------

VCPU_MEMORY_MB = 1769
"""At so much memory a function has one vCPU, and below a share in proportion.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""

VCPU_FACTOR = 1.5
"""A vCPU of Lambda is taken to need so much longer than the core of the machine that has measured."""

HANDSHAKE_CPU_US = 600
"""The client's CPU time of a full TLS handshake: reckoned, not measured. By `openssl speed`, X25519 and the check of
signatures by RSA-2048 and P-256 take 0.1 ms, and each signature by P-384 0.4 ms more. Parsing, hashing and system calls
come on top. `make bench` measures 0.4 ms by the clock for both sides together, with one certificate by P-256."""

CALL_MS = 5
"""A call of DynamoDB or SQS from the same region, which keeps the function waiting."""

COLD_SHARE = 0.01
"""The share of invocations that start an environment: "typically under 1 %".
https://aws.amazon.com/blogs/compute/aws-lambda-standardizes-billing-for-init-phase"""

INIT_MS = 15
"""What Lambda itself adds to the billed start of an environment of a custom runtime."""

SECRET_SECONDS = 300
"""How long an environment keeps the internal secret."""

RESERVE_MIB = 30
"""Memory that Lambda's own processes take in an environment."""

# The log ------------------------------------------------------------------------------------------------------------

LOG_EVENT_BYTES = 26
"""CloudWatch counts so many bytes more for each line; here they are taken for charged.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html"""

DELIVERED_LINE_BYTES = 450
RETRYING_LINE_BYTES = 490
"""The lines of `deliver`, as written, with ids and a host of the usual length."""

METRICS_LINE_BYTES = 480
METRICS_EVENT_BYTES = 16
"""The line `metrics` of an invocation, and what it grows by with each event."""

COMPRESSION = 0.15
"""The part of a log's bytes that CloudWatch stores. https://aws.amazon.com/cloudwatch/pricing/"""

METRICS_IN_USE = 6
"""The metrics that a healthy stack writes (ARCHITECTURE.md). CloudWatch charges a metric only while it has values."""

# The way out --------------------------------------------------------------------------------------------------------

REQUEST_OVERHEAD_BYTES = 2 * 1024
"""What goes out beside the body: 0.5 KiB of headers, a TLS handshake, and the headers of TCP and IP."""

GB = 1e9
MONTH_SECONDS = 730 * 3600
MONTH_DAYS = 730 / 24
MILLION = 1e6
