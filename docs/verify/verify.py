import base64
import hashlib
import hmac
import re
import time

TOLERANCE = 300
"""Accepted difference between a timestamp and the receiver's clock, in seconds."""


def verify_standard(key, headers, body, now=None):
    """Verifies webhook-signature (Standard Webhooks). key: the key itself (str), not its whsec_ form; headers: a
    mapping of names to values; body: the bytes as received; now: epoch seconds."""
    given = _lower(headers)
    webhook_id = given.get("webhook-id", "")
    timestamp = given.get("webhook-timestamp", "")
    if webhook_id == "" or re.fullmatch(r"[0-9]{1,12}", timestamp) is None:
        return False
    if abs((time.time() if now is None else now) - int(timestamp)) > TOLERANCE:
        return False
    expected = "v1," + _sign(key, f"{webhook_id}.{timestamp}.".encode() + body)
    # During a key rotation there are two signatures, separated by a space.
    return any(_equal(signature, expected) for signature in given.get("webhook-signature", "").split(" "))


def verify_elements(key, headers, body):
    """Verifies Elements-Webhook-Signature and, during a key rotation, Elements-Webhook-Signature-Next. It covers only the
    body, so it does not detect an old request that is sent again."""
    given = _lower(headers)
    expected = "sha256=" + _sign(key, body)
    names = ("elements-webhook-signature", "elements-webhook-signature-next")
    return any(_equal(given.get(name, ""), expected) for name in names)


def _sign(key, message):
    return base64.b64encode(hmac.new(key.encode("utf-8"), message, hashlib.sha256).digest()).decode("ascii")


def _lower(headers):
    return {name.lower(): value for name, value in headers.items()}


def _equal(a, b):
    """Compares two strings in constant time."""
    return hmac.compare_digest(a.encode("utf-8", "replace"), b.encode("utf-8", "replace"))
