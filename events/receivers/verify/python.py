from standardwebhooks import Webhook


def verify(secret, headers, body):
    """Gives the event, or raises WebhookVerificationError, or ValueError for a malformed header."""
    return Webhook(secret).verify(body, headers)
