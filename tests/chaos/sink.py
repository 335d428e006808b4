"""An outside service that counts what reaches it, and can be told to hang or to be slow."""

import json
import threading
import time
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Hang:
    """One request that is kept waiting."""

    def __init__(self) -> None:
        self.arrived = threading.Event()
        self.released = threading.Event()


class Sink:
    """``effects``: idempotency key -> the bodies that came under it, in order."""

    def __init__(self) -> None:
        self.effects: dict[str, list[bytes]] = defaultdict(list)
        self.delay_seconds = 0.0
        self._hanging: dict[str, Hang] = {}
        self._hangs: list[Hang] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/{name}"

    def hang_once(self, name: str) -> Hang:
        """The next request to ``name`` is answered only when the hang is released."""
        hang = Hang()
        self._hanging[name] = hang
        self._hangs.append(hang)
        return hang

    def seen(self, name: str, key: str, body: bytes) -> None:
        with self._lock:
            self.effects[key].append(body)
            hang = self._hanging.pop(name, None)
        if hang is not None:
            hang.arrived.set()
            hang.released.wait(30)
        time.sleep(self.delay_seconds)

    def close(self) -> None:
        for hang in self._hangs:
            hang.released.set()
        self._server.shutdown()
        self._server.server_close()


def _handler(sink: Sink) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            sink.seen(self.path.strip("/"), self.headers.get("Idempotency-Key", ""), body)
            answer = json.dumps({"ok": True}).encode()
            try:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
            except OSError:
                self.close_connection = True  # the caller was killed meanwhile

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
            pass

    return Handler
