"""The template's memory and batch size, and what the model would choose.

At every latency less memory is cheaper, since a delivery waits and hardly computes, and what Lambda bills is the wait
times the memory. So the memory is the least that keeps the bounds here. A larger batch is never dearer: its attempts
wait side by side, and the longest wait is at most their sum. So the batch is the largest that Lambda makes without a
window (BatchSize 10); a window would delay each event.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from infra.local import environment
from infra.local.processes import Failure
from infra.local.template import Template, read

from . import assumptions as a
from .model import Configuration, Model

TEMPLATE = environment.ROOT / "infra" / "template.yaml"
MEMORIES_MB = (128, 192, 256, 512, 1024, 1769)
BATCHES = (1, 5, 10)
USUAL_LATENCY_MS = 300
"""A receiver that answers at once and works afterwards, as README asks."""

MAX_ALONE_SHARE = 0.1
"""So much of the usual receiver's wait may an event alone take of the CPU: then twice the CPU, by a slower processor or
a longer chain of certificates, changes neither the bill nor the delay by more than a tenth."""

MAX_COLD_MS = 300
"""So much longer may an environment's first invocation take."""

MAX_MEMORY_SHARE = 0.75

SPARE = 0.8
"""So much of each bound may be used. Two runs of the bench differ by a tenth, and the choice must not turn on it."""


@dataclass(frozen=True)
class Bounds:
    """What a size of memory means beside its price."""

    alone_ms: float
    """The CPU's part of an invocation with one event."""
    full_ms: float
    """The CPU's part of an invocation with ten events, all to different hosts."""
    cold_ms: float
    memory_share: float

    def broken(self) -> list[str]:
        """Name the bounds that are broken."""
        kept = {
            "event alone": self.alone_ms <= SPARE * MAX_ALONE_SHARE * USUAL_LATENCY_MS,
            # Otherwise the usual receiver's attempts last for the half second after which each costs two more writes.
            "full batch": self.full_ms <= SPARE * (a.IN_FLIGHT_AFTER_MS - USUAL_LATENCY_MS),
            "cold start": self.cold_ms <= SPARE * MAX_COLD_MS,
            "memory": self.memory_share <= SPARE * MAX_MEMORY_SHARE,
        }
        return [name for name, is_kept in kept.items() if not is_kept]


def bounds(model: Model, configuration: Configuration) -> Bounds:
    """Reckon what a configuration means beside its price."""
    return Bounds(
        alone_ms=model.cpu_ms(configuration.vcpu, 1),
        full_ms=model.cpu_ms(configuration.vcpu, max(BATCHES)),
        cold_ms=model.cold_ms(configuration.vcpu),
        memory_share=(model.figures.rss_6mb_mib + a.RESERVE_MIB) / configuration.memory_mb,
    )


def chosen(model: Model, configuration: Configuration, memories: Iterable[int] = MEMORIES_MB) -> Configuration:
    """Give the configuration with the least memory that keeps the bounds, the largest batch, and no window."""
    for memory in sorted(memories):
        candidate = replace(configuration, memory_mb=memory, batch_size=max(BATCHES), window_s=0)
        if not bounds(model, candidate).broken():
            return candidate
    raise Failure("No size of memory keeps the bounds of infra/measure/cost/choice.py.")


def deployed(path: Path = TEMPLATE) -> Configuration:
    """Read the template's configuration."""
    template = read(path)
    function = template["Resources"]["DeliverFunction"]["Properties"]
    mapping = function["Events"]["Published"]["Properties"]
    return Configuration(
        memory_mb=function["MemorySize"],
        batch_size=mapping["BatchSize"],
        window_s=mapping.get("MaximumBatchingWindowInSeconds", 0),
        concurrency=template["Parameters"]["MaximumConcurrency"]["Default"],
        retention_days=template["Parameters"]["RetentionDays"]["Default"],
    )


def alarm_metrics(template: Template) -> int:
    """Count the metrics of the alarms that no parameter switches off. An alarm on metric math pays for each metric."""
    alarms = [one for one in template["Resources"].values() if one["Type"] == "AWS::CloudWatch::Alarm"]
    return sum(
        sum("MetricStat" in metric for metric in alarm["Properties"].get("Metrics", [])) or 1
        for alarm in alarms
        if "Condition" not in alarm
    )


def secrets(template: Template) -> int:
    """Count the secrets."""
    return sum(one["Type"] == "AWS::SecretsManager::Secret" for one in template["Resources"].values())
