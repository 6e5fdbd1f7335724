"""`make load` measures, and its arithmetic is right. No bound on its figures is tested here."""

import pytest

from infra.fakes.receiver import Span
from infra.local.building import build
from infra.measure.load import (
    Latency,
    by_the_fifth_failure,
    conformance,
    in_flight,
    running_load,
    spread,
    throughput,
)


@pytest.mark.alone
def test_load_measures() -> None:
    build()
    with running_load() as load:
        assert throughput(load, 100) > 0
        latency = spread(load, [], pace=100)
        assert 0 < latency.p50 <= latency.p95 <= latency.p99
        conformance(load, 60)


def test_in_flight_is_the_most_at_once() -> None:
    spans = [Span(0, 3), Span(1, 2), Span(2, 4), Span(5, 6)]
    assert in_flight(spans) == 2
    assert in_flight([]) == 0


def test_attempts_are_split_when_the_fifth_failure_is_known() -> None:
    early = [Span(0.1 * number, 3) for number in range(7)]
    late = [Span(4, 7), Span(13, 16)]
    assert by_the_fifth_failure(early + late) == (early, late)


def test_percentiles_are_in_milliseconds() -> None:
    latency = Latency.of(number / 1000 for number in range(101))
    assert (latency.p50, latency.p95, latency.p99) == (50, 95, 99)
