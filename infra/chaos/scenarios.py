"""The ways in which the system breaks.

Each scenario publishes events, breaks a part of the system meanwhile, and repairs that part. Then only the queue is
left to wait for. Every scenario promises that no event is lost.
"""

import time
from bisect import bisect_left
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from infra.fakes.aws_proxy import RECORD_WRITES, Gate, broken, late, lost_answer, lost_request, throttled, unprocessed
from infra.fakes.receiver import LIE, Answer, Manner
from infra.local.functions import deliver_with
from infra.local.processes import Failure, until

from .audit import Account, PublishedEvents, path_of
from .system import BATCH, ENVIRONMENTS, QUIET_SECONDS, SystemUnderTest

HELD = 30
"""Enough events for a replay of several steps."""

RANGE, LONG_RANGE = (100, 5), (500, 15)
"""How many events a range has, and how often processes are killed meanwhile."""

OUTAGE_SECONDS = 24
OUTAGE_SCHEDULE = "1,1,2,2,2,2,2,2,60"
"""In the outage a message is received more often than faults may use up, so it is sent anew, as after four hours."""
SLOW_SECONDS = 0.3
"""How late DynamoDB answers after its return."""

CALLS_OF_AN_EVENT = 30
"""The calls of DynamoDB for an event after the return: a few receives, each with a read and a record that are throttled
two times out of three at first, and tried three times by the SDK."""
REQUESTS_OF_AN_EVENT = 2
"""One, and another one for what a slow machine hands out twice."""

ACCEPT = Answer(200)
REFUSE = Answer(500)
GONE = Answer(410)
MISBEHAVING = (REFUSE, LIE, Answer(manner=Manner.RESET), Answer(manner=Manner.HANG))
DRIPPING = (Answer(manner=Manner.DRIP), Answer(manner=Manner.DRIP_HEADERS))


@dataclass(frozen=True)
class Scenario:
    """One way in which the system breaks."""

    name: str
    play: Callable[[SystemUnderTest, PublishedEvents], str | None]
    """Publishes and breaks, and gives what it has measured besides."""
    all_arrive: bool = True
    """Whether every event must arrive in the end. Otherwise an event may also be held or in the dead-letter queue."""

    def run(self, system: SystemUnderTest) -> Account:
        """Play the scenario, wait until the queue is empty, and audit."""
        events = system.new_events()
        note = self.play(system, events)
        system.wait_until_quiet()
        account = events.audit()
        account.note = note or ""
        return account


def killed_while_sending(system: SystemUnderTest, events: PublishedEvents) -> None:
    """Kill every process three times while endpoints take their time."""
    ids = system.businesses(8)
    for id_ in ids:
        system.conduct(id_, Answer(200, delay_s=0.5))
    for _ in range(3):
        events.publish(ids * system.scale)
        until(
            lambda: sum(system.receiver.under_way(path_of(id_)) for id_ in ids) >= 3,
            QUIET_SECONDS,
            "requests",
            every=0.01,
        )
        system.kill_all()
    for id_ in ids:
        system.conduct(id_)


def killed_before_the_record(system: SystemUnderTest, events: PublishedEvents) -> None:
    """Kill every process between the POST and the record."""
    ids = system.businesses(6)
    events.publish(ids * system.scale)
    system.kill_at(Gate(), *RECORD_WRITES, table=system.stack.outputs["DeliveriesTableName"], count=2)


def killed_before_acknowledging(system: SystemUnderTest, events: PublishedEvents) -> None:
    """Kill every process between the record and the acknowledgement."""
    ids = system.businesses(6)
    events.publish(ids * system.scale)
    system.kill_at(Gate(answered=True), *RECORD_WRITES, table=system.stack.outputs["DeliveriesTableName"], count=2)


def killed_while_an_endpoint_becomes_failing(system: SystemUnderTest, events: PublishedEvents) -> None:
    """Kill every process when a change of health has been stored, and again before its notice is published."""
    ids = system.businesses(4)
    for id_ in ids:
        system.conduct(id_, REFUSE)
    events.publish(ids * 6)
    system.kill_at(Gate(answered=True), "UpdateItem", table=system.stack.outputs["SettingsTableName"])
    system.kill_at(Gate(), "Publish")
    until(lambda: all(system.health(id_).get("state") == "failing" for id_ in ids), QUIET_SECONDS, "failing endpoints")
    events.publish(ids * 4 * system.scale)
    for id_ in ids:
        system.conduct(id_)


def _hold(system: SystemUnderTest, events: PublishedEvents, ids: list[str]) -> None:
    for id_ in ids:
        system.pause(id_)
    events.publish(ids * HELD)
    system.wait_until_quiet()


def killed_during_a_replay(system: SystemUnderTest, events: PublishedEvents) -> None:
    """Kill every process at each call of a replay: its query, its record, its change of state, its next message."""
    ids = system.businesses(1 + system.scale)
    _hold(system, events, ids)
    for id_ in ids:
        system.resume(id_)
    tables = system.stack.outputs
    system.kill_at(Gate(), "Query")
    system.kill_at(Gate(), *RECORD_WRITES, table=tables["DeliveriesTableName"])
    system.kill_at(Gate(answered=True), "UpdateItem", table=tables["SettingsTableName"])
    system.kill_at(Gate(answered=True), "SendMessage")


def killed_during_a_range(system: SystemUnderTest, events: PublishedEvents) -> None:
    """Kill every process at random moments while a range is sent again, in order, and each event once."""
    [id_] = system.businesses(1)
    count, kills = RANGE if system.scale == 1 else LONG_RANGE
    events.publish([id_] * count)
    system.wait_until_quiet()
    system.conduct(id_, Answer(200, delay_s=0.1))
    before = len(system.receiver.at(path_of(id_)))
    system.replay_range(id_, count)
    for _ in range(kills):
        until(lambda: system.receiver.under_way(path_of(id_)), QUIET_SECONDS, "an attempt", every=0.01)
        time.sleep(system.chance.uniform(0, 1))
        system.kill_all()
    until(lambda: "end" in system.range(id_), QUIET_SECONDS, "the end of the range")
    sent = [request.headers["webhook-id"] for request in system.receiver.at(path_of(id_))[before:]]
    _must_be_in_order(sent, system.places(id_), kills)
    replay = system.range(id_)
    if (replay["end"], replay["done"], replay["failed"]) != ("done", count, 0):
        raise Failure(f"{count} events of a range, and the state has {replay}")


def _must_be_in_order(sent: list[str], places: dict[str, str], kills: int) -> None:
    wanted = sorted(places, key=places.__getitem__)
    if list(dict.fromkeys(sent)) != wanted:
        raise Failure(f"{len(set(sent))} of {len(wanted)} events of a range were sent, or not in order")
    if len(sent) > len(wanted) + kills:
        raise Failure(f"{len(sent)} requests for {len(wanted)} events, with {kills} kills")


def misbehaving_endpoints(system: SystemUnderTest, events: PublishedEvents) -> None:
    """Let endpoints hang, drip, reset, refuse and lie, by chance, and accept again after a while."""
    ids = system.businesses(8)
    for id_ in ids:
        system.conduct(id_, *MISBEHAVING, *DRIPPING, ACCEPT, ACCEPT)
    for _ in range(3 * system.scale):
        events.publish(ids * 2)
        time.sleep(2)
    for id_ in ids:
        system.conduct(id_)


def endpoints_that_never_recover(system: SystemUnderTest, events: PublishedEvents) -> None:
    """Let endpoints be gone or never recover, so that events are held or fail; and publish malformed messages."""
    gone, dead = system.businesses(2), system.businesses(2)
    for id_ in gone:
        system.conduct(id_, GONE)
    for id_ in dead:
        system.conduct(id_, REFUSE)
    events.publish((gone + dead) * 5 * system.scale)
    for id_ in gone + dead:
        events.publish_malformed(id_)
    paused = lambda: all(system.health(id_).get("state") == "paused" for id_ in gone + dead)  # noqa: E731
    until(paused, QUIET_SECONDS, "paused endpoints")
    events.publish(gone + dead)
    system.wait_until_quiet()
    # The owners of half of the endpoints repair and resume them.
    for id_ in (gone[0], dead[0]):
        system.conduct(id_)
        system.resume(id_)


def aws_errors(system: SystemUnderTest, events: PublishedEvents) -> None:
    """Let DynamoDB, SQS and SNS fail, throttle, lose answers and answer late, by chance, for a while."""
    ids = system.businesses(8)
    for id_ in ids[:4]:
        system.conduct(id_, REFUSE, ACCEPT)
    with ExitStack() as rules:
        _break_aws(system, rules, share=0.12)
        for _ in range(3 * system.scale):
            events.publish(ids * 3)
            time.sleep(2)
        for id_ in ids:
            system.conduct(id_)


def _break_aws(system: SystemUnderTest, rules: ExitStack, share: float) -> None:
    left_out = unprocessed(system.stack.outputs["DeliveriesTableName"])
    rules.enter_context(system.aws_proxy.rule(left_out, "BatchGetItem", share=share))
    for fault in (broken, throttled, lost_request, lost_answer, late(0.3)):
        rules.enter_context(system.aws_proxy.rule(fault, share=share))


def dynamodb_without_an_address(system: SystemUnderTest, events: PublishedEvents) -> str:
    """Let no call of DynamoDB be answered for a while, with SQS slow; then answer late and throttle; then be well.

    It is the day of October 2025, short. The simulation plays its fifteen hours.
    """
    ids = system.businesses(8)
    with deliver_with(system.stack, RETRY_SCHEDULE_SECONDS=OUTAGE_SCHEDULE):
        with (
            system.aws_proxy.tally() as outage,
            system.aws_proxy.rule(lost_request, service="dynamodb"),
            system.aws_proxy.rule(late(0.2), service="sqs"),
        ):
            for _ in range(OUTAGE_SECONDS // 2 * (1 if system.scale == 1 else 2)):
                events.publish(ids * system.scale)
                time.sleep(2)
        returned, returned_at = time.monotonic(), time.time()
        with (
            system.aws_proxy.tally() as tally,
            system.aws_proxy.rule(late(SLOW_SECONDS), service="dynamodb"),
        ):
            for share in (0.6, 0.3, 0.1):
                throttling = late(SLOW_SECONDS, throttled)
                with system.aws_proxy.rule(throttling, service="dynamodb", share=share):
                    events.publish(ids)
                    time.sleep(3)
            system.wait_until_quiet()
    drained = time.monotonic() - returned
    calls = [time_ for service, time_ in tally.times if service == "dynamodb"]
    posts = [request.at for id_ in ids for request in system.receiver.at(path_of(id_)) if request.at >= returned_at]
    anew = outage.calls["sqs.SendMessage"]
    return f"{anew} messages sent anew; {_must_be_no_storm(calls, posts, events.count, drained)}"


def _must_be_no_storm(calls: list[float], posts: list[float], published: int, drained: float) -> str:
    most_calls, most_posts = _busiest_second(calls), _busiest_second(posts)
    # Each call of DynamoDB lasts for at least `SLOW_SECONDS`, and each delivery for two of them, one after the other.
    at_once = ENVIRONMENTS * BATCH
    allowed_calls = at_once * (1 + int(1 / SLOW_SECONDS))
    allowed_posts = at_once * (1 + int(1 / (2 * SLOW_SECONDS)))
    note = (
        f"{published} events; drained in {drained:.0f} s; {len(calls) / published:.1f} calls of DynamoDB and "
        f"{len(posts) / published:.2f} requests for each event; in the busiest second {most_calls} calls "
        f"({allowed_calls} allowed) and {most_posts} requests ({allowed_posts} allowed)"
    )
    is_storm = len(calls) > CALLS_OF_AN_EVENT * published or len(posts) > REQUESTS_OF_AN_EVENT * published
    if is_storm or most_calls > allowed_calls or most_posts > allowed_posts:
        raise Failure(f"A storm after DynamoDB's return: {note}")
    return note


def _busiest_second(times: list[float]) -> int:
    """Give the most that happened within a second, whenever that second began."""
    times = sorted(times)
    return max((bisect_left(times, time_ + 1) - place for place, time_ in enumerate(times)), default=0)


def everything_at_once(system: SystemUnderTest, events: PublishedEvents) -> None:
    """Let endpoints and AWS misbehave, and kill a process every now and then."""
    ids = system.businesses(10)
    for id_ in ids[:5]:
        system.conduct(id_, *MISBEHAVING, *DRIPPING, ACCEPT, ACCEPT)
    with ExitStack() as rules:
        _break_aws(system, rules, share=0.05)
        for _ in range(4 * system.scale):
            events.publish(ids * 2)
            time.sleep(system.chance.uniform(0.5, 1.5))
            system.kill_one()
    for id_ in ids:
        system.conduct(id_)


SCENARIOS = [
    Scenario("killed while sending", killed_while_sending),
    Scenario("killed between POST and record", killed_before_the_record),
    Scenario("killed before acknowledging", killed_before_acknowledging),
    Scenario("killed while an endpoint becomes failing", killed_while_an_endpoint_becomes_failing),
    Scenario("killed during a replay", killed_during_a_replay),
    Scenario("range", killed_during_a_range),
    Scenario("endpoints hang, drip, reset, lie", misbehaving_endpoints, all_arrive=False),
    Scenario("endpoints are gone or never recover", endpoints_that_never_recover, all_arrive=False),
    Scenario("AWS errors, throttles, lost answers", aws_errors, all_arrive=False),
    Scenario("DynamoDB has no address", dynamodb_without_an_address),
    Scenario("everything at once", everything_at_once, all_arrive=False),
]
