"""Sealed values open for their purpose only; hashes and signatures do not cross kinds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowforge.infra.vault import Vault, VaultError

OLD, NEW = "old-key-old-key-old", "new-key-new-key-new"
vault = Vault((NEW, OLD), "the-secret-key-of-tests")


@given(st.binary(max_size=100), st.text(max_size=20))
def test_what_is_sealed_opens_again(plaintext: bytes, aad: str) -> None:
    aad = aad.encode(errors="replace").decode()
    assert vault.open(vault.seal(plaintext, aad), aad) == plaintext


def test_the_same_value_is_never_sealed_to_the_same_text() -> None:
    assert vault.seal(b"a", "x") != vault.seal(b"a", "x")


def test_a_value_sealed_for_one_row_does_not_open_for_another() -> None:
    sealed = vault.seal(b"token", "connection:1")
    with pytest.raises(VaultError, match="belongs to something else"):
        vault.open(sealed, "connection:2")


@given(st.data())
def test_any_altered_character_is_noticed(data: st.DataObject) -> None:
    sealed = vault.seal(b"token", "x")
    place = data.draw(st.integers(0, len(sealed) - 2))  # the last one carries unused bits
    letter = data.draw(st.sampled_from("abcdefghijABCDEFGHIJ0123456789-_.é "))
    altered = sealed[:place] + letter + sealed[place + 1 :]
    if altered == sealed:
        return
    with pytest.raises(VaultError):
        vault.open(altered, "x")


@pytest.mark.parametrize("nonsense", ["", "v1", "v1..", "v1.abc", "v9.a.b", "v1.é.é", "." * 50])
def test_nonsense_is_a_vault_error(nonsense: str) -> None:
    with pytest.raises(VaultError):
        vault.open(nonsense, "x")


def test_an_older_key_still_opens_and_reseal_moves_to_the_newest() -> None:
    sealed = Vault((OLD,), "s").seal(b"token", "x")
    assert vault.open(sealed, "x") == b"token"
    moved = vault.reseal(sealed, "x")
    assert moved is not None
    assert Vault((NEW,), "s").open(moved, "x") == b"token"
    assert vault.reseal(moved, "x") is None


def test_a_missing_key_is_named_and_the_remedy_too() -> None:
    before = Vault((OLD,), "s")
    sealed = before.seal(b"token", "x")
    with pytest.raises(VaultError, match=f"{before.fingerprint}.*FLOWFORGE_ENCRYPTION_KEY"):
        Vault((NEW,), "s").open(sealed, "x")


def test_the_boot_check_knows_old_and_new_keys_but_no_others() -> None:
    assert vault.fingerprint == Vault((NEW,), "s").fingerprint
    assert vault.knows(Vault((OLD,), "s").fingerprint)
    assert not vault.knows(Vault(("another-key-another",), "s").fingerprint)


def test_a_vault_without_keys_does_not_open_for_business() -> None:
    for keys, secret in (((), "s"), (("",), "s"), ((NEW,), "")):
        with pytest.raises(VaultError):
            Vault(keys, secret)


def test_a_digest_depends_on_kind_token_and_secret_only() -> None:
    digest = vault.digest("verify", "abc")
    assert digest == Vault((OLD,), "the-secret-key-of-tests").digest("verify", "abc")
    others = {
        vault.digest("reset", "abc"),
        vault.digest("verify", "abd"),
        vault.digest("verifya", "bc"),
        Vault((NEW,), "another").digest("verify", "abc"),
    }
    assert len(others) == 4
    assert digest not in others
    assert len(digest) == 64


def test_a_signature_holds_for_its_text_and_kind_alone() -> None:
    signature = vault.sign("file", "id=1&until=9")
    assert vault.check("file", "id=1&until=9", signature)
    assert not vault.check("file", "id=2&until=9", signature)
    assert not vault.check("avatar", "id=1&until=9", signature)
    for wrong in ("", signature[:-1], signature + "a", "é", "\ud800"):
        assert not vault.check("file", "id=1&until=9", wrong)


def test_a_signature_is_not_a_digest() -> None:
    assert vault.sign("a", "b") != vault.digest("a", "b")


def test_nothing_printable_of_a_vault_shows_its_keys() -> None:
    shown = f"{vault!r} {vault} {vault.fingerprint}"
    assert OLD not in shown
    assert NEW not in shown
    assert "the-secret-key" not in shown
