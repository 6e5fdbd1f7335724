"""The portal accepts tokens of this installation's secret, one algorithm, a subject, and an expiry within an hour."""

import hmac
import json
import time
from collections.abc import Callable

import pytest

from .logs import Confidential
from .portal import HEADER, HOUR, Owner, Portal, Reply, encoded, mint

pytestmark = pytest.mark.portal

LEEWAY = 60
SECONDS_OFF = 30
"""The distance of an expiry from the bound: a test that takes some seconds does not cross the bound."""


def claims(**changed: object) -> dict[str, object]:
    """Give the claims of a valid token with changes; None removes a claim."""
    both = {"sub": "b-forged", "exp": int(time.time()) + HOUR - LEEWAY} | changed
    return {name: value for name, value in both.items() if value is not None}


def header(**changed: object) -> dict[str, object]:
    """Give the header of a valid token with changes; None removes a member."""
    return {name: value for name, value in (HEADER | changed).items() if value is not None}


def unsigned(head: object, body: object, signature: str = "") -> str:
    """Make a token with this signature."""
    return f"{encoded(head)}.{encoded(body)}.{signature}"


def altered(key: str) -> str:
    """Combine one business's claims with the signature of another's token."""
    head, _, signature = mint(key, claims(sub="b-mine")).split(".")
    return f"{head}.{encoded(claims(sub='b-forged'))}.{signature}"


def headers_changed(key: str) -> str:
    """Change the header of a token after it was signed."""
    _, body, signature = mint(key, claims()).split(".")
    return f"{encoded(header(kid='1'))}.{body}.{signature}"


def cut(key: str) -> str:
    """Shorten the signature of a token."""
    return mint(key, claims())[:-8]


def hexadecimal(key: str) -> str:
    """Write a valid signature in hexadecimal."""
    signed = mint(key, claims()).rpartition(".")[0]
    return f"{signed}.{hmac.new(key.encode(), signed.encode(), 'sha256').hexdigest()}"


def own_key(_: str) -> str:
    """Make a token whose header contains its key."""
    return mint("mine", claims(), header(jwk={"kty": "oct", "k": encoded("mine")}, kid="mine", jku="https://a.example"))


NOW = int(time.time())
FORGED: dict[str, Callable[[str], str]] = {
    "another key": lambda _: mint("wrong", claims()),
    "an empty key": lambda _: mint("", claims()),
    "a key with a line end": lambda key: mint(f"{key}\n", claims()),
    "a key in the token": own_key,
    "another business in a signed token": altered,
    "another header on a signed token": headers_changed,
    "half a signature": cut,
    "a signature in hex": hexadecimal,
    "no signature": lambda _: unsigned(HEADER, claims()),
    "alg none": lambda _: unsigned(header(alg="none"), claims()),
    "alg None": lambda _: unsigned(header(alg="None"), claims()),
    "alg nOnE, signed": lambda key: mint(key, claims(), header(alg="nOnE")),
    "alg none, signed": lambda key: mint(key, claims(), header(alg="none")),
    "alg HS512": lambda key: mint(key, claims(), header(alg="HS512"), "sha512"),
    "alg HS384": lambda key: mint(key, claims(), header(alg="HS384"), "sha384"),
    "alg HS512 on an HS256 signature": lambda key: mint(key, claims(), header(alg="HS512")),
    "alg RS256": lambda key: mint(key, claims(), header(alg="RS256")),
    "alg in lower case": lambda key: mint(key, claims(), header(alg="hs256")),
    "alg as a list": lambda key: mint(key, claims(), header(alg=["HS256"])),
    "alg null": lambda key: mint(key, claims(), {"alg": None}),
    "no alg": lambda key: mint(key, claims(), header(alg=None)),
    "an extension that must be understood": lambda key: mint(key, claims(), header(crit=["exp"])),
    "a header that is no object": lambda key: mint(key, claims(), ["HS256"]),
    "a header that is no JSON": lambda key: mint(key, claims(), "alg=HS256"),
    "expired": lambda key: mint(key, claims(exp=NOW - LEEWAY - SECONDS_OFF)),
    "expired in 1970": lambda key: mint(key, claims(exp=0)),
    "expired before 1970": lambda key: mint(key, claims(exp=-1e18)),
    "valid for too long": lambda key: mint(key, claims(exp=int(time.time()) + HOUR + LEEWAY + SECONDS_OFF)),
    "valid in milliseconds": lambda key: mint(key, claims(exp=int((time.time() + HOUR) * 1000))),
    "valid for ever": lambda key: mint(key, '{"sub":"b-forged","exp":1e308}'),
    "valid beyond numbers": lambda key: mint(key, '{"sub":"b-forged","exp":1e999}'),
    "not valid yet": lambda key: mint(key, claims(nbf=int(time.time()) + HOUR)),
    "no exp": lambda key: mint(key, claims(exp=None)),
    "exp null": lambda key: mint(key, json.dumps({"sub": "b-forged", "exp": None})),
    "exp as text": lambda key: mint(key, claims(exp=str(NOW + HOUR // 2))),
    "no sub": lambda key: mint(key, claims(sub=None)),
    "an empty sub": lambda key: mint(key, claims(sub="")),
    "a sub of white space": lambda key: mint(key, claims(sub=" \u00a0\u3000")),
    "sub of 129 characters": lambda key: mint(key, claims(sub="ב" * 129)),
    "sub as a number": lambda key: mint(key, claims(sub=7)),
    "sub as a list": lambda key: mint(key, claims(sub=["b-forged"])),
    "sub with a line end": lambda key: mint(key, claims(sub="b-forged\n")),
    "sub with U+0000": lambda key: mint(key, claims(sub="b\0")),
    "sub with U+007F": lambda key: mint(key, claims(sub="b\x7f")),
    "sub with U+0085": lambda key: mint(key, claims(sub="b\x85")),
    "claims that are no object": lambda key: mint(key, [claims()]),
    "claims that are no JSON": lambda key: mint(key, "sub=b-forged"),
    "padding": lambda key: mint(key, claims()) + "=",
    "a fourth part": lambda key: mint(key, claims()) + ".e30",
    "an encrypted one's five parts": lambda key: mint(key, claims()) + ".e30.e30",
    "only two parts": lambda key: mint(key, claims()).rpartition(".")[0],
    "more than 4 KiB": lambda key: mint(key, claims(more="x" * 5000)),
    "dots": lambda _: "..",
    "a word": lambda _: "token",
    "nothing": lambda _: "",
}


A_FEW = (
    "another key",
    "another business in a signed token",
    "no signature",
    "alg none",
    "alg HS512",
    "expired",
    "valid for too long",
    "no sub",
    "nothing",
)
"""The forged tokens that are tried on every route. One function judges all tokens, so others need one route only."""

PAGES = [
    ("GET", "/"),
    ("GET", f"/deliveries/evt_{'0' * 32}"),
    ("GET", "/connect/slack"),
    ("GET", "/connect/n8n.json"),
    ("GET", "/connect/files/n8n_verify.json"),
    ("GET", "/events"),
    ("POST", "/test"),
    ("POST", "/settings"),
]


def refused(reply: Reply) -> bool:
    """Tell whether an answer of the API is a refusal without details."""
    return reply.problem(401).keys() <= {"type", "title", "status", "detail", "errors"}


@pytest.mark.parametrize("name", FORGED)
def test_no_forged_token_opens_the_api(portal: Portal, name: str) -> None:
    token = FORGED[name](portal.stack.portal_secret)
    assert refused(portal.send("GET", "/api/settings", token=token))


@pytest.mark.parametrize("name", A_FEW)
def test_forged_token_opens_no_route(portal: Portal, name: str) -> None:
    token = FORGED[name](portal.stack.portal_secret)
    guarded = [entry for entry in portal.operations() if entry[1] != "/api/openapi.json"]
    assert len(guarded) >= 9
    for method, path, _ in guarded:
        reply = portal.send(method, path.replace("{event_id}", f"evt_{'0' * 32}"), token=token)
        assert refused(reply), (method, path)


@pytest.mark.parametrize("name", FORGED)
def test_forged_token_opens_no_page(owner: Owner, name: str) -> None:
    portal, token = owner.portal, FORGED[name](owner.portal.stack.portal_secret)
    reply = portal.send("GET", f"/?token={token}")
    assert reply.status in (401, 403)
    assert reply.cookies == []
    cookie = owner.cookie().partition("=")[0]
    for method, path in PAGES if name in A_FEW else PAGES[:1]:
        reply = portal.send(method, path, headers={"Cookie": f"{cookie}={token}", "Sec-Fetch-Site": "same-origin"})
        assert reply.status in (401, 403), (method, path)
        assert "b-forged" not in reply.text


def test_token_signed_by_the_internal_secret_opens_nothing(portal: Portal) -> None:
    token = mint(portal.stack.internal_secret, claims())
    assert refused(portal.send("GET", "/api/settings", token=token))


def test_token_is_valid_until_its_expiry_of_an_hour_at_most_with_a_minute_of_leeway(portal: Portal) -> None:
    for seconds in (SECONDS_OFF, HOUR, HOUR + SECONDS_OFF, -SECONDS_OFF):
        token = portal.token("b-clock", seconds)
        assert portal.send("GET", "/api/settings", token=token).status == 200, seconds


@pytest.mark.parametrize("sub", ["b", "ב" * 128, "a b", "../../etc", "%00", '"}', "demo"])
def test_any_text_of_up_to_128_characters_can_be_a_business(
    portal: Portal, sub: str, confidential: Confidential
) -> None:
    token = portal.token(sub)
    confidential.add(token)
    assert portal.send("GET", "/api/settings", token=token).status == 200


def test_token_is_accepted_as_a_bearer_only(owner: Owner) -> None:
    portal, token = owner.portal, owner.token
    for path in (f"/api/settings?token={token}", f"/api/settings?access_token={token}"):
        assert refused(portal.send("GET", path))
    for value in (token, f"Basic {token}", f"Token {token}", f"Bearer{token}", f"Bearer  {token} x"):
        assert refused(portal.send("GET", "/api/settings", headers={"Authorization": value}))
    assert refused(portal.send("PUT", "/api/settings", {"generic_webhook_url": None, "token": token}))
    assert refused(portal.send("GET", "/api/settings", headers={"X-Token": token}))


def test_valid_token_in_the_query_does_not_help_a_forged_bearer(owner: Owner) -> None:
    reply = owner.portal.send("GET", f"/api/settings?token={owner.token}", token=mint("wrong", claims()))
    assert refused(reply)
