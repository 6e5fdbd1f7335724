"""The model's results as text for a terminal, at most 120 columns wide, and as README's table."""

import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from decimal import Decimal

from infra.local.template import Template

from . import assumptions as a
from .choice import BATCHES, MEMORIES_MB, USUAL_LATENCY_MS, alarm_metrics, bounds, chosen, secrets
from .figures import Figures
from .model import Bill, Configuration, Model, Traffic
from .prices import PriceList

LATENCIES_MS = (50, 300, 2000, 10_000)
FAILING = (0.0, 0.01, 0.05, 0.2)
RATES = (3, 30, 300)
WINDOWS_S = (0, 1, 5)
MONTHLY_EVENTS = (100_000, 1_000_000, 10_000_000)
USUAL = Traffic(USUAL_LATENCY_MS)
DEADLINE_MS = 30_000
"""The default of AttemptTimeoutSeconds."""

API_DESTINATION_TIMEOUT_MS = 5000
"""https://repost.aws/knowledge-center/eventbridge-api-destination-target-failure"""

API_DESTINATIONS = """
EventBridge API destinations POST an event to a URL that is a resource of the account, with a rate limit, and try for 24
hours and 185 times. They lack a URL, header and secret of each business from a table (3,000 destinations in a region),
a signature of each attempt, more than 5 s for an answer, order after an outage, a record of each event and of its
attempts, sending again, and a page for the owner."""
"""https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html and its page of quotas."""

WIDTH = 120


@dataclass(frozen=True)
class Report:
    """Everything that the tables are made of."""

    model: Model
    listed: PriceList
    template: Template
    configuration: Configuration

    @property
    def figures(self) -> Figures:
        """The measured figures."""
        return self.model.figures

    def bill(self, traffic: Traffic = USUAL, batch: float | None = 1, **changed: int) -> Bill:
        """Give the bill of the template's configuration, or of one that differs in something."""
        return self.model.bill(replace(self.configuration, **changed), traffic, batch)


def text(report: Report) -> str:
    """Give the whole report."""
    parts: tuple[Callable[[Report], Iterator[str]], ...] = (
        _head,
        _where,
        _by_latency,
        _by_memory,
        _by_failures,
        _by_window,
        _by_month,
        _beside,
        _prices,
        _what_follows,
    )
    return "\n\n".join("\n".join(part(report)) for part in parts)


def readme(report: Report) -> str:
    """Give README's table."""
    rows = [
        [
            "a receiver answers in",
            "event alone",
            "batch of ten",
            "one attempt in five fails",
            "EventBridge API destinations",
        ],
        ["---"] * 5,
    ]
    for latency in LATENCIES_MS:
        traffic = Traffic(latency)
        ours = (report.bill(traffic), report.bill(traffic, 10), report.bill(replace(traffic, failing=0.2)))
        theirs = f"${sum(report.model.api_destinations(traffic)):.2f}"
        late = latency > API_DESTINATION_TIMEOUT_MS
        rows.append([_ms(latency), *(f"${one.total:.2f}" for one in ours), "fails after 5 s" if late else theirs])
    table = "\n".join(f"| {' | '.join(row)} |" if row[0] != "---" else "|---|---|---|---|---|" for row in rows)
    oldest, newest = report.listed.prices.dates()
    below = (
        f"Prices of {report.listed.region}, from lists and quotations of {oldest} to {newest}; figures of "
        f"{report.figures.date}; {report.configuration.memory_mb} MB, arm64. A stack costs "
        f"${_fixed(report):.2f} a month besides, whatever its traffic."
    )
    return "\n".join([table, "", *textwrap.wrap(below, WIDTH)])


def _head(report: Report) -> Iterator[str]:
    listed, figures, template = report.listed, report.figures, report.configuration
    oldest, newest = listed.prices.dates()
    yield "Dollars for a million delivered events, reckoned: no bill was looked at"
    yield from _prose(
        f"Prices: {listed.region}, lists and quotations of {oldest} to {newest}, last looked for {listed.looked_up}; "
        "no free tier, no volume discount. Sources: infra/measure/cost/prices.json."
    )
    yield from _prose(f"Figures: {figures.date}, {figures.machine}.")
    yield from _prose(
        f"Assumed: events of {a.EVENT_BYTES // 1024} KB; a vCPU of Lambda needs {a.VCPU_FACTOR:g} times as long as the "
        f"measured core; {a.HANDSHAKE_CPU_US / 1000:g} ms of that core for a TLS handshake; the rest in "
        "infra/measure/cost/assumptions.py."
    )
    yield from _prose(
        f"Template: {template.memory_mb} MB, arm64, BatchSize {template.batch_size}, window {template.window_s} s, "
        f"MaximumConcurrency {template.concurrency}."
    )
    yield from _prose(
        "Unless a table says otherwise: an event alone in its batch, a receiver that answers in "
        f"{USUAL_LATENCY_MS} ms, no failures."
    )


def _where(report: Report) -> Iterator[str]:
    bills = [report.bill(), report.bill(batch=10), report.bill(replace(USUAL, failing=0.2)), report.bill(Traffic(2000))]
    yield "Where the money goes" + _cells(["event alone", "batch of ten", "20 % fail", "in 2 s"], 14)
    for field in fields(Bill):
        name = (
            field.name.replace("_", " ")
            .replace("sqs", "SQS")
            .replace("lambda", "Lambda")
            .replace("dynamodb", "DynamoDB")
        )
        yield f"  {name:18}" + _cells([f"{getattr(bill, field.name):.2f}" for bill in bills], 14)
    yield f"  {'sum':18}" + _cells([f"{bill.total:.2f}" for bill in bills], 14)


def _by_latency(report: Report) -> Iterator[str]:
    batches = [f"batch of {batch}" for batch in BATCHES]
    yield "By receiver   " + _cells([*batches, *(f"{rate} events/s" for rate in RATES)], 16)
    for latency in LATENCIES_MS:
        cells = [f"{report.bill(Traffic(latency), batch).total:.2f}" for batch in BATCHES]
        cells += [_at_rate(report, Traffic(latency, rate=rate)) for rate in RATES]
        yield f"  {_ms(latency):12}" + _cells(cells, 16)
    yield from _prose(
        "In brackets: how many events a batch then has. Without a window a batch has one event while fewer than "
        f"MaximumConcurrency batches are at work. 'Too many': {report.configuration.concurrency} full batches at a "
        "time do not carry so many events."
    )


def _by_memory(report: Report) -> Iterator[str]:
    heads = [_ms(latency) for latency in LATENCIES_MS]
    yield "By memory: Lambda's part, event alone               |  the CPU's part, and how much memory is used"
    yield "  MB  " + _cells(heads, 10) + _cells(["alone", "full batch", "cold start", "memory"], 12)
    for memory in MEMORIES_MB:
        configuration = replace(report.configuration, memory_mb=memory)
        means = bounds(report.model, configuration)
        cells = [f"{report.bill(Traffic(latency), memory_mb=memory).function:.2f}" for latency in LATENCIES_MS]
        rest = [f"{ms:.0f} ms" for ms in (means.alone_ms, means.full_ms, means.cold_ms)]
        note = f"breaks {len(means.broken())} of 4 bounds" if means.broken() else ""
        mark = "  <- template" if memory == report.configuration.memory_mb else ""
        yield (
            f"  {memory:4}"
            + _cells(cells, 10)
            + _cells([*rest, f"{means.memory_share:.0%}"], 12)
            + f"  {note}{mark}".rstrip()
        )


def _by_failures(report: Report) -> Iterator[str]:
    yield "By failures: attempts that fail   " + _cells([f"{share:.0%}" for share in FAILING], 14)
    for latency in LATENCIES_MS:
        cells = [f"{report.bill(Traffic(latency, share)).total:.2f}" for share in FAILING]
        yield f"  receiver answers in {_ms(latency):12}" + _cells(cells, 14)
    # So few of the events arrive that the attempts alone count.
    hanging = Traffic(DEADLINE_MS, 0.999999)
    attempts = report.bill(hanging).total / hanging.attempts
    yield f"  A million attempts at receivers that hang until the deadline of {_ms(DEADLINE_MS)}: {attempts:.2f}"


def _by_window(report: Report) -> Iterator[str]:
    yield f"By window, at {RATES[0]} events/s" + _cells(["events a batch", "sum", "longest delay"], 16)
    for window in WINDOWS_S:
        configuration = replace(report.configuration, window_s=window)
        size = report.model.batch(configuration, USUAL)
        cells = [f"{size:.1f}", f"{report.model.bill(configuration, USUAL).total:.2f}", f"{window} s"]
        mark = "  <- template" if window == report.configuration.window_s else ""
        yield f"  {window} s{'':20}" + _cells(cells, 16) + mark


def _by_month(report: Report) -> Iterator[str]:
    yield "A month, with what a stack costs whatever its traffic" + _cells(
        [f"{events:,}" for events in MONTHLY_EVENTS], 14
    )
    for name, dollars in report.model.fixed(alarm_metrics(report.template), secrets(report.template)).items():
        yield f"  {name:51}" + _cells([f"{dollars:.2f}"] * len(MONTHLY_EVENTS), 14)
    variable = [
        report.bill(replace(USUAL, rate=events / a.MONTH_SECONDS)).total * events / a.MILLION
        for events in MONTHLY_EVENTS
    ]
    yield f"  {'events':51}" + _cells([f"{dollars:.2f}" for dollars in variable], 14)
    yield f"  {'sum':51}" + _cells([f"{_fixed(report) + dollars:.2f}" for dollars in variable], 14)


def _beside(report: Report) -> Iterator[str]:
    price = report.listed.prices.eventbridge_destination
    theirs, transfer = report.model.api_destinations(USUAL)
    failing = sum(report.model.api_destinations(replace(USUAL, failing=0.2)))
    ours = report.bill()
    ledger = ours.dynamodb_reads + ours.dynamodb_writes + ours.dynamodb_storage
    yield f"Beside it: EventBridge API destinations, list price of {price.date}, {price.page}"
    yield from _prose(
        f"{theirs + transfer:.2f}, of which {transfer:.2f} is the transfer that both pay for; {failing:.2f} if 20 % of "
        f"attempts fail. This system: {ours.total:.2f}, of which settings and ledger are {ledger:.2f}."
    )
    yield from _prose(API_DESTINATIONS)


def _prices(report: Report) -> Iterator[str]:
    yield f"List prices, {report.listed.region}"
    for field in fields(report.listed.prices):
        price = getattr(report.listed.prices, field.name)
        yield f"  {price.date}  ${Decimal(str(price.dollars)):<13f} for {price.units:9,} {price.unit}"


def _what_follows(report: Report) -> Iterator[str]:
    best = chosen(report.model, report.configuration)
    means = bounds(report.model, best)
    yield "What follows"
    yield from _prose(
        f"MemorySize {best.memory_mb}: the least that keeps the bounds, with a fifth to spare. Less memory is "
        "cheaper at each latency, since Lambda bills waiting. An event alone waits "
        f"{means.alone_ms:.0f} ms for the CPU, at most a tenth of "
        f"{USUAL_LATENCY_MS} ms. Ten to different hosts wait {means.full_ms:.0f} ms, so that attempts at such "
        "receivers end within the half second after which each costs two more writes. A batch of 6 MB takes "
        f"{means.memory_share:.0%} of the memory."
    )
    yield from _prose(
        f"BatchSize {best.batch_size}: a batch costs as much as its longest wait, which is at most the sum of its "
        "waits. No window: more than ten events, or fuller batches at little traffic, would delay each event by the "
        "window."
    )
    if best != report.configuration:
        yield from _prose("infra/template.yaml has other values.")


def _at_rate(report: Report, traffic: Traffic) -> str:
    if report.model.is_overloaded(report.configuration, traffic):
        return "too many"
    size = report.model.batch(report.configuration, traffic)
    return f"{report.bill(traffic, None).total:.2f} ({size:.1f})"


def _fixed(report: Report) -> float:
    return sum(report.model.fixed(alarm_metrics(report.template), secrets(report.template)).values())


def _prose(words: str) -> list[str]:
    return textwrap.wrap(" ".join(words.split()), WIDTH, initial_indent="  ", subsequent_indent="    ")


def _cells(cells: Sequence[str], width: int) -> str:
    return "".join(f"{cell:>{width}}" for cell in cells)


def _ms(latency: float) -> str:
    return f"{latency / 1000:g} s" if latency >= 1000 else f"{latency:g} ms"
