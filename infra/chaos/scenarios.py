"""The ways in which the system breaks.

Each scenario publishes events, breaks a part of the system meanwhile, and repairs that part. Then only the queue is
left to wait for. Every scenario promises that no event is lost.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from infra.fakes.aws_proxy import Gate, broken, late, lost_answer, lost_request, throttled, unprocessed
from infra.fakes.receiver import LIE, Answer, Manner
from infra.local.processes import Failure, until

from .audit import Account, PublishedEvents, path_of
from .system import QUIET_SECONDS, SystemUnderTest

HELD = 30
"""Enough events for a replay of several steps."""

RANGE, LONG_RANGE = (100, 5), (500, 15)
"""How many events a range has, and how often processes are killed meanwhile."""

ACCEPT = Answer(200)
REFUSE = Answer(500)
GONE = Answer(410)
MISBEHAVING = (REFUSE, LIE, Answer(manner=Manner.RESET), Answer(manner=Manner.HANG))
DRIPPING = (Answer(manner=Manner.DRIP), Answer(manner=Manner.DRIP_HEADERS))


@dataclass(frozen=True)
class Scenario:
    """One way in which the system breaks."""

    name: str
    play: Callable[[SystemUnderTest, PublishedEvents], None]
    all_arrive: bool = True
    """Whether every event must arrive in the end. Otherwise an event may also be held or in the dead-letter queue."""

    def run(self, system: SystemUnderTest) -> Account:
        """Play the scenario, wait until the queue is empty, and audit."""
        events = system.new_events()
        self.play(system, events)
        system.wait_until_quiet()
        return events.audit()


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
    system.kill_at(Gate(), "UpdateItem", table=system.stack.outputs["DeliveriesTableName"], count=2)


def killed_before_acknowledging(system: SystemUnderTest, events: PublishedEvents) -> None:
    """Kill every process between the record and the acknowledgement."""
    ids = system.businesses(6)
    events.publish(ids * system.scale)
    system.kill_at(Gate(answered=True), "UpdateItem", table=system.stack.outputs["DeliveriesTableName"], count=2)


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
    system.kill_at(Gate(), "UpdateItem", table=tables["DeliveriesTableName"])
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
    Scenario("everything at once", everything_at_once, all_arrive=False),
]
