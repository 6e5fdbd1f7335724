"""The guard of a deployed function: with the default of UnsafeTargets, no address of this machine is dialled."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from infra.local.stack import Stack

from .business import TestBusiness
from .queues import DeadLetters


@contextmanager
def guarded(stack: Stack, output: str = "DeliverFunctionName") -> Iterator[None]:
    """Run a function with the template's default of UnsafeTargets."""
    functions = stack.client("lambda")
    name = stack.outputs[output]
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    functions.update_function_configuration(
        FunctionName=name, Environment={"Variables": variables | {"UNSAFE_TARGETS": "No"}}
    )
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})


def test_by_default_no_address_of_this_machine_is_dialled_however_it_is_spelt(
    business: TestBusiness, dead_letters: DeadLetters
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, guarded(business.stack):
        listener.setblocking(False)
        port = listener.getsockname()[1]
        hosts = ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]"]
        urls = [f"https://{host}:{port}{business.path}" for host in [*hosts, "[::]", "[64:ff9b::7f00:1]"]]
        businesses = [
            TestBusiness(f"{business.id}-{number}", business.stack, business.receiver, business.confidential)
            for number, _ in enumerate([*urls, "http"])
        ]
        for one, url in zip(businesses, [*urls, f"http://127.0.0.1:{port}{business.path}"], strict=True):
            one.settings.at(url).save(business.stack)
            one.publish()
        for one in businesses:
            assert one.logs(level="WARN")["cause"] == "blocked"
        # Until every attempt is spent, since a later attempt might dial.
        for one in businesses:
            dead_letters.wait(one.id)
        try:
            listener.accept()
        except BlockingIOError:
            return
    raise AssertionError("the function dialled an address of this machine")
