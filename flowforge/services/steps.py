"""One attempt of one step: render the inputs, perform the action, name the outcome.

No transaction is open meanwhile. Whatever an action does, raises or returns, an outcome comes back;
only cancellation of the worker passes through.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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
    OutcomeUnknown,
    RetryableError,
    Store,
)
from flowforge.engine import advance as engine
from flowforge.engine import expressions
from flowforge.engine.definition import ActionStep
from flowforge.engine.protocol import AttemptStatus, ErrorInfo, Failed, Outcome, Succeeded
from flowforge.infra import telemetry
from flowforge.infra.redaction import redact
from flowforge.services.claims import Held
from flowforge.services.execution import RunKey

log = structlog.get_logger()

StoreOf = Callable[[RunKey, str], Store]


@dataclass(frozen=True, slots=True)
class Done:
    """What an attempt came to. ``inputs`` are as the action got them, secrets taken out."""

    outcome: Succeeded | Failed
    inputs: Any
    seconds: float


class Performer:
    """Performs steps with the adapters of this process."""

    def __init__(
        self,
        registry: Registry,
        http: httpx.AsyncClient,
        config: ActionConfig,
        store_of: StoreOf,
    ) -> None:
        self._registry = registry
        self._http = http
        self._config = config
        self._store_of = store_of

    def may_repeat(self, held: Held) -> bool:
        """Whether the step may be tried again when nobody knows what its attempt did."""
        step = engine.step_at(held.plan, held.perform.path)
        action = self._registry.get(step.action) if isinstance(step, ActionStep) else None
        return action is None or action.repeatable

    async def perform(self, held: Held, most_seconds: float) -> Done:
        """The outcome of the attempt that ``held`` has open, after at most ``most_seconds``."""
        began = time.monotonic()
        path = held.perform.path
        step = engine.step_at(held.plan, path)
        assert isinstance(step, ActionStep)  # noqa: S101 - the engine decides all others itself
        action = self._registry.get(step.action)
        shown: Any = None
        if action is None:
            said = f"No handler registered for action '{step.action}'"
            outcome: Succeeded | Failed = _failed(path, "unknown_action", said)
        else:
            try:
                rendered = expressions.render(step.inputs, engine.scope(held.state))
                shown = redact(rendered, action.secret_fields)
                inputs = action.validate(rendered)
            except (expressions.ExpressionError, ActionError) as problem:
                outcome = _failed(path, "bad_input", str(problem))
            else:
                limit = min(step.timeout_seconds, most_seconds)
                outcome = await self._call(held, action, inputs, limit)
        seconds = time.monotonic() - began
        telemetry.count_attempt(
            step.action, "succeeded" if isinstance(outcome, Succeeded) else "failed", seconds
        )
        return Done(outcome, shown, seconds)

    async def _call(
        self, held: Held, action: Action[Any, Any, Any], inputs: Any, limit: float
    ) -> Succeeded | Failed:
        path = held.perform.path
        context = Context(
            connection=None,
            http=self._http,
            idempotency_key=f"{held.key.run_id}:{path}",
            store=self._store_of(held.key, path),
            config=self._config,
            attempt=held.perform.number,
        )
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
            log.exception("action failed unexpectedly", action=action.key, run_id=held.key.run_id)
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


def outcome_status(outcome: Outcome) -> AttemptStatus:
    """The attempt status that an outcome is recorded as."""
    if isinstance(outcome, Succeeded):
        return "succeeded"
    return "unknown" if isinstance(outcome, Failed) and outcome.unknown else "failed"
