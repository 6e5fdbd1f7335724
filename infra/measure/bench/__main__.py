"""Builds the functions, measures `deliver`, and prints the figures in a few lines."""

import platform
from statistics import median

from infra.local import environment, reproducible
from infra.local.building import BOOTSTRAP, MODE, build
from infra.local.processes import Failure, command, finish
from infra.local.run import step
from infra.measure.artifact import newest_glibc, zip_bytes

from .certificate import untrusted
from .cost import cost, refused_handshake_ms, settings
from .startup import init_ms

RUNS = 40
HELLO = environment.ROOT / "target" / "lambda" / "hello" / "bootstrap"


def main() -> int:
    """Measure, print the figures, and return the command's status."""
    if MODE != "release":
        raise Failure("A bench of anything but the release build says nothing.")
    with step("Building deliver"):
        build()
    with step("Building the hello-world on the same runtime"):
        build_hello()
    hello, deliver = init_ms([HELLO, BOOTSTRAP], settings("http://127.0.0.1:9", ""), RUNS)
    print(
        f"""
Start to first request for work, median of {RUNS} each, in turn
  hello-world        {hello:7.2f} ms
  deliver            {deliver:7.2f} ms   {deliver / hello:.2f} times""",
        flush=True,
    )
    tls = untrusted()
    plain = median(cost(BOOTSTRAP, 1, 1).ms for _ in range(RUNS))
    handshake = median(refused_handshake_ms(BOOTSTRAP, tls) for _ in range(RUNS))
    print(
        f"""
First event of a new process, median of {RUNS}, with the answers of this command's servers
  over http          {plain:7.2f} ms
  over https         {handshake:7.2f} ms   to a certificate that it refuses""",
        flush=True,
    )
    print("\nDelivery over http of a call of two kilobytes: the function's own CPU time and memory", flush=True)
    for size, batches in ((1, 4000), (10, 800)):
        run = cost(BOOTSTRAP, batches, size)
        print(
            f"  batches of {size:2}      {run.cpu_ms_per_event:7.3f} ms CPU an event   {run.peak_mib:5.1f} MiB peak",
            flush=True,
        )
    glibc = ".".join(str(part) for part in newest_glibc(BOOTSTRAP))
    print(f"""
Artifact
  zip                {zip_bytes(BOOTSTRAP.parent) / 1e6:7.2f} MB
  bootstrap          {BOOTSTRAP.stat().st_size / 1e6:7.2f} MB, for {environment.ARCHITECTURE}, needs glibc {glibc}
Machine: {platform.machine()}, {platform.system()} {platform.release()}""")
    return 0


def build_hello() -> None:
    """Build the example with the release profile and the linker that `sam build` uses."""
    argv = ["cargo", "lambda", "build", "--release", "--locked", "--example", "hello"]
    folder = environment.ROOT / "functions" / "deliver"
    finish(argv, reproducible.building(), environment.RUN / "hello.build.log", folder, "Building hello")


if __name__ == "__main__":
    command(main)
