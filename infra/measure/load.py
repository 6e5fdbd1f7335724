"""`make load`: how long an event takes to its business, and what a slow or dead neighbour does to that.

Latency is the time from just before an event is published to its arrival at the endpoint, on the deployed stack on this
machine. The queue and its polling are MiniStack's, in Python on the cores that everything else shares, so the figures
are for comparing runs on one machine.

The command fails only if a promised bound is broken. Events that come at a pace for a dead endpoint prolong the p95 of
its healthy neighbours by less than half, whether the endpoint is known to be dead or not. Once five of its attempts
have failed, a dead endpoint has at most one attempt in flight. Before that it has at most the attempts that began until
five were known to wait. Events that come all at once are under way before anything can be known: their number is
printed, not bounded.

All load is bounded and stays on loopback. The clock keeps the pace, whatever the system does.
"""

import argparse
import hashlib
import json
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from statistics import median, quantiles

from infra.fakes.fake_endpoints import Conduct, FakeEndpoints, Manner, Span, running_fake_endpoints
from infra.local import environment
from infra.local.building import MODE, build
from infra.local.business import Business, new_signing_secret
from infra.local.functions import running_functions
from infra.local.processes import Failure, command, until
from infra.local.run import step
from infra.local.stack import Stack, running_stack

ATTEMPT_SECONDS = 3
ENVIRONMENTS = 50
PARAMETERS = {"AttemptTimeoutSeconds": str(ATTEMPT_SECONDS), "MaximumConcurrency": str(ENVIRONMENTS)}
FAILURES_TO_FAILING = 5
WAIT_SECONDS = 120
WARM_UP_PACE = 25
"""Events a second; each keeps an environment for most of an attempt."""

MOST_SLOWER = 1.5
SETTLING_SECONDS = 0.5
"""The time from the end of a failed attempt until every environment can read of its failure."""

AT_ONCE = 5
MOST_UNSTORED = 1
"""Seconds from the beginning of an attempt until every environment can read its entry: it is stored after 0.5 s."""

PILOT_SECONDS = 10
"""Long enough to see an attempt of the probe."""


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
        """Tell them."""
        return f"p50 {self.p50:6.0f} ms   p95 {self.p95:6.0f} ms   p99 {self.p99:6.0f} ms"


class Load:
    """Publishes events, and tells when they arrive."""

    def __init__(self, stack: Stack, endpoints: FakeEndpoints) -> None:
        self.stack = stack
        self.endpoints = endpoints
        self._made = 0
        self._published: dict[str, float] = {}
        """When, by event id."""

    def businesses(self, count: int, conduct: Conduct | None = None) -> list[str]:
        """Settle so many new businesses."""
        first, self._made = self._made, self._made + count
        ids = [f"l{number:05}" for number in range(first, self._made)]
        for id_ in ids:
            Business(id_, self.endpoints.url_of(id_), new_signing_secret()).save(self.stack)
            if conduct:
                self.endpoints.conduct(id_, conduct)
        return ids

    def publish(self, business_ids: Iterable[str], pace: float | None = None) -> None:
        """Publish an event for each, as fast as it goes or one after the other, so many a second."""
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

    def arrive(self, count: int, business_ids: set[str], since: int) -> list[float]:
        """Wait for so many events at these endpoints since a mark, and give how long each took, in seconds."""
        until(lambda: len(self._arrived(business_ids, since)) >= count, WAIT_SECONDS, f"{count} arrivals", every=0.1)
        return self._arrived(business_ids, since)

    def _arrived(self, business_ids: set[str], since: int) -> list[float]:
        seen = self.endpoints.arrivals[since:]
        return [seen.at - self._published[seen.event_id] for seen in seen if seen.business_id in business_ids]

    def is_failing(self, business_id: str) -> bool:
        """Tell whether an endpoint is known as failing."""
        key = {"business_id": business_id}
        item = self.stack.settings.get_item(Key=key, ConsistentRead=True)["Item"]
        return item.get("health", {}).get("state") == "failing"

    def warm_up(self) -> int:
        """Have as many environments as there may be, and tell how many there are."""
        ids = self.businesses(ENVIRONMENTS * 4, Conduct(Manner.ACCEPT, delay_s=ATTEMPT_SECONDS - 0.5))
        since = len(self.endpoints.arrivals)
        # Gently: fifty processes that start at once would have all of AWS's answers come too late.
        self.publish(ids, pace=WARM_UP_PACE)
        self.arrive(len(ids), set(ids), since)
        return len(running_functions(self.stack))


def main() -> int:
    """Measure."""
    parser = argparse.ArgumentParser(prog="make load")
    parser.add_argument("--events", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=5, help="how often each comparison is made; medians are told")
    asked = parser.parse_args()
    with step(f"Building the function ({MODE})"):
        build()
    with running_load() as load:
        with step("Warming up"):
            environments = load.warm_up()
        print(f"{environments} environments of the function", flush=True)
        rate = throughput(load, asked.events)
        neighbours(load, asked.events, pace=min(rate / 3, 100))
        return one_dead_endpoint(load, asked.rounds, pace=min(rate / 6, 50))


@contextmanager
def running_load() -> Iterator[Load]:
    """Run a stack with fake endpoints of its own."""
    with running_fake_endpoints() as endpoints, running_stack(PARAMETERS, logs=environment.RUN / "load") as stack:
        yield Load(stack, endpoints)


def throughput(load: Load, events: int) -> float:
    """Tell how many events a second arrive when as many are published as it takes, and return it."""
    ids = load.businesses(100)
    since, started = len(load.endpoints.arrivals), time.monotonic()
    load.publish(ids[number % len(ids)] for number in range(events))
    load.arrive(events, set(ids), since)
    rate = events / (time.monotonic() - started)
    print(f"\nThroughput: {events} events of {len(ids)} businesses, {rate:.0f} a second", flush=True)
    return rate


def neighbours(load: Load, events: int, pace: float) -> None:
    """Tell the latency of healthy businesses at a pace, alone, and then beside slow and dead ones."""
    healthy = load.businesses(100)
    slow = load.businesses(10, Conduct(Manner.ACCEPT, delay_s=ATTEMPT_SECONDS / 2))
    dead = load.businesses(5, Conduct(Manner.HANG)) + load.businesses(5, Conduct(Manner.REFUSE))
    print(f"\nHealthy businesses, {pace:.0f} events a second", flush=True)
    half = events // 2
    since = len(load.endpoints.arrivals)
    load.publish((healthy[number % 100] for number in range(half)), pace)
    alone = Latency.of(load.arrive(half, set(healthy), since))
    print(f"  alone                                 {alone}", flush=True)
    since, mark = len(load.endpoints.arrivals), len(load.endpoints.spans)
    unwell = slow + dead
    # After every three events one of a slow or dead business, on top of the pace.
    mixed = [healthy[number % 100] for number in range(half)]
    for place in range(half // 3 * 3, 0, -3):
        mixed.insert(place, unwell[place // 3 % len(unwell)])
    load.publish(mixed, pace * 4 / 3)
    beside = Latency.of(load.arrive(half, set(healthy), since))
    print(f"  beside 10 slow and 10 dead endpoints  {beside}", flush=True)
    most = {id_: in_flight([span for span in load.endpoints.spans[mark:] if span.business_id == id_]) for id_ in dead}
    print(f"  most in flight at one dead endpoint, also before it was known: {max(most.values())}", flush=True)


def one_dead_endpoint(load: Load, rounds: int, pace: float) -> int:
    """Tell what 200 events for one hanging endpoint do to 200 others, and return 1 if it is more than promised."""
    print("\nOne hanging endpoint with 200 events among 200 healthy ones", flush=True)
    at_once = compare(load, rounds, "all at once, nothing known of it yet", None, known=False)
    unknown = compare(load, rounds, f"{pace:.0f} a second of each, nothing known of it yet", pace, known=False)
    known = compare(load, rounds, f"{pace:.0f} a second of each, after its first five failures", pace, known=True)
    worst = max(at_once.in_flight, unknown.in_flight, known.in_flight)
    print(f"  at most {worst} of its attempts in flight once five had failed", flush=True)
    allowed = AT_ONCE + MOST_UNSTORED * pace
    print(
        f"  at most {unknown.in_flight_before} before that, of those at a pace; {allowed:.0f} are allowed", flush=True
    )
    is_kept = max(unknown.slower, known.slower) <= MOST_SLOWER and worst <= 1
    return 0 if is_kept and unknown.in_flight_before <= allowed else 1


@dataclass(frozen=True)
class Comparison:
    """The effect of a dead endpoint on its neighbours."""

    slower: float
    """How many times as long the slow ones among its neighbours' events took: the median of the rounds' p95."""
    in_flight: int
    """The most of its attempts that were under way at once, once five had failed."""
    in_flight_before: int
    """The most before five had failed."""


def compare(load: Load, rounds: int, how: str, pace: float | None, *, known: bool) -> Comparison:
    """Tell the latency of the healthy without the dead endpoint and with it."""
    print(f"  {how}", flush=True)
    ratios, most, attempts = [], 0, 0
    for _ in range(rounds):
        alone = spread(load, [], pace)
        [dead] = load.businesses(1, Conduct(Manner.HANG))
        mark = len(load.endpoints.spans)
        if known:
            load.publish([dead] * FAILURES_TO_FAILING)
            until(lambda dead=dead: load.is_failing(dead), WAIT_SECONDS, "a failing endpoint")
        beside = spread(load, [dead], pace)
        # Until the endpoint's probe has been attempted again.
        time.sleep(PILOT_SECONDS)
        first, after = by_the_fifth_failure([span for span in load.endpoints.spans[mark:] if span.business_id == dead])
        ratios.append(beside.p95 / alone.p95)
        most, attempts = max(most, in_flight(after)), max(attempts, in_flight(first))
        print(f"    without  {alone}\n    with     {beside}   p95 {ratios[-1]:.2f} times", flush=True)
    told = f"p95 {median(ratios):.2f} times (median); in flight at most {attempts} before five failures were known"
    print(f"    {told}, {most} afterwards", flush=True)
    return Comparison(median(ratios), most, attempts)


def spread(load: Load, dead: list[str], pace: float | None) -> Latency:
    """Publish to 200 healthy businesses, in between as often to the dead one, and give what the healthy ones saw."""
    healthy = load.businesses(200)
    since = len(load.endpoints.arrivals)
    load.publish((id_ for business in healthy for id_ in [business, *dead]), pace and pace * (1 + len(dead)))
    return Latency.of(load.arrive(len(healthy), set(healthy), since))


def by_the_fifth_failure(spans: list[Span]) -> tuple[list[Span], list[Span]]:
    """Part the attempts into those that began before the fifth had failed, and those after it."""
    ended = sorted(span.ended for span in spans)
    if len(ended) < FAILURES_TO_FAILING:
        raise Failure(f"Only {len(ended)} attempts at a hanging endpoint")
    known = ended[FAILURES_TO_FAILING - 1] + SETTLING_SECONDS
    return [span for span in spans if span.began <= known], [span for span in spans if span.began > known]


def in_flight(spans: list[Span]) -> int:
    """Give how many were under way at the same time, at the most."""
    changes = sorted([(span.began, 1) for span in spans] + [(span.ended, -1) for span in spans])
    most = now = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most


if __name__ == "__main__":
    command(main)
