"""The bench's arithmetic: medians, ratios, and missed goals. `.ci/run` takes the short form of the bench itself."""

from collections.abc import Sequence

import pytest

from infra.measure.bench.plans import Plan
from infra.measure.bench.quota import limited, share
from infra.measure.bench.rows import Measured, Row, rows


def measured(
    goal: float | None, floor: Sequence[float], deliver: Sequence[float], *, more_is_better: bool = False
) -> Measured:
    """Give a line with these values."""
    row = Row("a line", Plan(), lambda _figures: 0.0, "floor", goal, more_is_better=more_is_better)
    return Measured(row, {"floor": list(floor), "deliver": list(deliver)})


def test_ratio_is_that_of_the_medians() -> None:
    line = measured(1.5, [10, 11, 90], [20, 15.4, 1])
    assert line.of("floor") == 11
    assert line.ratio == pytest.approx(1.4)
    assert line.of("hello") is None


@pytest.mark.parametrize(
    ("more_is_better", "deliver", "missed", "clearly"),
    [
        (False, 11.4, False, False),
        (False, 12, True, False),
        (False, 15, True, True),
        (True, 12, False, False),
        (True, 11, True, False),
        (True, 9, True, True),
    ],
)
def test_goal_is_missed_by_a_little_or_clearly(
    *, more_is_better: bool, deliver: float, missed: bool, clearly: bool
) -> None:
    line = measured(1.15, [10], [deliver], more_is_better=more_is_better)
    assert (line.misses, line.is_clearly_behind) == (missed, clearly)


def test_goal_for_the_value_itself_is_missed_whatever_the_ratio() -> None:
    row = Row("a line", None, None, "floor", most=8.5, bound=2)
    assert not Measured(row, {"floor": [1], "deliver": [8.5]}).misses
    assert Measured(row, {"floor": [9], "deliver": [8.6]}).misses
    assert not Measured(row, {"floor": [9], "deliver": [8.6]}).is_clearly_behind
    assert Measured(row, {"floor": [4], "deliver": [8.6]}).is_clearly_behind


def test_line_without_a_goal_misses_none() -> None:
    assert not measured(None, [1], [9]).misses
    assert not measured(None, [1], [9]).is_clearly_behind


def test_share_of_a_processor_is_that_of_the_memory() -> None:
    assert share(1_769) == 1
    assert share(256) == pytest.approx(0.145, abs=0.001)


def test_row_under_the_quota_is_there_where_a_group_can_be_made() -> None:
    with limited(256) as cgroup:
        labels = [row.label for row in rows(cgroup)]
    assert ("ten events under the quota, ms" in labels) == (cgroup is not None)
    assert len(set(labels)) == len(labels)
