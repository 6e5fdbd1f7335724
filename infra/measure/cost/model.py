"""The model: what a million delivered events cost, by what they ask of AWS. Pure arithmetic.

An event is one SendMessage of the publisher, and one attempt or more. Each attempt is a message in a batch: the mapping
receives the batch by one request, invokes the function once, and deletes what was delivered by one request. A failed
attempt sets its message's visibility by a request of its own, and the message comes back in a later batch.

Left out, because they are cents a month: `sweep`, `notify`, the topics, failed deployments. Left out, because owners
cause them and not events: `portal`, its HTTP API, replays and resends. A stack without traffic pays only `fixed`.
"""

from dataclasses import dataclass, fields
from math import ceil

from . import assumptions as a
from .figures import Figures
from .prices import Price, Prices


@dataclass(frozen=True)
class Configuration:
    """What the template decides."""

    memory_mb: int
    batch_size: int
    window_s: int
    """How long a poller waits for a batch to fill."""
    concurrency: int
    retention_days: int

    @property
    def vcpu(self) -> float:
        """The part of a vCPU that the function has. The function has one thread, so more than one is of no use."""
        return min(1.0, self.memory_mb / a.VCPU_MEMORY_MB)


@dataclass(frozen=True)
class Traffic:
    """What the events and their receivers are like."""

    latency_ms: float
    """How long a receiver takes to answer."""
    failing: float = 0.0
    """The share of attempts that fail."""
    rate: float = 3.0
    """Events a second."""

    @property
    def attempts(self) -> float:
        """Attempts for each event until it is delivered."""
        return 1 / (1 - self.failing)


@dataclass(frozen=True)
class Bill:
    """Dollars."""

    sqs: float
    lambda_requests: float
    lambda_duration: float
    dynamodb_reads: float
    dynamodb_writes: float
    dynamodb_storage: float
    logs: float
    secrets: float
    transfer_out: float

    @property
    def total(self) -> float:
        """The sum."""
        return sum(getattr(self, field.name) for field in fields(self))

    @property
    def function(self) -> float:
        """What Lambda takes."""
        return self.lambda_requests + self.lambda_duration


@dataclass(frozen=True)
class Model:
    """The figures and the prices, and what follows from them."""

    figures: Figures
    prices: Prices

    def cpu_ms(self, vcpu: float, batch: float, failing: float = 0.0) -> float:
        """Give the time that the function's own work on a batch takes with this part of a vCPU.

        Each event has a handshake of its own with its receiver, and the batch one with DynamoDB, since an environment
        that was frozen in between has no open connections. An event's work is a part for the batch and a part for
        itself, by the figures of one event alone and of ten together.
        """
        each = (10 * self.figures.cpu_batch_us - self.figures.cpu_alone_us) / 9
        once = self.figures.cpu_alone_us - each
        failures = batch * failing * (self.figures.cpu_batch_500_us - self.figures.cpu_batch_us)
        handshakes = (batch + 1) * a.HANDSHAKE_CPU_US
        return (once + batch * each + failures + handshakes) * a.VCPU_FACTOR / vcpu / 1000

    def cold_ms(self, vcpu: float) -> float:
        """Give the time by which the first invocation of an environment is longer, its start included.

        Lambda bills the start (INIT) like any other time. The first invocation also reads the internal secret, with a
        handshake of its own.
        """
        first = self.figures.first_ms - self.figures.cpu_alone_us / 1000
        work = self.figures.init_ms + first + a.HANDSHAKE_CPU_US / 1000
        return a.INIT_MS + work * a.VCPU_FACTOR / vcpu + a.CALL_MS

    def duration_ms(self, configuration: Configuration, traffic: Traffic, batch: float) -> float:
        """Give the time that an invocation with a batch takes.

        The attempts of a batch wait side by side, so a batch waits as long as one. A read comes before the attempts
        and a write after them. A failure adds a write of the endpoint's health and the message's visibility.
        """
        cpu = self.cpu_ms(configuration.vcpu, batch, traffic.failing)
        waits = 2 + self._in_flight(traffic, cpu) + 2 * (1 - (1 - traffic.failing) ** batch)
        return traffic.latency_ms + cpu + waits * a.CALL_MS

    def batch(self, configuration: Configuration, traffic: Traffic) -> float:
        """Give the number of messages that a batch has on average.

        Without a window a poller hands over what it finds at once. Lambda adds pollers until MaximumConcurrency, so a
        batch has one message until as many batches are at work; then messages gather in the queue. With a window each
        poller gathers its share of what comes in that time.
        """
        messages = traffic.rate * traffic.attempts
        gathered = messages * configuration.window_s / a.POLLERS
        size = 1.0
        for _ in range(30):
            busy = messages * self.duration_ms(configuration, traffic, size) / 1000
            size = min(configuration.batch_size, max(1.0, gathered, busy / configuration.concurrency))
        return size

    def is_overloaded(self, configuration: Configuration, traffic: Traffic) -> bool:
        """Tell whether more events come than full batches at MaximumConcurrency can carry."""
        full = configuration.batch_size
        seconds = self.duration_ms(configuration, traffic, full) / 1000
        return traffic.rate * traffic.attempts * seconds > full * configuration.concurrency

    def bill(self, configuration: Configuration, traffic: Traffic, batch: float | None = None) -> Bill:
        """Give the dollars for a million delivered events, in batches of this size, or else as the rate makes them."""
        size = self.batch(configuration, traffic) if batch is None else batch
        attempts, failed = traffic.attempts, traffic.attempts - 1
        invocations = attempts / size
        billed_ms = ceil(self.duration_ms(configuration, traffic, size))
        billed_ms += a.COLD_SHARE * self.cold_ms(configuration.vcpu)
        environments = max(1.0, traffic.rate * invocations * billed_ms / 1000)
        # Each environment reads the secret once in its time, but only in an invocation.
        secret_calls = min(invocations, environments / a.SECRET_SECONDS / traffic.rate)
        in_flight = self._in_flight(traffic, self.cpu_ms(configuration.vcpu, size, traffic.failing))
        record = ceil(a.RECORD_BYTES / 1024) + a.INDEX_WRITE_UNITS
        health = a.HEALTH_WRITE_UNITS * (failed + traffic.failing)
        writes = attempts * (record + in_flight * a.IN_FLIGHT_WRITE_UNITS) + health
        p, million = self.prices, a.MILLION
        return Bill(
            sqs=million * self._queue_requests(traffic, size) * (p.sqs_request.each + p.sqs_fair_request.each),
            lambda_requests=million * invocations * p.lambda_request.each,
            lambda_duration=million
            * invocations
            * (billed_ms / 1000)
            * (configuration.memory_mb / 1024)
            * p.lambda_arm_gb_second.each,
            dynamodb_reads=million * attempts * a.READ_UNITS * p.dynamodb_read_unit.each,
            dynamodb_writes=million * writes * p.dynamodb_write_unit.each,
            dynamodb_storage=million * self._storage(configuration),
            logs=million * self._logs(traffic, invocations),
            secrets=million * secret_calls * p.secret_call.each,
            transfer_out=million * self._transfer_out(traffic),
        )

    def api_destinations(self, traffic: Traffic) -> tuple[float, float]:
        """Give the dollars for a million events by EventBridge API destinations, and those for their bytes' transfer.

        Whether an invocation that is tried again is charged again was not found. Here each attempt is charged.
        """
        chunks = ceil(a.EVENT_BYTES / a.CHUNK_BYTES)
        events = chunks * self.prices.eventbridge_event.each
        invocations = traffic.attempts * chunks * self.prices.eventbridge_destination.each
        return a.MILLION * (events + invocations), a.MILLION * self._transfer_out(traffic)

    def fixed(self, alarm_metrics: int, secrets: int) -> dict[str, float]:
        """Give the dollars for a month of a stack without traffic. A queue that is never empty has fewer such polls."""
        polls = a.POLLERS * a.MONTH_SECONDS / a.POLL_SECONDS
        return {
            "polls of an empty queue": polls * self.prices.sqs_request.each,
            f"{secrets} secrets": secrets * self.prices.secret.each,
            f"{alarm_metrics} metrics of alarms": alarm_metrics * self.prices.alarm_metric.each,
            f"{a.METRICS_IN_USE} metrics of its own": a.METRICS_IN_USE * self.prices.metric.each,
            "dashboard": self.prices.dashboard.each,
        }

    @staticmethod
    def _in_flight(traffic: Traffic, cpu_ms: float) -> bool:
        return traffic.latency_ms + cpu_ms > a.IN_FLIGHT_AFTER_MS

    @staticmethod
    def _queue_requests(traffic: Traffic, batch: float) -> float:
        """Count the requests for each event. Each message has a group, so all are taken to pay for fairness."""
        invocations = traffic.attempts / batch
        sent = ceil(a.EVENT_BYTES / a.CHUNK_BYTES)
        received = invocations * ceil(batch * a.EVENT_BYTES / a.CHUNK_BYTES)
        deleted = invocations * (1 - traffic.failing**batch)
        returned = traffic.attempts - 1
        return sent + received + deleted + returned

    def _storage(self, configuration: Configuration) -> float:
        """Give the dollars for a record until it expires, and for its backups, charged by the size of the table."""
        stored = a.RECORD_BYTES + a.INDEX_BYTES + 2 * a.ITEM_OVERHEAD_BYTES
        months = configuration.retention_days / a.MONTH_DAYS
        return stored / a.GB * months * (self.prices.dynamodb_storage.each + self.prices.dynamodb_recovery.each)

    def _logs(self, traffic: Traffic, invocations: float) -> float:
        """Give the dollars for a line of each attempt and one of each invocation, kept for 30 days."""
        attempts = traffic.attempts
        lines = a.DELIVERED_LINE_BYTES + (attempts - 1) * a.RETRYING_LINE_BYTES + attempts * a.METRICS_EVENT_BYTES
        metrics = invocations * a.METRICS_LINE_BYTES
        size = (lines + metrics + (attempts + invocations) * a.LOG_EVENT_BYTES) / a.GB
        return size * (self.prices.logs_ingested.each + a.COMPRESSION * _month_of_30_days(self.prices.logs_stored))

    def _transfer_out(self, traffic: Traffic) -> float:
        return traffic.attempts * (a.EVENT_BYTES + a.REQUEST_OVERHEAD_BYTES) / a.GB * self.prices.transfer_out.each


def _month_of_30_days(price: Price) -> float:
    return price.each * 30 / a.MONTH_DAYS
