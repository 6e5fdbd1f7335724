"""`make cost`: its arithmetic by cases reckoned by hand, its prices, and what follows for the template and README."""

import json
from dataclasses import astuple, fields, replace
from pathlib import Path

import pytest

from infra.local.processes import Failure
from infra.measure.cost import assumptions
from infra.measure.cost.__main__ import README, report, with_table
from infra.measure.cost.choice import MEMORIES_MB, bounds, chosen, deployed
from infra.measure.cost.figures import Figures, read_figures
from infra.measure.cost.model import Bill, Configuration, Model, Traffic
from infra.measure.cost.prices import LIST, Prices, read_prices
from infra.measure.cost.tables import text

FIGURES = Figures(
    date="2026-01-01",
    machine="none",
    init_ms=2,
    first_ms=3,
    cpu_alone_us=1000,
    cpu_batch_us=190,
    cpu_batch_500_us=290,
    rss_6mb_mib=34,
)
"""Of a batch's work, 0.9 ms are for the batch and 0.1 ms for each event."""

MODEL = Model(FIGURES, read_prices(LIST).prices)
ONE_VCPU = Configuration(memory_mb=1769, batch_size=10, window_s=0, concurrency=50, retention_days=30)


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a record have the bytes of the cases here, however many the ledger's have."""
    monkeypatch.setattr(assumptions, "RECORD_BYTES", 2299)


def test_work_of_the_cpu_has_a_part_for_the_batch_and_handshakes_and_takes_longer_with_less_memory() -> None:
    # Each event has a handshake of 0.6 ms and the batch one, and a vCPU needs 1.5 times as long.
    assert MODEL.cpu_ms(1, 1) == pytest.approx((0.9 + 0.1 + 2 * 0.6) * 1.5)
    assert MODEL.cpu_ms(1, 10) == pytest.approx((0.9 + 1.0 + 11 * 0.6) * 1.5)
    assert MODEL.cpu_ms(1, 10, 0.5) == pytest.approx((0.9 + 1.0 + 5 * 0.1 + 11 * 0.6) * 1.5)
    assert MODEL.cpu_ms(0.1, 1) == pytest.approx(33)
    # The first invocation is 2 ms longer than another, the start takes 2 ms, and the secret needs a handshake.
    assert MODEL.cold_ms(0.1) == pytest.approx(15 + (2 + 2 + 0.6) * 1.5 / 0.1 + 5)


def test_invocation_waits_for_one_receiver_a_read_and_a_write() -> None:
    assert MODEL.duration_ms(ONE_VCPU, Traffic(300), 1) == pytest.approx(300 + 3.3 + 10)
    assert MODEL.duration_ms(ONE_VCPU, Traffic(300), 10) == pytest.approx(300 + 12.75 + 10)
    # After half a second an entry of the attempt in flight is added, and later removed.
    assert MODEL.duration_ms(ONE_VCPU, Traffic(2000), 1) == pytest.approx(2000 + 3.3 + 15)


@pytest.mark.usefixtures("record")
def test_bill_of_an_event_alone() -> None:
    bill = MODEL.bill(ONE_VCPU, Traffic(300), 1)
    assert bill == Bill(
        # Sent, received and deleted, each at 0.40 and 0.10.
        sqs=pytest.approx(3 * 0.5),
        lambda_requests=pytest.approx(0.2),
        # 313.3 ms are billed as 314, and one invocation in a hundred is the first of its environment.
        lambda_duration=pytest.approx((0.314 + 0.01 * 0.0269) * 1769 / 1024 * 13.3334),
        dynamodb_reads=pytest.approx(2 * 0.125),
        # 2,299 bytes are three units, and the entry in the index is one.
        dynamodb_writes=pytest.approx(4 * 0.625),
        dynamodb_storage=pytest.approx(3.009 * 30 * 24 / 730 * 0.45),
        logs=pytest.approx((450 + 480 + 16 + 2 * 26) / 1000 * (0.5 + 0.15 * 0.03 * 30 * 24 / 730)),
        # One environment reads the secret once in five minutes, in which 900 events come.
        secrets=pytest.approx(5 / 900),
        transfer_out=pytest.approx(8192 / 1000 * 0.09),
    )
    assert bill.total == pytest.approx(sum(astuple(bill)))
    assert MODEL.api_destinations(Traffic(300)) == pytest.approx((1.2, bill.transfer_out))


def test_batch_of_ten_shares_what_is_charged_for_an_invocation() -> None:
    alone, ten = MODEL.bill(ONE_VCPU, Traffic(300), 1), MODEL.bill(ONE_VCPU, Traffic(300), 10)
    # Ten events of 6 KB are received as one chunk of 64 KB.
    assert ten.sqs == pytest.approx((1 + 0.1 + 0.1) * 0.5)
    assert ten.lambda_requests == pytest.approx(0.02)
    assert ten.lambda_duration == pytest.approx((0.323 + 0.01 * 0.0269) / 10 * 1769 / 1024 * 13.3334)
    assert ten.dynamodb_writes == alone.dynamodb_writes
    assert ten.transfer_out == alone.transfer_out


@pytest.mark.usefixtures("record")
def test_failed_attempts_cost_all_again_and_their_message_s_return() -> None:
    failing = MODEL.bill(ONE_VCPU, Traffic(300, 0.2), 1)
    # For each event 1.25 attempts: sent once, received 1.25 times, deleted once, returned 0.25 times.
    assert failing.sqs == pytest.approx((1 + 1.25 + 1 + 0.25) * 0.5)
    # Each failure counts in the health, and so does the success after it, of every fifth event.
    assert failing.dynamodb_writes == pytest.approx((1.25 * 4 + 0.25 + 0.2) * 0.625)
    assert failing.transfer_out == pytest.approx(1.25 * 8192 / 1000 * 0.09)
    assert sum(MODEL.api_destinations(Traffic(300, 0.2))) == pytest.approx(1 + 1.25 * 0.2 + failing.transfer_out)


@pytest.mark.usefixtures("record")
def test_slow_receiver_costs_two_more_writes() -> None:
    assert MODEL.bill(ONE_VCPU, Traffic(2000), 1).dynamodb_writes == pytest.approx(6 * 0.625)


def test_batches_fill_only_when_all_are_at_work_or_by_a_window() -> None:
    assert MODEL.batch(ONE_VCPU, Traffic(300, rate=3)) == 1
    # 300 events a second and a little over 0.3133 s each are 94 at work, in 50 batches.
    assert MODEL.batch(ONE_VCPU, Traffic(300, rate=300)) == pytest.approx(300 * 0.3142 / 50, rel=0.001)
    assert MODEL.batch(ONE_VCPU, Traffic(10_000, rate=1000)) == 10
    assert not MODEL.is_overloaded(ONE_VCPU, Traffic(10_000, rate=49))
    assert MODEL.is_overloaded(ONE_VCPU, Traffic(10_000, rate=51))
    # Each of five pollers gathers a fifth.
    assert MODEL.batch(replace(ONE_VCPU, window_s=5), Traffic(300, rate=3)) == 3


def test_stack_without_traffic_pays_for_its_polls_secrets_alarms_metrics_and_dashboard() -> None:
    polls = 5 * 730 * 3600 / 20 * 0.4 / 1e6
    assert sum(MODEL.fixed(23, 2).values()) == pytest.approx(polls + 2 * 0.4 + 23 * 0.1 + 6 * 0.3 + 3)


def test_each_price_has_a_page_and_a_date() -> None:
    listed = read_prices(LIST)
    for field in fields(Prices):
        price = getattr(listed.prices, field.name)
        assert price.dollars > 0, field.name
        assert price.page.startswith("https://aws.amazon.com/"), field.name
        assert "2020-01-01" < price.date <= listed.looked_up, field.name
        assert price.read_in, field.name


@pytest.mark.parametrize(
    "change",
    [
        lambda prices: prices.pop("secret"),
        lambda prices: prices["secret"].pop("date"),
        lambda prices: prices["secret"].update(date="today"),
    ],
)
def test_list_that_lacks_a_price_or_a_date_is_refused(tmp_path: Path, change: object) -> None:
    listed = json.loads(LIST.read_text())
    assert callable(change)
    change(listed["prices"])
    path = tmp_path / "prices.json"
    path.write_text(json.dumps(listed))
    with pytest.raises(Failure, match="no list of prices"):
        read_prices(path)


def test_list_of_another_region_is_taken_in_place_of_this_one(tmp_path: Path) -> None:
    listed = json.loads(LIST.read_text())
    listed["region"] = "il-central-1"
    listed["prices"]["sqs_request"]["dollars"] = 1.4
    path = tmp_path / "prices.json"
    path.write_text(json.dumps(listed))
    dearer = report(path)
    assert "List prices, il-central-1\n" in text(dearer)
    assert dearer.bill().total == pytest.approx(report().bill().total + 3)


def test_template_has_the_memory_and_the_batch_that_the_model_chooses() -> None:
    model = report().model
    template = deployed()
    assert template == chosen(model, template)
    assert bounds(model, template).broken() == []
    # Less memory is cheaper at each latency.
    for latency in (50, 300, 2000, 10_000):
        bills = [model.bill(replace(template, memory_mb=memory), Traffic(latency), 1).total for memory in MEMORIES_MB]
        assert bills == sorted(bills)


def test_bounds_are_those_of_the_usual_receiver() -> None:
    template = deployed()
    slow = replace(read_figures(), cpu_alone_us=4000, cpu_batch_us=4000)
    assert bounds(Model(slow, MODEL.prices), template).broken() == ["event alone", "full batch"]
    large = replace(read_figures(), rss_6mb_mib=template.memory_mb)
    assert bounds(Model(large, MODEL.prices), template).broken() == ["memory"]
    late = replace(read_figures(), init_ms=100)
    assert bounds(Model(late, MODEL.prices), template).broken() == ["cold start"]


def test_readme_has_the_table_as_it_is_now() -> None:
    document = README.read_text()
    assert with_table(document) == document, "make format writes it"


def test_report_fits_a_terminal_and_marks_the_template() -> None:
    lines = text(report()).splitlines()
    assert max(map(len, lines)) <= 120
    marked = [line.split()[0] for line in lines if line.endswith("<- template")]
    assert marked == [str(deployed().memory_mb), "0"]
    assert "  infra/template.yaml has other values." not in lines
