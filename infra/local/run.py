"""`make run`: the whole way of one finished call on this machine, for a person to see.

Builds, deploys, plays a business with a receiver, finalises a sample call through the example of the call service, and
tells what arrived and whether its signatures are right. The stack then stays up for more until Ctrl-C; with `--once` it
ends, with status 0 if all was well.

The command prints names, ids and times of what arrives, never a transcript.
"""

import argparse
import json
import os
import shlex
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from infra.fakes.receiver import Answer, Received, Receiver, running_receiver

from . import environment
from .building import EXAMPLES, MODE, build, build_examples
from .business import Business, new_signing_secret, secret_text
from .demo_data import add_past_deliveries
from .mailbox import Mail, mails, verify
from .ministack import usable
from .processes import Failure, command, finish
from .signatures import internal_is_right, standard_is_right
from .stack import Stack, running_stack

SAMPLE = "events/samples/call.completed.short.json"
STATE = environment.RUN / "state.json"
ARRIVAL_SECONDS = 60
SENDER, OWNER = "notices@prosaas.example", "owner@demo.example"
"""The sender and the recipient of the demo's mails, which the local SES keeps."""
DASHBOARD = "/dashboard"
MAIL_SECONDS = 2
"""How often the local SES is asked for new mails."""
FINALISING, LINKING = EXAMPLES


def main() -> int:
    """Run the demonstration."""
    parser = argparse.ArgumentParser(prog="make run")
    parser.add_argument("--once", action="store_true")
    once = parser.parse_args().once
    port = _port()
    with ExitStack() as running:
        with step(f"Building the functions and the examples ({MODE})"):
            build()
            examples = build_examples()
        with step("Starting the local stack and deploying infra/template.yaml"):
            receiver = running.enter_context(running_receiver())
            mailing = {"NoticesFrom": SENDER, "DashboardUrl": receiver.url + DASHBOARD}
            stack = running.enter_context(running_stack(mailing, port=port))
            verify(stack, SENDER)
        business = demo_business(stack, receiver)
        with step("Letting the demo business have a past"):
            add_past_deliveries(stack, receiver, business)
        running.enter_context(_state(stack, receiver, business))
        started = time.time()
        with step(f"Finalising {SAMPLE}"):
            env = environment.using(stack.endpoint) | publishing(stack)
            run_example(examples[FINALISING], SAMPLE, env)
        [received] = receiver.wait("/demo", 1, ARRIVAL_SECONDS)
        verified = show(received, stack, business, started)
        env = environment.using(stack.endpoint) | letting_in(stack)
        link = run_example(examples[LINKING], business.id, env)
        # The mails link to the dashboard, which lets its own user in.
        receiver.script(DASHBOARD, Answer(302, headers={"Location": link.strip()}))
        print(f"\nThe owner's page, for the next 50 minutes:\n  {link.strip()}", flush=True)
        if once:
            return 0 if verified else 1
        _explain(stack, receiver, business, examples)
        with suppress(KeyboardInterrupt):
            _show_more(receiver, stack, business)
        print("\nStopping.")
    return 0


def run_example(program: Path, argument: str, env: dict[str, str]) -> str:
    """Run an example, and give what it prints."""
    log = environment.RUN / f"{program.name}.log"
    return finish([str(program), argument], env, log, environment.ROOT, program.name, seconds=60)


def demo_business(stack: Stack, receiver: Receiver) -> Business:
    """Set up the business that the samples belong to."""
    business = Business("demo", f"{receiver.url}/demo", new_signing_secret(), OWNER)
    business.save(stack)
    return business


def publishing(stack: Stack) -> dict[str, str]:
    """Give the variables that the example reads besides AWS's."""
    return {
        "EVENTS_QUEUE_URL": stack.outputs["EventsQueueUrl"],
        "CALL_STORE": str(environment.RUN / "calls"),
    }


def letting_in(stack: Stack) -> dict[str, str]:
    """Give the variables that the dashboard's example reads besides AWS's."""
    return {"PORTAL_URL": stack.outputs["PortalUrl"], "PORTAL_SECRET_ARN": stack.outputs["PortalSecretArn"]}


def _port() -> int | None:
    text = os.environ.get("PORT", "")
    if not text:
        return None
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise Failure(f"PORT={text} is not a port.")
    # Now rather than after minutes of building.
    return usable(int(text))


@contextmanager
def step(what: str) -> Iterator[None]:
    """Tell what is being done, and how long it took."""
    started = time.monotonic()
    print(f"{what} ... ", end="", flush=True)
    try:
        yield
    except BaseException:
        print("failed", flush=True)
        raise
    print(f"{time.monotonic() - started:.1f} s", flush=True)


@contextmanager
def _state(stack: Stack, receiver: Receiver, business: Business) -> Iterator[None]:
    # The file that `make invoke` reads to use this stack, and the variables that a shell needs to publish to it.
    held = {"endpoint": stack.endpoint, "outputs": stack.outputs, "process": os.getpid()}
    held |= {"receiver": receiver.url, "signing_secret": business.signing_secret}
    STATE.write_text(json.dumps(held, indent=2))
    variables = environment.credentials() | {"AWS_ENDPOINT_URL": stack.endpoint}
    variables |= publishing(stack) | letting_in(stack)
    shell = environment.RUN / "env"
    shell.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()))
    try:
        yield
    finally:
        STATE.unlink(missing_ok=True)
        shell.unlink(missing_ok=True)


def show(received: Received, stack: Stack, business: Business, started: float | None = None) -> bool:
    """Tell what arrived without its content, and return whether both its signatures are right."""
    headers = received.headers
    event = json.loads(received.body)
    internal = internal_is_right(received.body, headers, stack.internal_secret)
    standard = standard_is_right(received.body, headers, business.signing_secret)
    after = f", {(received.at - started) * 1000:.0f} ms after the call was finalised" if started else ""
    print(f"\nArrived: {headers.get('x-prosaas-event')} {headers.get('webhook-id')}")
    print(f"  attempt {headers.get('webhook-attempt')}{after}")
    print(f"  {len(event)} fields, {len(received.body)} bytes: {', '.join(event)}")
    print(f"  X-ProSaaS-Signature  {_judged(internal)} (HMAC-SHA256 of the bytes with the internal secret)")
    print(f"  webhook-signature    {_judged(standard)} (the official Standard Webhooks library)", flush=True)
    return internal and standard


def _judged(right: bool) -> str:
    return "right" if right else "WRONG"


def _explain(stack: Stack, receiver: Receiver, business: Business, examples: dict[str, Path]) -> None:
    receiver.script("/broken", Answer(404, b'{"code":404,"message":"This webhook is not registered."}'))
    env = (environment.RUN / "env").relative_to(environment.ROOT)
    log = (environment.RUN / "ministack.log").relative_to(environment.ROOT)
    print(
        f"""
The stack stays up until Ctrl-C. Publish another call from a second terminal:
  . {env} && {os.path.relpath(examples[FINALISING], environment.ROOT)} events/samples/call.completed.long.json
hand the function a batch:
  make invoke EVENT=events/sqs/batch_with_poisoned.json
or get another link to the owner's page:
  . {env} && {os.path.relpath(examples[LINKING], environment.ROOT)} demo

Connect a receiver of your own, such as a real n8n (README says how): save its URL on the page. It verifies by:
  signing secret     {business.signing_secret}
  as text, for n8n   {secret_text(business.signing_secret)}

On the page, {receiver.url}/demo is a URL that works, and {receiver.url}/broken one that does not. After five failed
attempts there, such as those of five calls, the mail to the owner is shown here.

  receiver           {receiver.url}
  endpoint           {stack.endpoint}
  events queue       {stack.outputs["EventsQueueUrl"]}
  dead-letter queue  {stack.outputs["DeadLetterQueueUrl"]}
  settings table     {stack.outputs["SettingsTableName"]}
  function           {stack.outputs["DeliverFunctionName"]}
  its log            {log}""",
        flush=True,
    )


def _show_more(receiver: Receiver, stack: Stack, business: Business) -> None:
    shown, shown_mails = 1, 0
    while True:
        with suppress(Failure):
            arrived = receiver.wait("/demo", shown + 1, seconds=MAIL_SECONDS)
            for received in arrived[shown:]:
                show(received, stack, business)
            shown = len(arrived)
        taken = mails(stack)
        for mail in taken[shown_mails:]:
            show_mail(mail)
        shown_mails = len(taken)


def show_mail(mail: Mail) -> None:
    """Show a mail's text, which holds nothing of a call."""
    text = "".join(f"  {line}\n" for line in mail.text.splitlines())
    print(f"\nMailed to {', '.join(mail.to)}: {mail.subject}\n\n{text}", flush=True)


if __name__ == "__main__":
    command(main)
