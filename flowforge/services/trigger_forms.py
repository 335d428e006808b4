"""The forms of triggers: which controls each kind has, what they show, and what their texts mean.

Pure. A control is named by its place in the settings, as ``verify.secret``. Promises: only what a
scheme needs is asked for; a secret is never shown; another scheme or kind keeps nothing of the one
before that means something else there.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from flowforge.actions import POLLERS
from flowforge.engine.triggers import TOLD_APPS, settings_of
from flowforge.errors import FlowForgeError, Invalid
from flowforge.services.verify_words import ALGORITHMS, SCHEMES
from flowforge.services.verifying.tokens import JWT_ALGORITHMS

Draft = dict[str, Any]
Control = dict[str, Any]
NO_SCHEME = "none"
# What is chosen here decides which controls there are.
DECIDING = ("verify.scheme", "app")
APPS = {"": "Choose an app", "github": "GitHub", "slack": "Slack", "stripe": "Stripe"}
FIELD_KINDS = {
    "text": "Short text",
    "long_text": "Long text",
    "number": "Number",
    "email": "E-mail address",
    "date": "Date",
    "yes_no": "Yes or no",
    "choice": "Choice",
    "file": "File",
}
_MISSED = {"run_once": "Run once, for the last of them", "skip": "Leave them out"}
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
_EITHER = {"cron": "every_seconds", "every_seconds": "cron"}
_NUMBERS = {"type": "number"}
_WHOLE = {"type": "integer"}


def schema(trigger: Mapping[str, Any]) -> dict[str, Any]:
    """The controls of the trigger's form, like the schema of an action's inputs."""
    make = _FORMS.get(str(trigger.get("kind")))
    return make(settings_of(trigger)) if make else _form()


def values(trigger: Mapping[str, Any]) -> dict[str, Any]:
    """What the controls show, by their names."""
    settings = settings_of(trigger)
    found = {name: _at(settings, name) for name in schema(trigger)["properties"]}
    if "verify.scheme" in found:
        found["verify.scheme"] = found["verify.scheme"] or NO_SCHEME
    if "verify.secrets" in found:
        found["verify.secrets"] = next(iter(found["verify.secrets"] or ()), None)
    return {name: value for name, value in found.items() if value not in (None, "")}


def control(trigger: Mapping[str, Any], name: str) -> Control:
    """Raises: Invalid for a control that the form does not have."""
    known: dict[str, Control] = schema(trigger)["properties"]
    if name not in known:
        raise Invalid(f"This trigger has no field '{name}'.", code="unknown_input")
    return known[name]


def filled(draft: Draft, name: str, value: Any) -> Draft:
    """The draft with what one control says; an empty text is the same as nothing."""
    trigger = trigger_of(draft)
    control(trigger, name)
    settings = deepcopy(settings_of(trigger))
    if name == "verify.scheme":
        _set_scheme(settings, str(value))
        return with_settings(draft, settings)
    if name == "verify.secrets":
        value = [value] if value else None
    _put(settings, name, None if value in ("", []) else value)
    if name == "app" and value not in TOLD_APPS:
        settings.pop("register_at", None)
    if name in _EITHER and value not in (None, ""):
        settings.pop(_EITHER[name], None)
    if isinstance(settings.get("rate"), dict) and "limit" not in settings["rate"]:
        settings.pop("rate")
    return with_settings(draft, settings)


def reason(problem: FlowForgeError) -> str:
    """Why a control's text cannot be kept, to stand beside it."""
    first = next(iter(problem.details or ()), {})
    return str(first.get("message") or problem.message)


def trigger_of(draft: Mapping[str, Any]) -> dict[str, Any]:
    """Raises: Invalid while no trigger is chosen."""
    trigger = draft.get("trigger")
    if not trigger:
        raise Invalid("Choose what starts this zap first.")
    return dict(trigger)


def with_settings(draft: Draft, settings: dict[str, Any]) -> Draft:
    """Settings that stood beside the kind stand inside of ``settings`` from now on."""
    return {**draft, "trigger": {"kind": trigger_of(draft)["kind"], "settings": settings}}


def _control(title: str, widget: str, hint: str = "", **more: Any) -> Control:
    return {"title": title, "widget": widget, "description": hint, **more}


def _select(title: str, names: Mapping[str, str], hint: str = "", **more: Any) -> Control:
    return _control(title, "select", hint, enum=list(names), names=dict(names), **more)


def _form(*required: str, **controls: Control) -> dict[str, Any]:
    return _ordered(controls, required)


def _ordered(controls: Mapping[str, Control], required: tuple[str, ...] = ()) -> dict[str, Any]:
    ordered = {name: {**one, "order": at} for at, (name, one) in enumerate(controls.items())}
    return {"properties": ordered, "required": list(required)}


def _webhook(settings: Mapping[str, Any]) -> dict[str, Any]:
    scheme = str(_at(settings, "verify.scheme") or "")
    names = {NO_SCHEME: "Not at all: whoever has the URL"}
    names |= {key: words.name for key, words in SCHEMES.items()}
    controls = {
        "verify.scheme": _select("How senders prove who they are", names, default=NO_SCHEME)
    }
    required: tuple[str, ...] = ()
    if words := SCHEMES.get(scheme):
        controls["verify.secret"] = _control(words.secret, "secret", words.hint)
        required = ("verify.secret", *(f"verify.{name}" for name in words.required))
        for name in words.fields:
            controls[f"verify.{name}"] = deepcopy(_VERIFY[name])
        if words.rotates:
            controls["verify.secrets"] = _control(
                "Another that will do as well",
                "secret",
                "While one replaces the other at the sender.",
            )
    controls |= deepcopy(_WEBHOOK)
    return _ordered(controls, required)


_VERIFY: dict[str, Control] = {
    "header": _control("Header", "text", "Where the signature or the secret stands."),
    "algorithm": _select("Algorithm", ALGORITHMS, default="sha256"),
    "encoding": _select(
        "Written as", {"hex": "Hexadecimal", "base64": "Base64"}, default="hex"
    ),
    "prefix": _control("Before the signature", "text", "Such as sha256="),
    "template": _control(
        "What is signed", "text", "Of {body}, {timestamp}, {id}, {url} and {method}.",
        default="{body}",
    ),
    "timestamp_header": _control("Header of the signed time", "text"),
    "id_header": _control("Header of the id", "text"),
    "username": _control("User name", "text"),
    "algorithms": _control(
        "Algorithms", "multiselect", "None: HS256 alone.", enum=list(JWT_ALGORITHMS)
    ),
    "audience": _control("Audience", "text"),
    "issuer": _control("Issuer", "text"),
    "url": _control("Public URL", "text", "Where senders see another one than the URL above."),
    "verify_token": _control("Verify token", "secret", "You write it down there as well."),
    "tolerance_seconds": _control(
        "Oldest signature, in seconds", "number", default=300, **_NUMBERS
    ),
}  # fmt: skip
_WEBHOOK: dict[str, Control] = {
    "methods": _control("Methods", "multiselect", "None: any.", enum=list(_METHODS)),
    "allow_from": _control(
        "Addresses that may send", "list", "Without any, all may.", placeholder="203.0.113.0/24"
    ),
    "rate.limit": _control("Most requests", "number", "Whoever sends them.", **_WHOLE),
    "rate.per_seconds": _control("In so many seconds", "number", default=60, **_WHOLE),
    "schema": _control(
        "JSON Schema of the body", "json", "What does not fit it is rejected, and says why."
    ),
    "dedupe_key": _control(
        "Same request if equal", "text",
        "Such as {{ trigger.body.id }}: a second one with the same value starts nothing.",
    ),
}  # fmt: skip


def _schedule(_settings: Mapping[str, Any]) -> dict[str, Any]:
    return _form(
        cron=_control(
            "At times", "text", "Minute, hour, day, month, weekday: 0 9 * * 1-5 is 9:00 on weekdays.",
            placeholder="0 9 * * 1-5",
        ),
        every_seconds=_control("Or every so many seconds", "number", **_WHOLE),
        timezone=_control("Time zone", "text", "Such as Europe/Berlin.", default="UTC"),
        missed=_select("Times at which nobody was there", _MISSED, default="run_once"),
        alarm_after_seconds=_control(
            "Tell me if it did not run for so many seconds", "number", **_WHOLE
        ),
    )  # fmt: skip


def _poll(settings: Mapping[str, Any]) -> dict[str, Any]:
    poller = POLLERS.get(str(settings.get("trigger", "")))
    inside = poller.json_schema() if poller else {"properties": {}}
    by_order = sorted(inside["properties"].items(), key=lambda each: each[1]["order"])
    controls = {f"inputs.{name}": _polled(one) for name, one in by_order}
    controls["every_seconds"] = _control(
        "Look every so many seconds", "number", default=300, **_WHOLE
    )
    required = tuple(f"inputs.{name}" for name in inside.get("required", ()))
    hints = [{**hint, "before": f"inputs.{hint['before']}"} for hint in inside.get("hints", ())]
    return {**_ordered(controls, required), "hints": hints}


def _polled(control: Control) -> Control:
    """As the poller declares it, with the names that its inputs have here."""
    asks = control.get("asks")
    if asks is None:
        return dict(control)
    depends_on = [f"inputs.{name}" for name in asks["depends_on"]]
    return {**control, "asks": {**asks, "depends_on": depends_on}}


def _app(settings: Mapping[str, Any]) -> dict[str, Any]:
    controls = {
        "app": _select("App", APPS, default=""),
        "event": _control(
            "Event", "text", "In the app's own word, such as push. * is every one.", default="*"
        ),
    }
    if settings.get("app") == "github":
        controls["register_at"] = _control(
            "Repository",
            "text",
            "owner/repo: the hook is made there when the zap is published. Empty: make it yourself.",
            placeholder="octocat/hello",
        )
    return _ordered(controls, ("app",))


def _page(_settings: Mapping[str, Any]) -> dict[str, Any]:
    return _form(
        title=_control("Title", "text"),
        description=_control("What it is about", "textarea"),
        button=_control("Words on the button", "text", default="Send"),
        thanks=_control("Said afterwards", "textarea", default="Thank you."),
    )


_FORMS: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "webhook": _webhook,
    "schedule": _schedule,
    "poll": _poll,
    "app": _app,
    "form": _page,
}


def _set_scheme(settings: dict[str, Any], scheme: str) -> None:
    before = _at(settings, "verify.scheme") or NO_SCHEME
    if scheme == before:
        return
    settings.pop("verify", None)
    if scheme != NO_SCHEME:
        settings["verify"] = {"scheme": scheme}


def _at(settings: Mapping[str, Any], name: str) -> Any:
    found: Any = settings
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _put(settings: dict[str, Any], name: str, value: Any) -> None:
    *outer, last = name.split(".")
    place = settings
    for part in outer:
        inside = place.get(part)
        place[part] = dict(inside) if isinstance(inside, Mapping) else {}
        place = place[part]
    if value is None:
        place.pop(last, None)
    else:
        place[last] = value
