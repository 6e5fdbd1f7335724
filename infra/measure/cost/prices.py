"""The list prices, from `prices.json`, each with its page of AWS, and with the text in which it was read and its date.

No free tier is subtracted, and only the first tier of a volume discount is used, so a bill is never higher for that.
The prices are those of one region. For another region, copy the file and write in what that region's pages say.
"""

import json
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path

from infra.local.processes import Failure

LIST = Path(__file__).with_name("prices.json")


@dataclass(frozen=True)
class Price:
    """One list price."""

    dollars: float
    units: int
    """For how many units the dollars are."""
    unit: str
    page: str
    """The page of AWS with the current price."""
    date: str
    """The date of the price list, or of the text that quotes it."""
    read_in: str
    """Where the price was read."""

    @property
    def each(self) -> float:
        """Dollars for one unit."""
        return self.dollars / self.units


@dataclass(frozen=True)
class Prices:
    """All prices that the model uses."""

    sqs_request: Price
    sqs_fair_request: Price
    lambda_request: Price
    lambda_arm_gb_second: Price
    dynamodb_read_unit: Price
    dynamodb_write_unit: Price
    dynamodb_storage: Price
    dynamodb_recovery: Price
    logs_ingested: Price
    logs_stored: Price
    metric: Price
    alarm_metric: Price
    dashboard: Price
    secret: Price
    secret_call: Price
    transfer_out: Price
    eventbridge_event: Price
    eventbridge_destination: Price

    def dates(self) -> tuple[str, str]:
        """Give the dates of the oldest and of the newest price."""
        all_dates = sorted(getattr(self, field.name).date for field in fields(self))
        return all_dates[0], all_dates[-1]


@dataclass(frozen=True)
class PriceList:
    """The prices of a region."""

    region: str
    looked_up: str
    """The date on which somebody last looked for newer prices."""
    prices: Prices


def read_prices(path: Path) -> PriceList:
    """Read a list of prices. Each price has to be there, with its source and date."""
    try:
        text = json.loads(path.read_text())
        rows = {name: Price(**row) for name, row in text["prices"].items()}
        for day in (text["looked_up"], *(price.date for price in rows.values())):
            date.fromisoformat(day)
        return PriceList(text["region"], text["looked_up"], Prices(**rows))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise Failure(f"{path} is no list of prices: {error}") from None
