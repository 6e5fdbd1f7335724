"""Verification of a request's two signatures, as a business and the operator do it, without the project's Rust.

The operator's HMAC is computed by Python's library, the business's signature by the official Standard Webhooks library.
Both get only the bytes and headers that arrived, so a sender that signs other bytes than it sends fails here.
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
