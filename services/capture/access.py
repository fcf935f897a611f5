"""Who may send what: bearer tokens for programs and administrators, public keys for HTML forms."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from hashlib import sha256


class Secrets:
    """A set of secrets that a given one is compared with in constant time, whatever its length."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Keeps only the secrets' hashes. Empty ones are left out: nothing sent must never be enough."""
        self._hashes = [_hash(secret) for secret in secrets if secret]

    def __bool__(self) -> bool:
        return bool(self._hashes)

    def contain(self, given: str) -> bool:
        """Whether `given` is one of them."""
        hashed = _hash(given)
        found = False
        for secret in self._hashes:  # all of them, so that the time tells nothing of which one matched
            found |= hmac.compare_digest(secret, hashed)
        return found


def _hash(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()


class Access:
    """What each secret opens."""

    def __init__(self, tokens: Iterable[str], form_keys: Iterable[str] = (), admin_tokens: Iterable[str] = ()) -> None:
        self._tokens = Secrets(tokens)
        self._form_keys = Secrets(form_keys)
        self._admins = Secrets(admin_tokens)

    def may_send(self, authorization: str | None) -> bool:
        """Whether an `Authorization` header lets its sender use the direct API."""
        return _holds(self._tokens, authorization)

    def may_administer(self, authorization: str | None) -> bool:
        """Whether an `Authorization` header lets its sender erase a person."""
        return _holds(self._admins, authorization)

    def is_form(self, key: str) -> bool:
        """Whether a public form key is one of ours."""
        return bool(key) and self._form_keys.contain(key)


def _holds(secrets: Secrets, authorization: str | None) -> bool:
    scheme, _, token = (authorization or "").partition(" ")
    return scheme.lower() == "bearer" and secrets.contain(token.strip())
