"""A zap's hook at a repository, kept as it is wanted: one turn, from what is there to what ought to be.

Promises: what the app may know is written before it is told, and it is asked before anything is made,
so that whoever dies makes no second hook and forgets none; no transaction is open meanwhile.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from flowforge.infra.failpoints import reach
from flowforge.services.github_hooks import GitHub, Hook, HookRefused, Target

BY_HAND = "Remove it there by hand."
_NO_SECRET = "GitHub has no secret here. Give it under Apps, with a token."  # noqa: S105 - a sentence
_NO_TOKEN = "GitHub has no token here with which to register a hook. Give one under Apps."  # noqa: S105 - a sentence


@dataclass(frozen=True, slots=True)
class Held:
    """A registration that was claimed, as it was then."""

    zap_id: str
    project_id: str
    app: str
    wanted: dict[str, Any] | None
    known: dict[str, Any] | None
    external_id: str | None
    sealed_token: str | None
    failures: int
    revision: int
    fence: int

    def is_ours(self, hook: Hook) -> bool:
        """By its id, or by the address that only this zap's hook has, whichever source it names."""
        has_our_tail = hook.url.endswith(f"?zap={self.zap_id}") and "/hooks/apps/" in hook.url
        return hook.id == self.external_id or has_our_tail


@dataclass(frozen=True, slots=True)
class Means:
    """What the project has to tell the app with. ``kept``: the token of a source that is gone."""

    url: str = ""
    secret: str = field(default="", repr=False)
    secret_mark: str = ""
    token: str = field(default="", repr=False)
    kept: str = field(default="", repr=False)

    @property
    def lack(self) -> str:
        """Why nothing can be registered; empty where it can."""
        if not self.url:
            return _NO_SECRET
        return "" if self.token else _NO_TOKEN


@dataclass(frozen=True, slots=True)
class Outcome:
    """``known`` and ``external_id`` as they are now. ``error`` is empty where all is well; then
    ``is_over`` says that only a person here can change it, ``lasts`` one there.
    """

    known: dict[str, Any] | None
    external_id: str | None
    error: str = ""
    wait: float | None = None
    lasts: bool = False
    is_over: bool = False


class Overtaken(Exception):
    """Something else is wanted by now, or somebody else has it in hand."""


class _Lacking(HookRefused):
    """There is nothing to do it with."""


Intend = Callable[[dict[str, Any]], Awaitable[bool]]
Door = Callable[[str], GitHub]


def failed(held: Held, problem: HookRefused) -> Outcome:
    """What came of a turn that could not begin."""
    return _failed(problem, held.known, held.external_id)


@dataclass(slots=True)
class Telling:
    """One turn: ``held`` brought to what is wanted, with ``having``.

    ``door`` opens the app for a token. ``intend`` writes what is about to be made known, before it
    is; False: ``Overtaken``.
    """

    held: Held
    having: Means
    door: Door
    intend: Intend
    known: dict[str, Any] | None = field(init=False)
    external_id: str | None = field(init=False)

    def __post_init__(self) -> None:
        self.known, self.external_id = self.held.known, self.held.external_id

    async def tell(self) -> Outcome:
        """Raises: Overtaken."""
        try:
            await self._make_it_so()
        except HookRefused as problem:
            return _failed(problem, self.known, self.external_id)
        return Outcome(self.known, self.external_id)

    async def _make_it_so(self) -> None:
        wanted, having = self.held.wanted, self.having
        if self.known is not None and self._is_past(self.known):
            await self._take_back(self.known["at"])
        if wanted is None:
            return
        if having.lack:
            raise _Lacking(having.lack, lasts=True)
        known = wanted | {"url": having.url, "secret": having.secret_mark}
        target = Target(having.url, tuple(wanted["events"]), having.secret)
        github = self.door(having.token)
        found = await github.find(wanted["at"], self.held.is_ours)
        if found:
            await self._mend(github, found, known, target)
        else:
            await self._make(github, known, target)

    def _is_past(self, known: dict[str, Any]) -> bool:
        wanted = self.held.wanted
        if wanted is None or wanted["at"] != known["at"]:
            return True
        return bool(self.having.lack and self.having.kept)

    async def _take_back(self, at: str) -> None:
        token = self.having.token or self.having.kept
        if not token:
            raise _Lacking(f"There is no token to remove the hook at {at} with. {BY_HAND}")
        github = self.door(token)
        try:
            for hook in await github.find(at, self.held.is_ours):
                with _told():
                    await github.remove(at, hook.id)
        except HookRefused as problem:
            # A repository that is gone has no hooks.
            if not problem.is_missing:
                raise
        self.known = self.external_id = None

    async def _make(self, github: GitHub, known: dict[str, Any], target: Target) -> None:
        await self._remember(known)
        with _told():
            self.external_id = await github.create(known["at"], target)

    async def _mend(
        self, github: GitHub, found: list[Hook], known: dict[str, Any], target: Target
    ) -> None:
        at = known["at"]
        if self.known is None:
            await self._remember(known)
        hook, *others = sorted(found, key=lambda one: one.id != self.external_id)
        for other in others:
            with _told():
                await github.remove(at, other.id)
        # Of a hook whose making nobody saw the end of, nobody knows the secret either.
        has_secret = (
            hook.id == self.external_id and (self.known or {}).get("secret") == known["secret"]
        )
        if not (has_secret and target.is_met_by(hook)):
            with _told():
                await github.change(at, hook.id, target)
        self.known, self.external_id = known, hook.id

    async def _remember(self, known: dict[str, Any]) -> None:
        if not await self.intend(known):
            raise Overtaken
        self.known, self.external_id = known, None


def _failed(problem: HookRefused, known: dict[str, Any] | None, external_id: str | None) -> Outcome:
    is_over = isinstance(problem, _Lacking)
    return Outcome(known, external_id, problem.reason, problem.wait, problem.lasts, is_over)


@contextmanager
def _told() -> Iterator[None]:
    reach("register.before_send")
    yield
    reach("register.after_send")
