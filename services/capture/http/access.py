"""Who may send what: bearer tokens for programs and administrators, public keys for HTML forms."""

from __future__ import annotations

from collections.abc import Iterable

from infra.http import Secrets


class Access:
    """What each secret opens."""

    def __init__(self, tokens: Iterable[str], form_keys: Iterable[str] = (), admin_tokens: Iterable[str] = ()) -> None:
        self._tokens = Secrets(tokens)
        self._form_keys = Secrets(form_keys)
        self._admins = Secrets(admin_tokens)

    def may_send(self, authorization: str | None) -> bool:
        """Tells whether an `Authorization` header lets its sender use the direct API."""
        return self._tokens.admit(authorization)

    def may_administer(self, authorization: str | None) -> bool:
        """Tells whether an `Authorization` header lets its sender erase a person."""
        return self._admins.admit(authorization)

    def is_form(self, key: str) -> bool:
        """Tells whether a public form key is one of ours."""
        return bool(key) and self._form_keys.contain(key)
