"""The ways in which things break.

Each scenario publishes, breaks something meanwhile, mends it, and leaves when there is nothing more to wait for but the
queue. What it promises is in its name; that nothing is lost is promised by all.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from infra.fakes.aws_proxy import Gate, broken, late, lost_answer, lost_request, throttled, unprocessed
from infra.fakes.fake_endpoints import ACCEPT, Conduct, Manner
from infra.local.processes import until

from .audit import Account, Books
from .system import QUIET_SECONDS, Arena

HELD = 30
"""So many events make a release of several steps."""

UNWELL = tuple(Conduct(manner) for manner in (Manner.REFUSE, Manner.RESET, Manner.LIE, Manner.HANG))
DRIPPING = (Conduct(Manner.DRIP), Conduct(Manner.DRIP_HEADERS))


@dataclass(frozen=True)
class Scenario:
    """One way."""

    name: str
    play: Callable[[Arena, Books], None]
    all_arrive: bool = True
    """Whether every event must have arrived in the end, or may also be held or in the dead-letter queue."""

    def run(self, arena: Arena) -> Account:
        """Play it, wait for the queue, and audit."""
        books = arena.books()
        self.play(arena, books)
        arena.wait_until_quiet()
        return books.audit()


def killed_while_sending(arena: Arena, books: Books) -> None:
    """Kill every process three times while endpoints take their time."""
    ids = arena.businesses(8)
    for id_ in ids:
        arena.town.conduct(id_, Conduct(Manner.ACCEPT, delay_s=0.5))
    for _ in range(3):
        books.publish(ids * arena.scale)
        until(lambda: sum(arena.town.under_way[id_] for id_ in ids) >= 3, QUIET_SECONDS, "requests", every=0.01)
        arena.kill_all()
    for id_ in ids:
        arena.town.conduct(id_)


def killed_before_the_record(arena: Arena, books: Books) -> None:
    """Kill every process between the POST and the record."""
    ids = arena.businesses(6)
    books.publish(ids * arena.scale)
    arena.kill_at(Gate(), "UpdateItem", table=arena.stack.outputs["DeliveriesTableName"], count=2)


def killed_before_acknowledging(arena: Arena, books: Books) -> None:
    """Kill every process between the record and the acknowledgement."""
    ids = arena.businesses(6)
    books.publish(ids * arena.scale)
    arena.kill_at(Gate(answered=True), "UpdateItem", table=arena.stack.outputs["DeliveriesTableName"], count=2)


def killed_while_an_endpoint_becomes_failing(arena: Arena, books: Books) -> None:
    """Kill every process when a change of health has been stored, and again before the notice of it."""
    ids = arena.businesses(4)
    for id_ in ids:
        arena.town.conduct(id_, Conduct(Manner.REFUSE))
    books.publish(ids * 6)
    arena.kill_at(Gate(answered=True), "UpdateItem", table=arena.stack.outputs["SettingsTableName"])
    arena.kill_at(Gate(), "Publish")
    until(lambda: all(arena.health(id_).get("state") == "failing" for id_ in ids), QUIET_SECONDS, "failing endpoints")
    books.publish(ids * 4 * arena.scale)
    for id_ in ids:
        arena.town.conduct(id_)


def _hold(arena: Arena, books: Books, ids: list[str]) -> None:
    for id_ in ids:
        arena.pause(id_)
    books.publish(ids * HELD)
    arena.wait_until_quiet()


def killed_during_a_release(arena: Arena, books: Books) -> None:
    """Kill every process at each kind of step of a release: before a POST, a record, a change of state, a token."""
    ids = arena.businesses(1 + arena.scale)
    _hold(arena, books, ids)
    for id_ in ids:
        arena.resume(id_)
    tables = arena.stack.outputs
    arena.kill_at(Gate(), "Query")
    arena.kill_at(Gate(), "UpdateItem", table=tables["DeliveriesTableName"])
    arena.kill_at(Gate(answered=True), "UpdateItem", table=tables["SettingsTableName"])
    arena.kill_at(Gate(answered=True), "SendMessage")


def unwell_endpoints(arena: Arena, books: Books) -> None:
    """Endpoints that hang, drip, reset, refuse and lie, by chance, and are well again after a while."""
    ids = arena.businesses(8)
    for id_ in ids:
        arena.town.conduct(id_, *UNWELL, *DRIPPING, ACCEPT, ACCEPT)
    for _ in range(3 * arena.scale):
        books.publish(ids * 2)
        time.sleep(2)
    for id_ in ids:
        arena.town.conduct(id_)


def given_up_endpoints(arena: Arena, books: Books) -> None:
    """Endpoints that are gone or never recover, so that events are held or spent; and events that are malformed."""
    gone, dead = arena.businesses(2), arena.businesses(2)
    for id_ in gone:
        arena.town.conduct(id_, Conduct(Manner.GONE))
    for id_ in dead:
        arena.town.conduct(id_, Conduct(Manner.REFUSE))
    books.publish((gone + dead) * 5 * arena.scale)
    for id_ in gone + dead:
        books.publish_malformed(id_)
    paused = lambda: all(arena.health(id_).get("state") == "paused" for id_ in gone + dead)  # noqa: E731
    until(paused, QUIET_SECONDS, "paused endpoints")
    books.publish(gone + dead)
    arena.wait_until_quiet()
    # The owners mend half of them, and resume.
    for id_ in (gone[0], dead[0]):
        arena.town.conduct(id_)
        arena.resume(id_)


def aws_unwell(arena: Arena, books: Books) -> None:
    """DynamoDB, SQS and SNS refuse, throttle, forget to answer and take their time, by chance, for a while."""
    ids = arena.businesses(8)
    for id_ in ids[:4]:
        arena.town.conduct(id_, Conduct(Manner.REFUSE), ACCEPT)
    with ExitStack() as rules:
        _unwell(arena, rules, share=0.12)
        for _ in range(3 * arena.scale):
            books.publish(ids * 3)
            time.sleep(2)
        for id_ in ids:
            arena.town.conduct(id_)


def _unwell(arena: Arena, rules: ExitStack, share: float) -> None:
    left_out = unprocessed(arena.stack.outputs["DeliveriesTableName"])
    rules.enter_context(arena.faults.rule(left_out, "BatchGetItem", share=share))
    for fault in (broken, throttled, lost_request, lost_answer, late(0.3)):
        rules.enter_context(arena.faults.rule(fault, share=share))


def everything_at_once(arena: Arena, books: Books) -> None:
    """All of it: unwell endpoints, an unwell AWS, and a process killed every now and then."""
    ids = arena.businesses(10)
    for id_ in ids[:5]:
        arena.town.conduct(id_, *UNWELL, *DRIPPING, ACCEPT, ACCEPT)
    with ExitStack() as rules:
        _unwell(arena, rules, share=0.05)
        for _ in range(4 * arena.scale):
            books.publish(ids * 2)
            time.sleep(arena.chance.uniform(0.5, 1.5))
            arena.kill_one()
    for id_ in ids:
        arena.town.conduct(id_)


SCENARIOS = [
    Scenario("killed while sending", killed_while_sending),
    Scenario("killed between POST and record", killed_before_the_record),
    Scenario("killed before acknowledging", killed_before_acknowledging),
    Scenario("killed while an endpoint becomes failing", killed_while_an_endpoint_becomes_failing),
    Scenario("killed during a release", killed_during_a_release),
    Scenario("endpoints hang, drip, reset, lie", unwell_endpoints, all_arrive=False),
    Scenario("endpoints are gone or never recover", given_up_endpoints, all_arrive=False),
    Scenario("AWS errors, throttles, lost answers", aws_unwell, all_arrive=False),
    Scenario("everything at once", everything_at_once, all_arrive=False),
]
