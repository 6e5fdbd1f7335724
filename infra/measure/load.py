"""`make load`: how long an event takes to its business, and how much longer beside a slow or dead endpoint.

Latency is the time from just before an event is published to its arrival at the endpoint, on the stack on this machine.
MiniStack's queue is written in Python and shares the machine's cores with all other processes, so only figures of one
machine can be compared.

The command fails only if one of three bounds is broken:

- Events that are published for a dead endpoint at a steady pace raise the p95 of its healthy neighbours by at most
  half, before as well as after the system knows that the endpoint fails.
- After five of its attempts have failed, a dead endpoint has at most one attempt in flight.
- Before that, if its events are published at a steady pace, it has at most five attempts in flight, and those that
  begin within the second until all environments know of the five.

In the end a short round runs at `LogLevel=DEBUG`, which nothing is measured of: the pure code must make the calls that
the function has logged (`infra.local.conformance`). A call that it would not make fails the command.

The attempts of events that are published all at once begin before any environment can know of the others. The command
prints their number, for which there is no bound.

All load is bounded and stays on loopback. Events are published by the clock, however fast the system is.
"""

import argparse
import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from statistics import median, quantiles

from infra.fakes.receiver import Answer, Manner, Receiver, Span, running_receiver
from infra.local import environment
from infra.local.building import MODE, build, build_examples
from infra.local.business import Business, new_signing_secret
from infra.local.conformance import Conformance, check_conformance
from infra.local.functions import deliver_with, running_functions
from infra.local.processes import Failure, command, until
from infra.local.run import step
from infra.local.stack import Stack, running_stack

ATTEMPT_SECONDS = 3
ENVIRONMENTS = 50
PARAMETERS = {"AttemptTimeoutSeconds": str(ATTEMPT_SECONDS), "MaximumConcurrency": str(ENVIRONMENTS)}
FAILURES_TO_FAILING = 5
WAIT_SECONDS = 120
WARM_UP_PACE = 25
"""Events a second. Each occupies an environment for most of an attempt's time."""

MAX_SLOWDOWN = 1.5
SETTLING_SECONDS = 0.5
"""The time from the end of a failed attempt until every environment can read the failure."""

MAX_IN_FLIGHT = 5
UNTIL_KNOWN_SECONDS = 1
"""From the beginning of an attempt until all environments know that it is in flight, which is stored after 0.5 s."""

CONFORMANCE_EVENTS = 300

PROBE_SECONDS = 10
"""Long enough for an attempt of the probe."""


@dataclass(frozen=True)
class Latency:
    """Milliseconds from publishing to arrival."""

    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, seconds: Iterable[float]) -> "Latency":
        """Take the percentiles of some times in seconds."""
        cuts = quantiles((time_ * 1000 for time_ in seconds), n=100, method="inclusive")
        return cls(cuts[49], cuts[94], cuts[98])

    def __str__(self) -> str:
        """Give the percentiles as text."""
        return f"p50 {self.p50:6.0f} ms   p95 {self.p95:6.0f} ms   p99 {self.p99:6.0f} ms"


class Load:
    """Publishes events, and measures when they arrive."""

    def __init__(self, stack: Stack, receiver: Receiver) -> None:
        self.stack = stack
        self.receiver = receiver
        self._made = 0
        self._published: dict[str, float] = {}
        """The time of publishing, by event id."""

    def businesses(self, count: int, answer: Answer | None = None) -> list[str]:
        """Make so many businesses, whose endpoints give this answer, or accept."""
        first, self._made = self._made, self._made + count
        ids = [f"l{number:05}" for number in range(first, self._made)]
        for id_ in ids:
            url = self.answer(id_, answer or Answer(200))
            Business(id_, url, new_signing_secret()).save(self.stack)
        return ids

    def answer(self, business_id: str, answer: Answer) -> str:
        """Give this answer to every event of a business from now on, and return the endpoint's URL."""
        return self.receiver.script(_path(business_id), answer)

    def accepted(self, business_id: str) -> Counter[str]:
        """Count how often a business's endpoint has taken each event, by event id."""
        return Counter(request.headers["webhook-id"] for request in self.receiver.accepted(_path(business_id)))

    def attempts(self, business_id: str) -> list[Span]:
        """Give the attempts at a business's endpoint that have ended, in the order in which they began."""
        return self.receiver.spans(_path(business_id))

    def publish(self, business_ids: Iterable[str], pace: float | None = None) -> None:
        """Publish an event of each business, as fast as possible or `pace` events a second."""
        ids, started, count = iter(business_ids), time.monotonic(), 0
        with ThreadPoolExecutor(4) as senders:
            while batch := list(islice(ids, 1 if pace else 10)):
                if pace:
                    time.sleep(max(0, started + count / pace - time.monotonic()))
                count += len(batch)
                senders.submit(self._send, batch, count)

    def _send(self, business_ids: list[str], mark: int) -> None:
        entries = []
        for place, business_id in enumerate(business_ids):
            call_id = f"CA{time.time_ns()}-{mark}-{place}"
            call = {"event_type": "call.completed", "business_id": business_id, "call_id": call_id}
            call |= {"transcript": "שלום, רציתי לקבוע תור. " * 60}
            digest = hashlib.sha256(f"call.completed\n{business_id}\n{call_id}".encode()).hexdigest()
            self._published[f"evt_{digest[:32]}"] = time.time()
            entries.append({"Id": str(place), "MessageBody": json.dumps(call), "MessageGroupId": business_id})
        self.stack.queue.send_message_batch(QueueUrl=self.stack.outputs["EventsQueueUrl"], Entries=entries)

    def arrive(self, count: int, business_ids: list[str]) -> list[float]:
        """Wait for so many events at these businesses' endpoints, and give how long each took, in seconds."""
        until(lambda: len(self._arrived(business_ids)) >= count, WAIT_SECONDS, f"{count} arrivals", every=0.1)
        return self._arrived(business_ids)

    def _arrived(self, business_ids: list[str]) -> list[float]:
        requests = (request for id_ in business_ids for request in self.receiver.at(_path(id_)))
        return [request.at - self._published[request.headers["webhook-id"]] for request in requests]

    def is_failing(self, business_id: str) -> bool:
        """Tell whether an endpoint's state is `failing`."""
        key = {"business_id": business_id}
        item = self.stack.settings.get_item(Key=key, ConsistentRead=True)["Item"]
        return item.get("health", {}).get("state") == "failing"

    def warm_up(self) -> int:
        """Start as many environments as are allowed, and give their number."""
        ids = self.businesses(ENVIRONMENTS * 4, Answer(200, delay_s=ATTEMPT_SECONDS - 0.5))
        # At a pace: fifty processes that start at the same time would get all of AWS's answers too late.
        self.publish(ids, pace=WARM_UP_PACE)
        self.arrive(len(ids), ids)
        return len(running_functions(self.stack))


def main() -> int:
    """Measure, and return the command's status."""
    parser = argparse.ArgumentParser(prog="make load")
    parser.add_argument("--events", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=5, help="how often each comparison is made; medians are printed")
    arguments = parser.parse_args()
    with step(f"Building the function ({MODE})"):
        build()
        build_examples()
    with running_load() as load:
        with step("Warming up"):
            environments = load.warm_up()
        print(f"{environments} environments of the function", flush=True)
        rate = throughput(load, arguments.events)
        neighbours(load, arguments.events, pace=min(rate / 3, 100))
        status = one_dead_endpoint(load, arguments.rounds, pace=min(rate / 6, 50))
        conformance(load, min(arguments.events, CONFORMANCE_EVENTS))
        return status


@contextmanager
def running_load() -> Iterator[Load]:
    """Run a stack and a receiver for as long as the block lasts."""
    with running_receiver() as receiver, running_stack(PARAMETERS, logs=environment.RUN / "load") as stack:
        yield Load(stack, receiver)


def _path(business_id: str) -> str:
    return f"/{business_id}"


def throughput(load: Load, events: int) -> float:
    """Print and return how many events a second arrive when events are published as fast as possible."""
    ids = load.businesses(100)
    started = time.monotonic()
    load.publish(ids[number % len(ids)] for number in range(events))
    load.arrive(events, ids)
    rate = events / (time.monotonic() - started)
    print(f"\nThroughput: {events} events of {len(ids)} businesses, {rate:.0f} a second", flush=True)
    return rate


def neighbours(load: Load, events: int, pace: float) -> None:
    """Print the latency of healthy businesses at a pace, first alone, then beside slow and dead ones."""
    slow = load.businesses(10, Answer(200, delay_s=ATTEMPT_SECONDS / 2))
    dead = load.businesses(5, Answer(manner=Manner.HANG)) + load.businesses(5, Answer(500))
    print(f"\nHealthy businesses, {pace:.0f} events a second", flush=True)
    half = events // 2
    healthy = load.businesses(100)
    load.publish((healthy[number % 100] for number in range(half)), pace)
    alone = Latency.of(load.arrive(half, healthy))
    print(f"  alone                                 {alone}", flush=True)
    healthy, others = load.businesses(100), slow + dead
    # After every three events, an additional one of a slow or dead business.
    mixed = [healthy[number % 100] for number in range(half)]
    for place in range(half // 3 * 3, 0, -3):
        mixed.insert(place, others[place // 3 % len(others)])
    load.publish(mixed, pace * 4 / 3)
    beside = Latency.of(load.arrive(half, healthy))
    print(f"  beside 10 slow and 10 dead endpoints  {beside}", flush=True)
    most = max(in_flight(load.attempts(id_)) for id_ in dead)
    print(f"  most in flight at one dead endpoint, also before it was known: {most}", flush=True)


def one_dead_endpoint(load: Load, rounds: int, pace: float) -> int:
    """Print how 200 events of one hanging endpoint delay 200 others, and return 1 if a promised bound is broken."""
    print("\nOne hanging endpoint with 200 events among 200 healthy ones", flush=True)
    at_once = compare(load, rounds, "all at once, before the endpoint is known to be failing", None, known=False)
    unknown = compare(
        load, rounds, f"{pace:.0f} a second of each, before the endpoint is known to be failing", pace, known=False
    )
    known = compare(load, rounds, f"{pace:.0f} a second of each, after its first five failures", pace, known=True)
    worst = max(at_once.in_flight, unknown.in_flight, known.in_flight)
    print(f"  at most {worst} of its attempts in flight once five had failed", flush=True)
    allowed = MAX_IN_FLIGHT + UNTIL_KNOWN_SECONDS * pace
    print(
        f"  at most {unknown.in_flight_before} before that, of those at a pace; {allowed:.0f} are allowed", flush=True
    )
    is_kept = max(unknown.slower, known.slower) <= MAX_SLOWDOWN and worst <= 1
    return 0 if is_kept and unknown.in_flight_before <= allowed else 1


@dataclass(frozen=True)
class Comparison:
    """The effect of a dead endpoint on its neighbours."""

    slower: float
    """The neighbours' p95 divided by their p95 without the dead endpoint: the median of the rounds."""
    in_flight: int
    """The most attempts at the dead endpoint at the same time, once five had failed."""
    in_flight_before: int
    """The most attempts at the dead endpoint at the same time, before five had failed."""


def compare(load: Load, rounds: int, how: str, pace: float | None, *, known: bool) -> Comparison:
    """Print the latency of healthy businesses without the dead endpoint and with it."""
    print(f"  {how}", flush=True)
    ratios, most, attempts = [], 0, 0
    for _ in range(rounds):
        alone = spread(load, [], pace)
        [dead] = load.businesses(1, Answer(manner=Manner.HANG))
        if known:
            load.publish([dead] * FAILURES_TO_FAILING)
            until(lambda dead=dead: load.is_failing(dead), WAIT_SECONDS, "a failing endpoint")
        beside = spread(load, [dead], pace)
        # Until the endpoint's probe has been attempted again.
        time.sleep(PROBE_SECONDS)
        first, after = by_the_fifth_failure(load.attempts(dead))
        ratios.append(beside.p95 / alone.p95)
        most, attempts = max(most, in_flight(after)), max(attempts, in_flight(first))
        print(f"    without  {alone}\n    with     {beside}   p95 {ratios[-1]:.2f} times", flush=True)
    summary = f"p95 {median(ratios):.2f} times (median); in flight at most {attempts} before five failures were known"
    print(f"    {summary}, {most} afterwards", flush=True)
    return Comparison(median(ratios), most, attempts)


def conformance(load: Load, events: int) -> None:
    """Publish events as fast as possible, some of them for a hanging and a failing endpoint, and check each run."""
    healthy = load.businesses(30)
    others = load.businesses(1, Answer(manner=Manner.HANG)) + load.businesses(1, Answer(500))
    with deliver_with(load.stack, LOG_LEVEL="DEBUG"):
        started = time.time()
        load.publish([healthy[number % len(healthy)] for number in range(events)] + others * 10)
        load.arrive(events, healthy)
        checked = until(lambda: _checked(load, started, events), WAIT_SECONDS, "the log of the events", every=1)
        print(f"\n{checked}", flush=True)


def _checked(load: Load, since: float, runs: int) -> Conformance | None:
    # A line is in the log once its invocation has ended.
    checked = check_conformance(load.stack.function_log(since))
    return checked if checked.runs >= runs else None


def spread(load: Load, dead: list[str], pace: float | None) -> Latency:
    """Publish for each of 200 healthy businesses, each time also for the dead one, and give the healthy latency."""
    healthy = load.businesses(200)
    load.publish((id_ for business in healthy for id_ in [business, *dead]), pace and pace * (1 + len(dead)))
    return Latency.of(load.arrive(len(healthy), healthy))


def by_the_fifth_failure(spans: list[Span]) -> tuple[list[Span], list[Span]]:
    """Split the attempts into those that began before the fifth failure was known, and those that began later."""
    ended = sorted(span.ended for span in spans)
    if len(ended) < FAILURES_TO_FAILING:
        raise Failure(f"Only {len(ended)} attempts at a hanging endpoint")
    known = ended[FAILURES_TO_FAILING - 1] + SETTLING_SECONDS
    return [span for span in spans if span.began <= known], [span for span in spans if span.began > known]


def in_flight(spans: list[Span]) -> int:
    """Give the most attempts that were in flight at the same time."""
    changes = sorted([(span.began, 1) for span in spans] + [(span.ended, -1) for span in spans])
    most = now = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most


if __name__ == "__main__":
    command(main)
