"""One attempt of one step: render the inputs, perform the action or the code, name the outcome.

No transaction is open meanwhile. Whatever a step does, raises or returns, an outcome comes back;
only cancellation of the worker passes through.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
import structlog
from pydantic import BaseModel

from flowforge.actions.registry import Registry
from flowforge.actions.sdk import (
    Action,
    ActionConfig,
    ActionError,
    Context,
    FatalError,
    Files,
    OutcomeUnknown,
    RetryableError,
    Store,
)
from flowforge.engine import expressions
from flowforge.engine.definition import ActionStep, CodeStep
from flowforge.engine.plan import Plan, step_at
from flowforge.engine.protocol import ErrorInfo, Failed, Path, Succeeded
from flowforge.engine.scope import needed, scope
from flowforge.engine.state import State
from flowforge.errors import NotFound
from flowforge.infra import telemetry
from flowforge.infra.failpoints import reach
from flowforge.infra.redaction import redact
from flowforge.infra.runtime import Runtime
from flowforge.sandbox import CodeError, Sandbox
from flowforge.services.execution import RunKey
from flowforge.services.holding import Done, done, packed
from flowforge.services.values import NOTHING, Packed, Values

log = structlog.get_logger()

StoreOf = Callable[[RunKey, str], Store]
FilesOf = Callable[[str], Files]


def sandbox_of(runtime: Runtime) -> Sandbox:
    """The sandbox of this process; its own processes begin with the first code."""
    known = runtime.lodgers.get("sandbox")
    if not isinstance(known, Sandbox):
        known = Sandbox()
        runtime.lodgers["sandbox"] = known
    return known


class Attempt(Protocol):
    """A run as far as performing one of its steps goes; ``Held`` is one."""

    @property
    def key(self) -> RunKey: ...
    @property
    def plan(self) -> Plan: ...
    @property
    def state(self) -> State: ...


@dataclass(frozen=True, slots=True)
class _Result:
    """``shown``: the inputs with their secrets taken out."""

    outcome: Succeeded | Failed
    shown: Packed = NOTHING
    logs: str | None = None


class _Unfit(Exception):
    """The step cannot be performed with these inputs."""

    def __init__(self, path: Path, code: str, said: str, shown: Packed = NOTHING) -> None:
        super().__init__(said)
        self.result = _Result(_failed(path, code, said), shown)


class Performer:
    """Performs steps with the adapters of this process."""

    def __init__(
        self,
        registry: Registry,
        http: httpx.AsyncClient,
        config: ActionConfig,
        store_of: StoreOf,
        values: Values,
        *,
        sandbox: Sandbox,
        files_of: FilesOf,
    ) -> None:
        self._registry = registry
        self._http = http
        self._config = config
        self._store_of = store_of
        self._values = values
        self._sandbox = sandbox
        self._files_of = files_of

    async def perform(self, held: Attempt, path: Path, number: int, most_seconds: float) -> Done:
        """What attempt ``number`` of ``path`` comes to, after at most ``most_seconds``."""
        began = time.monotonic()
        step = step_at(held.plan, path)
        assert isinstance(step, ActionStep | CodeStep)  # noqa: S101 - the engine decides all others itself
        reach("perform.before")
        limit = min(step.timeout_seconds, most_seconds)
        try:
            rendered = await self._rendered(held, path, step)
            if isinstance(step, CodeStep):
                result = await self._run_code(path, step, rendered, limit)
            else:
                result = await self._act(held, path, number, step, rendered, limit=limit)
        except _Unfit as problem:
            result = problem.result
        reach("perform.after")
        seconds = time.monotonic() - began
        is_success = isinstance(result.outcome, Succeeded)
        name = step.action if isinstance(step, ActionStep) else "code"
        telemetry.count_attempt(name, "succeeded" if is_success else "failed", seconds)
        return done(result.outcome, result.shown, seconds, result.logs)

    async def _rendered(
        self, held: Attempt, path: Path, step: ActionStep | CodeStep
    ) -> Mapping[str, Any]:
        """The inputs of the step: those that a person edited, or what its expressions give."""
        edited = held.state.inputs.get(path)
        if isinstance(edited, Mapping):
            return edited
        wanted = needed(held.plan, held.state, path)
        try:
            loaded = await self._values.load(wanted) if wanted else {}
            roots = scope(held.plan, held.state, path, loaded)
            inputs: Mapping[str, Any] = expressions.render(step.inputs, roots)
        except expressions.ExpressionError as problem:
            raise _Unfit(path, "bad_input", str(problem)) from problem
        except NotFound as problem:
            raise _Unfit(path, "value_gone", problem.message) from problem
        return inputs

    async def _run_code(
        self, path: Path, step: CodeStep, inputs: Mapping[str, Any], limit: float
    ) -> _Result:
        shown = _shown(path, inputs)
        try:
            result = await self._sandbox.run(step.code, dict(inputs), timeout_seconds=limit)
        except CodeError as problem:
            failed = _failed(path, problem.code, problem.message, retryable=True)
            return _Result(failed, shown, problem.logs or None)
        return _Result(Succeeded(path, result.value), shown, result.logs or None)

    async def _act(
        self,
        held: Attempt,
        path: Path,
        number: int,
        step: ActionStep,
        rendered: Mapping[str, Any],
        *,
        limit: float,
    ) -> _Result:
        action = self._registry.get(step.action)
        if action is None:
            said = f"No handler registered for action '{step.action}'"
            raise _Unfit(path, "unknown_action", said)
        shown = _shown(path, rendered, action.secret_fields)
        try:
            inputs = action.validate(dict(rendered))
        except ActionError as problem:
            raise _Unfit(path, "bad_input", str(problem), shown) from problem
        context = Context(
            connection=None,
            http=self._http,
            idempotency_key=f"{held.key.run_id}:{path}",
            store=self._store_of(held.key, path),
            config=self._config,
            attempt=number,
            files=self._files_of(held.key.project_id),
        )
        return _Result(await _call(path, action, context, inputs, limit), shown)


def _shown(path: Path, inputs: Mapping[str, Any], secret_names: Iterable[str] = ()) -> Packed:
    """The inputs as they are kept: without secrets. Raises _Unfit for what is too large for it."""
    shown, problem = packed(redact(inputs, secret_names), "input")
    if problem is not None:
        raise _Unfit(path, problem.code, problem.message)
    return shown


async def _call(
    path: Path, action: Action[Any, Any, Any], context: Context[Any], inputs: Any, limit: float
) -> Succeeded | Failed:
    try:
        async with asyncio.timeout(limit):
            output = await action(context, inputs)
    except RetryableError as problem:
        wait = problem.retry_after.total_seconds() if problem.retry_after else None
        return _failed(path, "temporary", str(problem), retryable=True, retry_after=wait)
    except FatalError as problem:
        return _failed(path, "refused", str(problem))
    except TimeoutError:
        said = f"The step took longer than {limit:g} seconds."
        return _unknown(path, "timeout", said, action.repeatable)
    except OutcomeUnknown as problem:
        return _unknown(path, "outcome_unknown", str(problem), action.repeatable)
    except Exception as problem:
        # A fault of the action itself: its type is for the log, a sentence for the owner.
        log.exception("action failed unexpectedly", action=action.key)
        said = f"The action broke unexpectedly ({type(problem).__name__})."
        return _unknown(path, "unexpected", said, action.repeatable)
    return Succeeded(path, _plain(output))


def _plain(output: Any) -> Any:
    return output.model_dump(mode="json") if isinstance(output, BaseModel) else output


def _failed(
    path: str,
    code: str,
    said: str,
    *,
    retryable: bool = False,
    retry_after: float | None = None,
) -> Failed:
    return Failed(path, ErrorInfo(code, said), retryable=retryable, retry_after=retry_after)


def _unknown(path: str, code: str, said: str, may_repeat: bool) -> Failed:
    if not may_repeat:
        said += " It is not repeated by itself: check at the provider, then run it again."
    return Failed(path, ErrorInfo(code, said), retryable=may_repeat, unknown=True)
