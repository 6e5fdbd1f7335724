"""Whether a request is signed as a business and as the operator were told, judged without any of the project's Rust.

The HMAC is Python's, the other one is the official Standard Webhooks library, and both see only what arrived: bytes and
headers. A sender that signs something other than what it sends fails here.
"""

import hashlib
import hmac
from collections.abc import Mapping

from standardwebhooks.webhooks import Webhook, WebhookVerificationError


def internal_is_right(body: bytes, headers: Mapping[str, str], secret: str) -> bool:
    """Tell whether X-ProSaaS-Signature is the lowercase hex HMAC-SHA256 of exactly these bytes."""
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, headers.get("x-prosaas-signature", ""))


def standard_is_right(body: bytes, headers: Mapping[str, str], secret: str) -> bool:
    """Tell whether webhook-id, -timestamp and -signature verify with a business's `whsec_` secret."""
    try:
        Webhook(secret).verify(body, dict(headers))
    except WebhookVerificationError:
        return False
    return True
