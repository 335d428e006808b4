"""Whether the product answers on its port, asked of what is no product."""

import socket
import threading

import pytest

from flowforge.config import Settings
from flowforge.infra.launch import is_ready


@pytest.mark.parametrize("said", [b"GET /ready HTTP/1.1\r\n\r\n", b"220 mail\r\n", b""])
def test_what_does_not_speak_http_is_not_ready(said: bytes) -> None:
    # A port of our own on which nobody listens may even be connected with itself.
    with socket.create_server(("127.0.0.1", 0)) as stranger:

        def answer() -> None:
            connection, _ = stranger.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(said)

        speaking = threading.Thread(target=answer)
        speaking.start()
        settings = Settings(host="127.0.0.1", port=stranger.getsockname()[1])
        assert not is_ready(settings)
        speaking.join()
