"""Queries of CloudWatch Logs Insights, as far as this project uses the language: commands, and the fields they read.

Source: Amazon CloudWatch Logs User Guide, "CloudWatch Logs Insights language query syntax",
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
"""

import re
from dataclasses import dataclass, field

GENERATED = {"@timestamp", "@message", "@logStream", "@log", "@ingestionTime", "@entity"}
"""The fields that Logs Insights makes for every line."""

FUNCTIONS = {
    "count",
    "count_distinct",
    "max",
    "min",
    "avg",
    "sum",
    "latest",
    "earliest",
    "bin",
    "coalesce",
    "ispresent",
}
WORDS = {"and", "or", "not", "in", "like", "as", "by", "asc", "desc"}

_TEXT = re.compile(r'"[^"]*"')
_FUNCTION = re.compile(r"\b([a-z_]+)\(")
_NAME = re.compile(r"@?[A-Za-z_][A-Za-z0-9_.]*")


class InvalidQuery(Exception):
    """The text is no query, as far as this module knows the language."""


@dataclass
class Query:
    """What a query reads, and what it makes."""

    fields: set[str] = field(default_factory=set)
    """The fields of log lines that the query reads."""
    made: set[str] = field(default_factory=set)
    """The names that the query gives to what it computes."""


def parse(text: str) -> Query:
    """Read a query. Its commands must be known, and a name must be made before it is used as anything but a field."""
    query = Query()
    for command in (part.strip() for part in text.split("|")):
        word, _, rest = command.partition(" ")
        match word:
            case "SOURCE":
                continue
            case "fields" | "filter":
                _read(rest, query)
            case "stats":
                computed, by, groups = rest.rpartition(" by ")
                _read(computed if by else rest, query)
                _read(groups if by else "", query)
            case "sort":
                _read(rest, query)
            case "limit":
                if not 1 <= int(rest) <= 10_000:
                    raise InvalidQuery(command)
            case _:
                raise InvalidQuery(command)
    return query


def _read(text: str, query: Query) -> None:
    text = _TEXT.sub("", text)
    if text.count("(") != text.count(")"):
        raise InvalidQuery(text)
    if unknown := set(_FUNCTION.findall(text)) - FUNCTIONS:
        raise InvalidQuery(f"unknown functions: {unknown}")
    made = set(re.findall(r"\bas ([A-Za-z_]\w*)", text))
    names = set(_NAME.findall(_FUNCTION.sub("(", text))) - WORDS
    query.fields |= names - made - query.made
    query.made |= made
