"""The ways in which things break.

Each scenario publishes events, breaks something meanwhile, mends it, and ends when there is nothing more to wait for
but the queue. The scenario's name is its promise; all promise that no event is lost.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from infra.fakes.aws_proxy import Gate, broken, late, lost_answer, lost_request, throttled, unprocessed
from infra.fakes.fake_endpoints import ACCEPT, Conduct, Manner
from infra.local.processes import until

from .audit import Account, PublishedEvents
from .system import QUIET_SECONDS, SystemUnderTest

HELD = 30
"""Enough events for a replay of several steps."""

UNWELL = tuple(Conduct(manner) for manner in (Manner.REFUSE, Manner.RESET, Manner.LIE, Manner.HANG))
DRIPPING = (Conduct(Manner.DRIP), Conduct(Manner.DRIP_HEADERS))


@dataclass(frozen=True)
class Scenario:
    """One way."""

    name: str
    play: Callable[[SystemUnderTest, PublishedEvents], None]
    all_arrive: bool = True
    """Whether every event must have arrived in the end, or may also be held or in the dead-letter queue."""

    def run(self, system: SystemUnderTest) -> Account:
        """Play it, wait for the queue, and audit."""
        events = system.new_events()
        self.play(system, events)
        system.wait_until_quiet()
        return events.audit()


def killed_while_sending(system: SystemUnderTest, events: PublishedEvents) -> None:
    """Kill every process three times while endpoints take their time."""
    ids = system.businesses(8)
    for id_ in ids:
        system.endpoints.conduct(id_, Conduct(Manner.ACCEPT, delay_s=0.5))
    for _ in range(3):
        events.publish(ids * system.scale)
        until(lambda: sum(system.endpoints.under_way[id_] for id_ in ids) >= 3, QUIET_SECONDS, "requests", every=0.01)
        system.kill_all()
    for id_ in ids:
        system.endpoints.conduct(id_)


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
    """Kill every process when a change of health has been stored, and again before the notice of it."""
    ids = system.businesses(4)
    for id_ in ids:
        system.endpoints.conduct(id_, Conduct(Manner.REFUSE))
    events.publish(ids * 6)
    system.kill_at(Gate(answered=True), "UpdateItem", table=system.stack.outputs["SettingsTableName"])
    system.kill_at(Gate(), "Publish")
    until(lambda: all(system.health(id_).get("state") == "failing" for id_ in ids), QUIET_SECONDS, "failing endpoints")
    events.publish(ids * 4 * system.scale)
    for id_ in ids:
        system.endpoints.conduct(id_)


def _hold(system: SystemUnderTest, events: PublishedEvents, ids: list[str]) -> None:
    for id_ in ids:
        system.pause(id_)
    events.publish(ids * HELD)
    system.wait_until_quiet()


def killed_during_a_replay(system: SystemUnderTest, events: PublishedEvents) -> None:
    """Kill every process at each kind of step of a replay: before a POST, a record, a change of state, a token."""
    ids = system.businesses(1 + system.scale)
    _hold(system, events, ids)
    for id_ in ids:
        system.resume(id_)
    tables = system.stack.outputs
    system.kill_at(Gate(), "Query")
    system.kill_at(Gate(), "UpdateItem", table=tables["DeliveriesTableName"])
    system.kill_at(Gate(answered=True), "UpdateItem", table=tables["SettingsTableName"])
    system.kill_at(Gate(answered=True), "SendMessage")


def unwell_endpoints(system: SystemUnderTest, events: PublishedEvents) -> None:
    """Endpoints that hang, drip, reset, refuse and lie, by chance, and are well again after a while."""
    ids = system.businesses(8)
    for id_ in ids:
        system.endpoints.conduct(id_, *UNWELL, *DRIPPING, ACCEPT, ACCEPT)
    for _ in range(3 * system.scale):
        events.publish(ids * 2)
        time.sleep(2)
    for id_ in ids:
        system.endpoints.conduct(id_)


def given_up_endpoints(system: SystemUnderTest, events: PublishedEvents) -> None:
    """Endpoints that are gone or never recover, so that events are held or spent; and events that are malformed."""
    gone, dead = system.businesses(2), system.businesses(2)
    for id_ in gone:
        system.endpoints.conduct(id_, Conduct(Manner.GONE))
    for id_ in dead:
        system.endpoints.conduct(id_, Conduct(Manner.REFUSE))
    events.publish((gone + dead) * 5 * system.scale)
    for id_ in gone + dead:
        events.publish_malformed(id_)
    paused = lambda: all(system.health(id_).get("state") == "paused" for id_ in gone + dead)  # noqa: E731
    until(paused, QUIET_SECONDS, "paused endpoints")
    events.publish(gone + dead)
    system.wait_until_quiet()
    # The owners mend half of them, and resume.
    for id_ in (gone[0], dead[0]):
        system.endpoints.conduct(id_)
        system.resume(id_)


def aws_unwell(system: SystemUnderTest, events: PublishedEvents) -> None:
    """DynamoDB, SQS and SNS refuse, throttle, forget to answer and take their time, by chance, for a while."""
    ids = system.businesses(8)
    for id_ in ids[:4]:
        system.endpoints.conduct(id_, Conduct(Manner.REFUSE), ACCEPT)
    with ExitStack() as rules:
        _unwell(system, rules, share=0.12)
        for _ in range(3 * system.scale):
            events.publish(ids * 3)
            time.sleep(2)
        for id_ in ids:
            system.endpoints.conduct(id_)


def _unwell(system: SystemUnderTest, rules: ExitStack, share: float) -> None:
    left_out = unprocessed(system.stack.outputs["DeliveriesTableName"])
    rules.enter_context(system.aws_proxy.rule(left_out, "BatchGetItem", share=share))
    for fault in (broken, throttled, lost_request, lost_answer, late(0.3)):
        rules.enter_context(system.aws_proxy.rule(fault, share=share))


def everything_at_once(system: SystemUnderTest, events: PublishedEvents) -> None:
    """All of it: unwell endpoints, an unwell AWS, and a process killed every now and then."""
    ids = system.businesses(10)
    for id_ in ids[:5]:
        system.endpoints.conduct(id_, *UNWELL, *DRIPPING, ACCEPT, ACCEPT)
    with ExitStack() as rules:
        _unwell(system, rules, share=0.05)
        for _ in range(4 * system.scale):
            events.publish(ids * 2)
            time.sleep(system.chance.uniform(0.5, 1.5))
            system.kill_one()
    for id_ in ids:
        system.endpoints.conduct(id_)


SCENARIOS = [
    Scenario("killed while sending", killed_while_sending),
    Scenario("killed between POST and record", killed_before_the_record),
    Scenario("killed before acknowledging", killed_before_acknowledging),
    Scenario("killed while an endpoint becomes failing", killed_while_an_endpoint_becomes_failing),
    Scenario("killed during a replay", killed_during_a_replay),
    Scenario("endpoints hang, drip, reset, lie", unwell_endpoints, all_arrive=False),
    Scenario("endpoints are gone or never recover", given_up_endpoints, all_arrive=False),
    Scenario("AWS errors, throttles, lost answers", aws_unwell, all_arrive=False),
    Scenario("everything at once", everything_at_once, all_arrive=False),
]
