"""Python for code steps, run by an interpreter that has no way out, in processes of their own.

Promises: no files, network, environment or clock-stopping sleep; 128 MB and the step's time; a
process that dies takes its run along and nothing else; the event loop never waits.
"""

import ast
import asyncio
import json
import os
from dataclasses import dataclass
from typing import Any, Literal

import pydantic_monty as monty

from flowforge.sandbox.values import NotJson, as_json

MEMORY_MB = 128
DEEPEST_RECURSION = 200
LARGEST_RESULT = 25 * 1024 * 1024
LONGEST_LOG = 64 * 1024
LONGEST_CHECKED = 100_000
# Over the time of the code itself: to get a process, and to hand over inputs and result.
GRACE_SECONDS = 5.0
CALLS_PER_PROCESS = 1_000
THREADS_END_SECONDS = 0.1

_OUT_OF_REACH = frozenset(
    {"os", "sys", "io", "socket", "subprocess", "shutil", "pathlib", "ctypes", "threading"}
    | {"multiprocessing", "signal", "urllib", "http", "ssl", "tempfile", "importlib"}
)


class CodeError(Exception):
    """The code did not come to a result.

    ``code`` is code_syntax, code_error, memory_limit, time_limit, recursion_limit, not_allowed,
    not_json, result_too_large or sandbox_crashed; ``message`` is for the person who wrote it;
    ``logs`` what was printed until then.
    """

    def __init__(self, code: str, message: str, logs: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.logs = logs


@dataclass(frozen=True, slots=True)
class CodeResult:
    """``value`` is JSON; ``logs`` what was printed."""

    value: Any
    logs: str


class Sandbox:
    """The processes in which code runs; they begin with the first code. One per process of ours."""

    def __init__(self, processes: int | None = None) -> None:
        self._processes = processes or min(4, os.cpu_count() or 1)
        # First come, first served; a process for each that is let in.
        self._slots = asyncio.Semaphore(self._processes)
        self._pool: monty.AsyncMonty | None = None
        self._opening = asyncio.Lock()

    async def close(self) -> None:
        """End the processes."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.__aexit__(None, None, None)
            # Its threads that handed over prints end a moment later; if Python ends before them,
            # they abort the whole process (pydantic-monty 1.4.0: 5 of 50 exits, with this 0).
            await asyncio.sleep(THREADS_END_SECONDS)

    async def run(self, code: str, inputs: dict[str, Any], *, timeout_seconds: float) -> CodeResult:
        """What ``code`` comes to: the value of its last expression, or of ``result`` where its
        last line is a statement. It sees ``inputs``.

        Raises: CodeError.
        """
        log = _Log()
        async with self._slots:
            try:
                async with asyncio.timeout(timeout_seconds + GRACE_SECONDS):
                    value = await self._run(code, inputs, timeout_seconds, log)
            except TimeoutError:
                raise _too_long(timeout_seconds, log) from None
            except monty.MontySyntaxError as problem:
                said = problem.display("type-msg")
                raise CodeError("code_syntax", _placed(said, problem), log.text) from None
            except monty.MontyRuntimeError as problem:
                raise _runtime_error(problem, timeout_seconds, log) from None
            except monty.MontyError as problem:
                said = "The process that ran the code died."
                raise CodeError("sandbox_crashed", said, log.text) from problem
            except (ValueError, TypeError, RecursionError, OverflowError) as problem:
                # What the code gave back cannot even be handed over.
                said = f"The result is not JSON: {problem}."
                raise CodeError("not_json", said, log.text) from None
        return CodeResult(_checked(value, log), log.text)

    async def _run(
        self, code: str, inputs: dict[str, Any], timeout_seconds: float, log: "_Log"
    ) -> Any:
        pool = await self._opened()
        limits: monty.ResourceLimits = {
            "max_feed_duration_secs": timeout_seconds,
            "max_memory": MEMORY_MB * 1024 * 1024,
            "max_recursion_depth": DEEPEST_RECURSION,
        }
        async with pool.checkout(limits=limits, os_policy={"sleep": "zero"}) as session:
            given = {"inputs": inputs}
            value = await session.feed_run(code, inputs=given, print_callback=log.add)
            if value is None and _ends_in_statement(code):
                value = await session.feed_run(
                    "result" if "result" in code else "None", print_callback=log.add
                )
            return value

    async def _opened(self) -> monty.AsyncMonty:
        async with self._opening:
            if self._pool is None:
                pool = monty.AsyncMonty(
                    max_processes=self._processes, max_checkouts_per_worker=CALLS_PER_PROCESS
                )
                self._pool = await pool.__aenter__()
            return self._pool


class _Log:
    """What code prints, up to a length; the rest is counted and thrown away."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._lost = 0

    def add(self, _stream: Literal["stdout", "stderr"], text: str) -> None:
        room = LONGEST_LOG - self._length
        self._parts.append(text[:room])
        self._length += min(len(text), room)
        self._lost += max(len(text) - room, 0)
        if self._lost:
            self._parts = ["".join(self._parts)]

    @property
    def text(self) -> str:
        text = "".join(self._parts)
        # NUL and halves of surrogate pairs can be kept by no database.
        text = text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
        return f"{text}\n… {self._lost:,} more characters were printed." if self._lost else text


def check_code(code: str) -> list[tuple[int, str]]:
    """What is wrong with the words of ``code``: (line, sentence) for the first fault, or nothing.
    Reads it only.
    """
    if not code.strip():
        return [(1, "There is no code yet.")]
    if len(code) > LONGEST_CHECKED:
        return [(1, f"The code has more than {LONGEST_CHECKED:,} characters.")]
    try:
        ast.parse(code)
    except SyntaxError as problem:
        return [(problem.lineno or 1, f"{problem.msg} (line {problem.lineno or 1}).")]
    except (ValueError, RecursionError, MemoryError):
        return [(1, "The code cannot be read: it is nested too deep, or holds NUL characters.")]
    return []


def _ends_in_statement(code: str) -> bool:
    try:
        body = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return bool(body) and not isinstance(body[-1], ast.Expr)


def _checked(value: Any, log: _Log) -> Any:
    try:
        plain = as_json(value)
    except (NotJson, RecursionError) as problem:
        raise CodeError("not_json", str(problem), log.text) from None
    size = len(json.dumps(plain, ensure_ascii=False))
    if size > LARGEST_RESULT:
        said = f"The result is {size / 1024 / 1024:.1f} MB; the largest that can be kept is 25 MB."
        raise CodeError("result_too_large", said, log.text)
    return plain


def _runtime_error(  # noqa: PLR0911 - a table
    problem: monty.MontyRuntimeError, timeout_seconds: float, log: _Log
) -> CodeError:
    inner = problem.exception()
    said = str(inner)
    match inner:
        case TimeoutError() if "limit exceeded" in said:
            return _too_long(timeout_seconds, log)
        case MemoryError():
            text = f"The code used more than {MEMORY_MB} MB of memory."
            return CodeError("memory_limit", _placed(text, problem), log.text)
        case RecursionError():
            text = f"The code called itself more than {DEEPEST_RECURSION} levels deep."
            return CodeError("recursion_limit", _placed(text, problem), log.text)
        case PermissionError() | OSError():
            return _not_allowed(problem, log)
        case ModuleNotFoundError() if _module(said) in _OUT_OF_REACH:
            return _not_allowed(problem, log)
        case RuntimeError() if "not supported in this environment" in said:
            return _not_allowed(problem, log)
        case AttributeError() if said.startswith("module ") and _module(said) in _OUT_OF_REACH:
            return _not_allowed(problem, log)
        case _:
            return CodeError("code_error", _placed(problem.display("type-msg"), problem), log.text)


def _module(said: str) -> str:
    return said.partition("'")[2].partition("'")[0].partition(".")[0]


def _not_allowed(problem: monty.MontyRuntimeError, log: _Log) -> CodeError:
    said = "Files, network and environment are out of reach of code steps."
    return CodeError("not_allowed", _placed(said, problem), log.text)


def _too_long(seconds: float, log: _Log) -> CodeError:
    return CodeError("time_limit", f"The code ran longer than {seconds:g} seconds.", log.text)


def _placed(said: str, problem: monty.MontyRuntimeError | monty.MontySyntaxError) -> str:
    """The sentence with the line of the person's own code in which it happened."""
    frames = problem.traceback()
    said = said if len(said) <= 1_000 else said[:999] + "…"  # noqa: PLR2004 - a sentence, not a page
    if not frames:
        return said
    last = frames[-1]
    source = (last.source_line or "").strip()[:200]
    return f"{said.rstrip('.')} (line {last.line}: {source})" if source else said
