"""Secrets inside the trigger of a draft: sealed before they are stored, opened only to be used.

Promises: no secret stands in the database, an answer or a file as it was typed; a sealed one opens
only for the zap that it was typed for, so copying it elsewhere gives nothing.
"""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from flowforge.actions import POLLERS
from flowforge.engine.triggers import Verify, settings_of
from flowforge.errors import Invalid
from flowforge.infra.vault import Vault, VaultError

MARK = "sealed:"
LONGEST_BYTES = 4_000
_SECRET = "trigger.settings.verify.secret"  # noqa: S105 - a path
_OF_ANOTHER = "This was sealed for another zap, so it means nothing here. Type the secret again."

Definition = Mapping[str, Any]


class _Place(NamedTuple):
    """Where in a trigger's settings a secret stands."""

    path: str
    holder: Any
    key: Any

    @property
    def text(self) -> Any:
        return self.holder[self.key]


def seal(
    definition: Definition, zap_id: str, vault: Vault, before: Definition | None = None
) -> dict[str, Any]:
    """A copy with every secret sealed for ``zap_id``; what is sealed already stays as it is, and so
    does what was typed again as it was sealed ``before``: that is no change of the draft.

    Raises: Invalid where something was sealed for another zap (``foreign_secret``), or is too long.
    """
    known = _known(before, zap_id, vault)

    def sealed(place: _Place) -> str:
        text = str(place.text)
        if not is_sealed(text):
            raw = text.encode("utf-8", "surrogatepass")
            if len(raw) > LONGEST_BYTES:
                raise _refused(place, f"A secret may have at most {LONGEST_BYTES} bytes.")
            return known.get(text) or MARK + vault.seal(raw, _purpose(zap_id))
        if text not in known.values() and not _opens(text, zap_id, vault):
            raise _refused(place, _OF_ANOTHER, "foreign_secret")
        return text

    return _changed(definition, sealed)


def plain(definition: Definition, zap_id: str, vault: Vault) -> dict[str, Any]:
    """A copy with its secrets as they were typed, for another zap's draft, which seals them anew;
    what cannot be opened any more is left out. Not to be shown or stored.
    """

    def typed(place: _Place) -> str:
        try:
            return open_text(place.text, zap_id, vault)
        except VaultError:
            return ""

    return _changed(definition, typed)


def without(definition: Definition) -> dict[str, Any]:
    """A copy with no secret in it, sealed or not: each is to be typed again."""
    after = _changed(definition, lambda _: "")
    for verify in _verifies(after.get("trigger")):
        verify.pop("secrets", None)
    return after


def empty(definition: Definition) -> list[str]:
    """The paths of secrets that are to be typed; all in ``verify.secret``, whatever stands beside."""
    trigger = definition.get("trigger")
    if not isinstance(trigger, dict):
        return []
    found = [place.path for place in _places(trigger) if place.text == ""]
    if any("secret" not in verify for verify in _verifies(trigger)):
        found.append(_SECRET)
    return list(dict.fromkeys(found))


def unsealed(definition: Definition) -> dict[str, Any]:
    """A copy without what was sealed, wherever it was."""
    return _changed(definition, lambda place: "" if is_sealed(place.text) else str(place.text))


def opened(verify: Verify, zap_id: str, vault: Vault) -> Verify:
    """``verify`` with its secrets as they were typed.

    Raises: VaultError where the key is gone.
    """
    return verify.model_copy(
        update={
            "secret": open_text(verify.secret, zap_id, vault),
            "secrets": tuple(open_text(each, zap_id, vault) for each in verify.secrets),
            "verify_token": open_text(verify.verify_token, zap_id, vault),
        }
    )


def opened_inputs(
    inputs: Mapping[str, Any], secret_fields: frozenset[str], zap_id: str, vault: Vault
) -> dict[str, Any]:
    """The inputs of a poll with its secrets as they were typed. Raises: VaultError."""
    return {
        key: open_text(value, zap_id, vault) if key in secret_fields and is_sealed(value) else value
        for key, value in inputs.items()
    }


def open_text(text: str, zap_id: str, vault: Vault) -> str:
    """What was typed; a text that is not sealed is itself. Raises: VaultError."""
    if not is_sealed(text):
        return text
    plain = vault.open(text.removeprefix(MARK), _purpose(zap_id))
    return plain.decode("utf-8", "surrogatepass")


def is_sealed(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(MARK)


def _changed(definition: Definition, change: Callable[[_Place], str]) -> dict[str, Any]:
    after = dict(definition)
    if not isinstance(after.get("trigger"), dict):
        return after
    after["trigger"] = copy.deepcopy(after["trigger"])
    for place in list(_places(after["trigger"])):
        if isinstance(place.text, str) and place.text:
            place.holder[place.key] = change(place)
    return after


def _places(trigger: dict[str, Any]) -> Iterator[_Place]:
    """Every place where a secret may stand."""
    poller = POLLERS.get(str(settings_of(trigger).get("trigger", "")))
    secret_inputs = poller.secret_fields if poller is not None else frozenset[str]()
    # What stands beside ``kind`` is one of the settings as well.
    for settings in (trigger, trigger.get("settings")):
        if not isinstance(settings, dict):
            continue
        verify, inputs = settings.get("verify"), settings.get("inputs")
        at = "trigger.settings"
        yield from _of(settings, ("token",), at)
        if isinstance(verify, dict):
            yield from _of(verify, ("secret", "verify_token"), f"{at}.verify")
            rotated = verify.get("secrets")
            if isinstance(rotated, list):
                for number in range(len(rotated)):
                    yield _Place(f"{at}.verify.secrets[{number}]", rotated, number)
        if isinstance(inputs, dict):
            yield from _of(inputs, secret_inputs, f"{at}.inputs")


def _verifies(trigger: Any) -> list[dict[str, Any]]:
    if not isinstance(trigger, dict):
        return []
    holders = [each for each in (trigger, trigger.get("settings")) if isinstance(each, dict)]
    return [each["verify"] for each in holders if isinstance(each.get("verify"), dict)]


def _known(before: Definition | None, zap_id: str, vault: Vault) -> dict[str, str]:
    """What is sealed there already, by what it was typed as."""
    trigger = before.get("trigger") if before is not None else None
    if not isinstance(trigger, dict):
        return {}
    sealed = [str(place.text) for place in _places(trigger) if is_sealed(place.text)]
    return {open_text(each, zap_id, vault): each for each in sealed if _opens(each, zap_id, vault)}


def _opens(text: str, zap_id: str, vault: Vault) -> bool:
    try:
        open_text(text, zap_id, vault)
    except VaultError:
        return False
    return True


def _refused(place: _Place, message: str, code: str | None = None) -> Invalid:
    return Invalid(message, code=code, details=[{"path": place.path, "message": message}])


def _of(holder: dict[str, Any], keys: Iterable[str], path: str) -> Iterator[_Place]:
    return (_Place(f"{path}.{key}", holder, key) for key in keys if key in holder)


def _purpose(zap_id: str) -> str:
    return f"zap:{zap_id}:trigger"
