"""Only those who know a secret get in, and an empty one is no secret."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.capture.http.access import Access

ACCESS = Access(["token-one", "token-two"], form_keys=["public"], admin_tokens=["root"])


@pytest.mark.parametrize("header", ["Bearer token-one", "bearer token-two", "BEARER  token-one "])
def test_a_known_token_gets_in(header: str) -> None:
    assert ACCESS.may_send(header)


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "token-one", "Basic token-one", "Bearer token-on", "Bearer root", "Bearer \udc80"],
)
def test_anything_else_does_not(header: str | None) -> None:
    assert not ACCESS.may_send(header)


@given(st.text())
def test_no_text_opens_what_has_no_secret(text: str) -> None:
    nobody = Access([""], form_keys=[""], admin_tokens=[])
    assert not nobody.may_send(f"Bearer {text}")
    assert not nobody.is_form(text)
    assert not nobody.may_administer(f"Bearer {text}")


def test_each_secret_opens_its_own_door_only() -> None:
    assert ACCESS.may_administer("Bearer root")
    assert not ACCESS.may_administer("Bearer token-one")
    assert ACCESS.is_form("public")
    assert not ACCESS.is_form("token-one")
    assert not ACCESS.is_form("")
