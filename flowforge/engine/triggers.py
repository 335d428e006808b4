"""What starts a zap, as data: the seven kinds of trigger and what each can be told.

``settings`` may be left out; what stands beside ``kind`` is read as one of the settings, because
``{"kind": "schedule", "cron": "0 9 * * *"}`` says all there is to say.
"""

import ipaddress
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from flowforge.engine import cron, schemas
from flowforge.engine.conditions import Data, When

LONGEST_INTERVAL = 31 * 86_400
SHORTEST_INTERVAL = 10
MOST_FIELDS = 100
MOST_SECRETS = 10

# Apps that can be told where to send.
TOLD_APPS = frozenset({"github"})
# A name that is only dots would be another path.
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,38}/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}")

Text = Annotated[str, Field(max_length=2000)]
Secret = Annotated[str, Field(max_length=10_000)]
Scheme = Literal[
    "github", "stripe", "slack", "shopify", "twilio", "standard_webhooks", "discord", "meta",
    "zoom", "ms_graph", "dropbox", "mailgun", "typeform", "linear", "gitlab",
    "hmac", "basic", "bearer", "header", "jwt",
]  # fmt: skip


class Verify(Data):
    """How a request proves where it comes from. ``secrets``: any of them will do, while one takes
    the other's place; ``secret`` is one of them.

    What ``hmac`` needs: ``header``, ``algorithm``, ``encoding``, ``prefix`` (before the signature),
    ``template`` (of what is signed: ``{body}``, ``{timestamp}``, ``{id}``, ``{url}``, ``{method}``),
    ``timestamp_header``, ``id_header``. ``basic``: ``username`` and a secret. ``header``: ``header``.
    ``jwt``: ``algorithms``, ``audience``, ``issuer``. ``twilio``: ``url`` where the public URL is not ours.
    ``meta``: ``verify_token``. ``tolerance_seconds``: how far a signed time may be from now.
    """

    scheme: Scheme
    secret: Secret = ""
    secrets: Annotated[tuple[Secret, ...], Field(max_length=MOST_SECRETS)] = ()
    header: Text = ""
    algorithm: Literal["sha1", "sha256", "sha384", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: Text = ""
    template: Text = "{body}"
    timestamp_header: Text = ""
    id_header: Text = ""
    username: Text = ""
    algorithms: Annotated[tuple[Text, ...], Field(max_length=10)] = ()
    audience: Text = ""
    issuer: Text = ""
    url: Text = ""
    verify_token: Secret = ""
    tolerance_seconds: float = Field(default=300, gt=0, le=86_400)


class Handshake(Data):
    """A request that only asks whether somebody is there: it is answered, and starts nothing.

    ``where`` and ``name`` say how it is known; the answer is the value found there, or ``body``.
    """

    where: Literal["header", "query", "body"]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    status: int = Field(default=200, ge=200, le=599)
    body: Text | None = None


class Rate(Data):
    """At most ``limit`` requests in ``per_seconds``, whoever sends them."""

    limit: int = Field(ge=1, le=1_000_000)
    per_seconds: int = Field(default=60, ge=1, le=86_400)


class WebhookSettings(Data):
    """``methods``: empty for any. ``allow_from``: addresses and networks that may send; empty: all.
    ``schema``: a JSON Schema that the body must fit. ``when``: what else is only noted (filtered).
    ``dedupe_key``: an expression whose value makes two requests the same one. ``metadata``: what a
    client of the first FlowForge gave along; kept, and read by nothing.
    """

    verify: Verify | None = None
    handshake: Handshake | None = None
    methods: Annotated[tuple[str, ...], Field(max_length=10)] = ()
    allow_from: Annotated[tuple[str, ...], Field(max_length=100)] = ()
    rate: Rate | None = None
    body_schema: dict[str, Any] | None = Field(default=None, alias="schema")
    when: When | None = None
    dedupe_key: Text = ""
    metadata: Any = None

    @field_validator("methods")
    @classmethod
    def _known_methods(cls, methods: tuple[str, ...]) -> tuple[str, ...]:
        known = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}
        upper = tuple(method.upper() for method in methods)
        if wrong := sorted(set(upper) - known):
            raise ValueError(f"'{wrong[0]}' is no method; use {', '.join(sorted(known))}")
        return upper

    @field_validator("body_schema")
    @classmethod
    def _usable_schema(cls, schema: dict[str, Any] | None) -> dict[str, Any] | None:
        if schema is not None and (problem := schemas.problem(schema)):
            raise ValueError(problem)
        return schema

    @field_validator("allow_from")
    @classmethod
    def _networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for network in networks:
            try:
                ipaddress.ip_network(network, strict=False)
            except ValueError as problem:
                raise ValueError(
                    f"'{network}' is no address or network such as 203.0.113.0/24"
                ) from problem
        return networks


class FormField(Data):
    """One field that a person fills in. ``options`` of a choice."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")]
    label: Annotated[str, Field(max_length=200)] = ""
    kind: Literal["text", "long_text", "number", "email", "date", "yes_no", "choice", "file"] = (
        "text"
    )
    required: bool = False
    help: Text = ""
    options: Annotated[tuple[str, ...], Field(max_length=200)] = ()


Fields = Annotated[tuple[FormField, ...], Field(max_length=MOST_FIELDS)]


class ManualSettings(Data):
    """``fields``: what whoever presses Run is asked first."""

    fields: Fields = ()


class FormSettings(Data):
    """A page of our own that anybody with its address may fill in."""

    title: Annotated[str, Field(max_length=200)] = ""
    description: Text = ""
    button: Annotated[str, Field(max_length=60)] = "Send"
    thanks: Text = "Thank you."
    fields: Fields = ()


class ScheduleSettings(Data):
    """Either ``cron`` (five fields) or ``every_seconds``. ``timezone``: an IANA name, looked up when
    it is published: which ones a machine knows is no matter of reading a definition. ``missed``:
    what becomes of times at which nobody was there: one run for the last of them, or none.
    ``alarm_after_seconds``: say so when it has not run for so long.
    """

    cron: Annotated[str, Field(max_length=200)] = ""
    every_seconds: int | None = Field(default=None, ge=SHORTEST_INTERVAL, le=LONGEST_INTERVAL)
    timezone: Annotated[str, Field(max_length=100)] = "UTC"
    missed: Literal["run_once", "skip"] = "run_once"
    alarm_after_seconds: int | None = Field(default=None, ge=60, le=LONGEST_INTERVAL)

    @field_validator("cron")
    @classmethod
    def _comes(cls, text: str) -> str:
        if text.strip():
            cron.parse(text)
        return text.strip()

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.cron and self.every_seconds is not None:
            raise ValueError("give either cron or every_seconds, not both")
        return self


class PollSettings(Data):
    """``trigger``: a key of the registry, such as ``rss``; ``inputs``: what it is told."""

    trigger: Annotated[str, Field(max_length=100)] = ""
    inputs: dict[str, Any] = Field(default_factory=dict)
    connection: str | None = None
    every_seconds: int = Field(default=300, ge=SHORTEST_INTERVAL, le=LONGEST_INTERVAL)


class AppSettings(Data):
    """What an app sends to the project's one URL for it. ``event``: such as ``push``, or ``*``;
    ``when`` narrows it further. ``register_at``: where the app is told of this zap at publishing, as
    ``owner/repo`` of GitHub; what it sends from there comes for this zap alone.
    """

    app: Annotated[str, Field(max_length=60)] = ""
    event: Annotated[str, Field(max_length=100)] = "*"
    when: When | None = None
    register_at: Text = ""
    connection: str | None = None

    @field_validator("register_at")
    @classmethod
    def _can_be_told(cls, place: str, info: ValidationInfo) -> str:
        place = place.strip()
        app = info.data.get("app") or ""
        if place and app and app not in TOLD_APPS:
            raise ValueError(f"nothing can be registered at {app}; leave it empty")
        if place and not _REPOSITORY.fullmatch(place):
            raise ValueError("give a repository as owner/repo, such as octocat/hello")
        return place


class ErrorSettings(Data):
    """Runs that failed, of these zaps; empty: of every other zap of the project."""

    zap_ids: Annotated[tuple[str, ...], Field(max_length=1000)] = ()


class _Trigger(Data):
    @model_validator(mode="before")
    @classmethod
    def _settings_beside_kind(cls, data: Any) -> Any:
        return {"kind": data.get("kind"), "settings": settings_of(data)} if _is_flat(data) else data


class WebhookTrigger(_Trigger):
    """Fires for every request to the zap's URL."""

    kind: Literal["webhook"]
    settings: WebhookSettings = WebhookSettings()


class ManualTrigger(_Trigger):
    """Fires when a person says so."""

    kind: Literal["manual"]
    settings: ManualSettings = ManualSettings()


class FormTrigger(_Trigger):
    """Fires when somebody fills in the zap's own page."""

    kind: Literal["form"]
    settings: FormSettings = FormSettings()


class ScheduleTrigger(_Trigger):
    """Fires at times."""

    kind: Literal["schedule"]
    settings: ScheduleSettings = ScheduleSettings()


class PollTrigger(_Trigger):
    """Asks somewhere, now and then, and fires for everything new."""

    kind: Literal["poll"]
    settings: PollSettings = PollSettings()


class AppTrigger(_Trigger):
    """Fires for what an app sends to the project."""

    kind: Literal["app"]
    settings: AppSettings = AppSettings()


class ErrorTrigger(_Trigger):
    """Fires when runs of other zaps fail."""

    kind: Literal["error"]
    settings: ErrorSettings = ErrorSettings()


Trigger = Annotated[
    WebhookTrigger
    | ManualTrigger
    | FormTrigger
    | ScheduleTrigger
    | PollTrigger
    | AppTrigger
    | ErrorTrigger,
    Field(discriminator="kind"),
]


def settings_of(trigger: Mapping[str, Any] | None) -> dict[str, Any]:
    """The settings of a trigger as it was written, wherever they stand."""
    if not trigger:
        return {}
    beside = {key: value for key, value in trigger.items() if key not in {"kind", "settings"}}
    inside = trigger.get("settings")
    return (inside if isinstance(inside, dict) else {}) | beside


def _is_flat(data: Any) -> bool:
    """Whether settings stand beside ``kind``; what makes no sense is left for the model to name."""
    if not isinstance(data, Mapping) or not data.keys() - {"kind", "settings"}:
        return False
    return isinstance(data.get("settings", {}), dict)
