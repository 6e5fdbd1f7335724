"""`make screenshots`: takes README's pictures anew, of the sample pages that portal's tests write into target/pages.

A picture of more than 100 KB is refused, since README shows all of them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from infra.local import environment
from infra.local.processes import Failure, command
from infra.tests.browsing import chromium

HERE = Path(__file__).parent
PAGES = environment.ROOT / "target" / "pages"
PHONE, DESKTOP = (360, 1000), (1100, 760)
PICTURES = {
    "phone": ("active", PHONE, "light"),
    "guide": ("guide-slack", PHONE, "light"),
    "delivery": ("delivery", PHONE, "light"),
    "dark": ("failing", PHONE, "dark"),
    "desktop": ("failing", DESKTOP, "light"),
}
"""Of each picture: its page, its size and its colours."""

MOST_BYTES = 100_000


def main() -> int:
    """Take all pictures, and return the command's status."""
    with served() as address, chromium() as browser:
        for name, (page, (width, height), scheme) in PICTURES.items():
            context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, locale="he")
            visit = context.new_page()
            visit.goto(f"{address}/{page}.html")
            picture = visit.screenshot(path=HERE / f"{name}.png")
            context.close()
            print(f"{name:10} {len(picture) / 1000:5.0f} KB")
            if len(picture) > MOST_BYTES:
                raise Failure(f"{name}.png is larger than {MOST_BYTES} bytes.")
    return 0


class Quiet(SimpleHTTPRequestHandler):
    """Serves the sample pages."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments, directory=str(PAGES))  # type: ignore[arg-type]

    def log_message(self, *_: object) -> None:
        """Write no line for a request."""


@contextmanager
def served() -> Iterator[str]:
    """Serve the sample pages for as long as the block lasts, and give their address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


if __name__ == "__main__":
    command(main)
