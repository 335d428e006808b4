"""The two C drivers: ``load`` sends webhooks from keep-alive connections, ``sink`` counts steps."""

import http.client
import json
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

HERE = Path(__file__).parent
BIN = HERE / "bin"


def build() -> None:
    BIN.mkdir(exist_ok=True)
    for name in ("load", "sink"):
        target = BIN / name
        if not target.exists() or target.stat().st_mtime < (HERE / f"{name}.c").stat().st_mtime:
            subprocess.run(["gcc", "-O2", "-o", str(target), str(HERE / f"{name}.c")], check=True)


class Sink:
    """Counts POSTs per step and id; remembers when each first came (CLOCK_MONOTONIC ns)."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.command = [str(BIN / "sink"), str(port)]

    def stats(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._get("/stats"))
        return found

    def reset(self) -> None:
        request = urllib.request.Request(f"{self.url}/reset", method="POST", data=b"")
        urllib.request.urlopen(request, timeout=10).read()

    def arrivals(self, step: int) -> dict[int, int]:
        lines = self._get(f"/dump?{step}").decode().splitlines()
        return {int(line.split()[0]): int(line.split()[1]) for line in lines}

    def _get(self, path: str) -> bytes:
        with urllib.request.urlopen(self.url + path, timeout=20) as answer:
            body: bytes = answer.read()
            return body


def load(url: str, connections: int, total: int, seconds: float = 0) -> dict[str, Any]:
    """Closed loop: ``connections`` at once, until ``total`` are sent or the time is over."""
    command = [str(BIN / "load"), url, "-c", str(connections), "-n", str(total)]
    if seconds:
        command += ["-t", str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def load_timed(url: str, connections: int, total: int) -> tuple[dict[str, Any], dict[int, int]]:
    """The same, and when each id was sent (ns)."""
    with tempfile.NamedTemporaryFile() as out:
        command = [str(BIN / "load"), url, "-c", str(connections), "-n", str(total), "-o", out.name]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        lines = Path(out.name).read_text().splitlines()
    return json.loads(done.stdout), {int(x.split()[0]): int(x.split()[1]) for x in lines}


def one_by_one(url: str, sink: Sink, count: int, steps: int) -> tuple[list[int], list[float]]:
    """Send alone, wait until all steps arrived, pause: send times (ns) and ack times (ms)."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
    sent, acked = [], []
    for index in range(count):
        body = json.dumps({"id": index, "event": "order.created"}, separators=(",", ":"))
        began = time.monotonic_ns()
        connection.request("POST", parts.path, body, {"Content-Type": "application/json"})
        connection.getresponse().read()
        acked.append((time.monotonic_ns() - began) / 1e6)
        sent.append(began)
        end = time.monotonic() + 10
        while sink.stats()["unique"] < (index + 1) * steps and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.03)
    return sent, acked
