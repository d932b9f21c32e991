import base64
import hashlib
import hmac
import re
import time

TOLERANCE = 300
"""Seconds that a timestamp may lie before or after the receiver's clock."""


def verify_standard(key, headers, body, now=None):
    """Verifies webhook-signature (Standard Webhooks). key: as given (str), not its whsec_ form; headers: a mapping of
    names to values; body: the bytes as they came; now: epoch seconds."""
    given = _lower(headers)
    webhook_id = given.get("webhook-id", "")
    timestamp = given.get("webhook-timestamp", "")
    if webhook_id == "" or re.fullmatch(r"[0-9]{1,12}", timestamp) is None:
        return False
    if abs((time.time() if now is None else now) - int(timestamp)) > TOLERANCE:
        return False
    expected = "v1," + _sign(key, f"{webhook_id}.{timestamp}.".encode() + body)
    # While the key is changed there are two, with a blank between them.
    return any(_equal(signature, expected) for signature in given.get("webhook-signature", "").split(" "))


def verify_elements(key, headers, body):
    """Verifies Elements-Webhook-Signature, and while the key is changed Elements-Webhook-Signature-Next. It covers the
    body alone: it does not tell an old request from a new one."""
    given = _lower(headers)
    expected = "sha256=" + _sign(key, body)
    names = ("elements-webhook-signature", "elements-webhook-signature-next")
    return any(_equal(given.get(name, ""), expected) for name in names)


def _sign(key, message):
    return base64.b64encode(hmac.new(key.encode("utf-8"), message, hashlib.sha256).digest()).decode("ascii")


def _lower(headers):
    return {name.lower(): value for name, value in headers.items()}


def _equal(a, b):
    """Compares in a time that tells nothing of where two texts differ."""
    return hmac.compare_digest(a.encode("utf-8", "replace"), b.encode("utf-8", "replace"))
