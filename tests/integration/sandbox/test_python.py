"""Code of people nobody knows, in processes that have no way out."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from flowforge.sandbox import CodeError, Sandbox, check_code
from flowforge.sandbox.python import LONGEST_LOG

QUICK = 1.0


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    one = Sandbox(processes=2)
    yield one
    await one.close()


async def value(sandbox: Sandbox, code: str, **inputs: Any) -> Any:
    return (await sandbox.run(code, inputs, timeout_seconds=QUICK)).value


async def failure(sandbox: Sandbox, code: str, **inputs: Any) -> CodeError:
    with pytest.raises(CodeError) as caught:
        await sandbox.run(code, inputs, timeout_seconds=QUICK)
    # Whatever it was: the next one's code is not harmed.
    assert await value(sandbox, "1 + 1") == 2
    return caught.value


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("inputs['x'] * 2", 42),
        ("result = inputs['x']", 21),
        ("for n in range(3):\n    result = n", 2),
        ("total = 0\nfor n in [1, 2]:\n    total += n\n{'total': total}", {"total": 3}),
        ("x = 1", None),
        ("None", None),
        ("(1, (2, 3))", [1, [2, 3]]),
        ("import datetime\ndatetime.datetime(2026, 1, 2, 3)", "2026-01-02T03:00:00"),
        ("{1: 'a', 2.5: 'b'}", {"1": "a", "2.5": "b"}),
        ("import json\njson.loads('[1]')", [1]),
        ("import re\nre.sub('a', 'b', 'aa')", "bb"),
        ("import math\nmath.floor(2.5)", 2),
        ("import base64\nbase64.b64encode(b'a').decode()", "YQ=="),
        ("import hashlib\nhashlib.sha256(b'a').hexdigest()[:8]", "ca978112"),
        ("f'{3.14159:.2f}'", "3.14"),
        ("2 ** 64", 2**64),
        ("'ü€😀'", "ü€😀"),
        ("import re\nre.match('(a+)+$', 'a' * 40 + 'b')", None),
        ("import time\ntime.sleep(100)\n'at once'", "at once"),
    ],
)
async def test_the_value_is_that_of_the_last_expression(
    sandbox: Sandbox, code: str, expected: Any
) -> None:
    assert await value(sandbox, code, x=21) == expected


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        ("while True: pass", "time_limit", "The code ran longer than 1 seconds."),
        ("sum(range(10**12))", "time_limit", "ran longer than"),
        ("a = []\nwhile True: a.append('x' * 1000000)", "memory_limit", "more than 128 MB"),
        ("'a' * 10**10", "memory_limit", "more than 128 MB"),
        ("[0] * 10**10", "memory_limit", "more than 128 MB"),
        ("'%1000000000d' % 1", None, ""),
        ("2 ** (10 ** 9)", None, ""),
        ("def f(): return f() + 1\nf()", "recursion_limit", "called itself more than 200"),
        ("import os\nos.fork()", "not_allowed", "out of reach"),
        ("import os\nos.environ", "not_allowed", "out of reach"),
        ("open('/etc/passwd').read()", "not_allowed", "out of reach"),
        ("import socket", "not_allowed", "out of reach"),
        ("import subprocess", "not_allowed", "out of reach"),
        ("import ctypes", "not_allowed", "out of reach"),
        ("().__class__.__bases__[0].__subclasses__()", None, ""),
        ("1 / 0", "code_error", "ZeroDivisionError: division by zero (line 1: 1 / 0)"),
        ("def f():\n    raise ValueError('no')\nf()", "code_error", "ValueError: no (line 2:"),
        ("inputs['missing']", "code_error", "KeyError"),
        ("x = (", "code_syntax", "line 1"),
        ("(" * 100_000 + ")" * 100_000, None, ""),
        ("float('nan')", "not_json", "The result is nan, and JSON has no such number."),
        ("{'a': [1, float('inf')]}", "not_json", "The result['a'][1] is inf"),
        ("{1, 2}", "not_json", "sorted"),
        ("b'ab'", "not_json", "bytes"),
        ("{(1, 2): 3}", "not_json", "keys are texts"),
        ("10 ** 5000", "not_json", "4300 digits"),
        ("a = 1\nfor _ in range(150):\n    a = [a]\na", "not_json", "more than 100 levels"),
        ("'x' * (26 * 1024 * 1024)", "result_too_large", "26.0 MB"),
    ],
)
async def test_each_way_to_misbehave_has_its_name(
    sandbox: Sandbox, code: str, kind: str | None, said: str
) -> None:
    began = time.monotonic()
    error = await failure(sandbox, code)
    assert time.monotonic() - began < 20
    assert kind is None or error.code == kind
    assert said in error.message
    assert len(error.message) < 1_500


async def test_half_a_surrogate_pair_never_comes_out(sandbox: Sandbox) -> None:
    text = await value(sandbox, "'\\ud800'")
    assert text.encode()


async def test_what_holds_itself_ends(sandbox: Sandbox) -> None:
    assert await value(sandbox, "a = []\na.append(a)\na") == ["[...]"]


async def test_prints_are_kept_up_to_a_length(sandbox: Sandbox) -> None:
    done = await sandbox.run("for n in range(3): print('line', n)\n7", {}, timeout_seconds=QUICK)
    assert (done.value, done.logs) == (7, "line 0\nline 1\nline 2\n")
    code = "for _ in range(2000): print('x' * 999)\n'done'"
    done = await sandbox.run(code, {}, timeout_seconds=10)
    assert done.value == "done"
    assert len(done.logs) < LONGEST_LOG + 100
    assert done.logs.endswith(f"… {2_000_000 - LONGEST_LOG:,} more characters were printed.")


async def test_printing_without_end_costs_the_time_and_no_memory(sandbox: Sandbox) -> None:
    before = _megabytes()
    error = await failure(sandbox, "while True: print('x' * 1000000)")
    assert error.code == "time_limit"
    assert len(error.logs) < LONGEST_LOG + 100
    assert _megabytes() - before < 100


async def test_what_was_printed_before_an_error_is_told(sandbox: Sandbox) -> None:
    error = await failure(sandbox, "print('so far')\n1 / 0")
    assert error.logs == "so far\n"


async def test_many_at_once_take_their_turns(sandbox: Sandbox) -> None:
    values = await asyncio.gather(*(value(sandbox, "inputs['n'] + 1", n=n) for n in range(50)))
    assert values == list(range(1, 51))


async def test_nothing_stays_from_one_run_to_the_next(sandbox: Sandbox) -> None:
    await value(sandbox, "secret = inputs['key']", key="k")
    for _ in range(4):
        error = await failure(sandbox, "secret")
        assert error.code == "code_error"
        assert "NameError" in error.message


async def test_a_killed_process_is_named_and_replaced(sandbox: Sandbox) -> None:
    await value(sandbox, "1")
    running = asyncio.create_task(sandbox.run("while True: pass", {}, timeout_seconds=30))
    await asyncio.sleep(0.3)
    for child in _children():
        os.kill(child, signal.SIGKILL)
    with pytest.raises(CodeError) as caught:
        await running
    assert caught.value.code == "sandbox_crashed"
    assert await value(sandbox, "2") == 2


async def test_giving_up_frees_the_place(sandbox: Sandbox) -> None:
    running = [
        asyncio.create_task(sandbox.run("while True: pass", {}, timeout_seconds=30))
        for _ in range(2)
    ]
    await asyncio.sleep(0.2)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    async with asyncio.timeout(10):
        assert await value(sandbox, "3") == 3


async def test_no_process_before_the_first_code() -> None:
    before = set(_children())
    one = Sandbox()
    assert set(_children()) == before
    await one.run("1", {}, timeout_seconds=QUICK)
    assert len(set(_children()) - before) == 1
    await one.close()
    assert set(_children()) == before


@pytest.mark.parametrize(
    ("code", "line"),
    [("x = (", 1), ("ok = 1\nif:\n  pass", 2), ("", 1), ("  \n", 1), ("(" * 90_000, 1)],
)
def test_what_cannot_be_read_is_found_without_running(code: str, line: int) -> None:
    (found,) = check_code(code)
    assert found[0] == line
    assert found[1].endswith(".")


def test_code_that_can_be_read_has_no_faults() -> None:
    assert check_code("import os\nos.fork()") == []


def _children() -> list[int]:
    """Processes of the sandbox; they are children of whichever thread began them."""
    threads = Path(f"/proc/{os.getpid()}/task").iterdir()
    found = [pid for thread in threads for pid in (thread / "children").read_text().split()]
    return [int(pid) for pid in found if "monty" in Path(f"/proc/{pid}/cmdline").read_text()]


def _megabytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024 // 1024
