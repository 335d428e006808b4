"""The guarded client against real servers: where it does not go, and what it does not wait for."""

import asyncio
import gzip
import ipaddress
import ssl
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from flowforge.infra.http import AnswerTooLarge, EgressBlocked, guarded_client

LOOPBACK = (ipaddress.ip_network("127.0.0.1/32"),)
MEGABYTE = 1024 * 1024
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def website(handler: Handler, host: str = "127.0.0.1") -> AsyncIterator[int]:
    """The port of a server that answers everything with ``handler``."""
    runner = web.ServerRunner(web.Server(handler))
    await runner.setup()
    site = web.TCPSite(runner, host, 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def socket_server(talk: Talk) -> AsyncIterator[int]:
    """The port of a server that answers in raw bytes, and is broken off at the end."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await reader.readuntil(b"\r\n\r\n")
            await talk(reader, writer)
        except (ConnectionError, asyncio.CancelledError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def echo(request: web.BaseRequest) -> web.StreamResponse:
    return web.json_response(
        {
            "method": request.method,
            "target": request.raw_path,
            "headers": {name.lower(): value for name, value in request.headers.items()},
            "body": (await request.read()).decode(),
        }
    )


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:{port}", "http://localhost:{port}", "http://[::1]:{port}",
        "http://169.254.169.254/", "http://2130706433:{port}/", "http://0.0.0.0:{port}",
        "http://[::ffff:127.0.0.1]:{port}", "http://10.0.0.1", "http://100.64.0.1/",
        "http://0x7f.1:{port}/", "http://127.1:{port}", "http://[64:ff9b::7f00:1]:{port}/",
        "http://0x7f000001:{port}", "http://127.0.0.1.:{port}",
        "http://[::127.0.0.1]:{port}", "http://[2002:7f00:1::]:{port}", "http://[fe80::1]:{port}",
        "http://[64:ff9b:1::7f00:1]/", "http://[fd00::1]/", "http://[ff02::1]/",
        "http://224.0.0.1/", "http://255.255.255.255/", "http://[::]:{port}/",
        "http://user:password@127.0.0.1:{port}/",
    ],
)  # fmt: skip
async def test_nothing_inside_is_reached(target: str) -> None:
    async with website(echo) as port, guarded_client([], timeout_seconds=3) as client:
        with pytest.raises(EgressBlocked, match="FLOWFORGE_EGRESS_ALLOW") as blocked:
            await client.get(target.format(port=port))
    assert blocked.value.blocked
    assert blocked.value.host in str(blocked.value)
    assert "password" not in str(blocked.value)


@pytest.mark.parametrize("host", ["0177.0.0.1", "①②⑦.⓪.⓪.①", "127.0.0.1%2f.example"])
async def test_a_disguised_address_is_refused_as_such_or_as_no_address(host: str) -> None:
    async with website(echo) as port, guarded_client([], timeout_seconds=3) as client:
        with pytest.raises((httpx.InvalidURL, httpx.ConnectError, httpx.UnsupportedProtocol)):
            await client.get(f"http://{host}:{port}/")


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://a.example/", "unix:///run/x"])
async def test_only_web_addresses_are_spoken_to(target: str) -> None:
    async with guarded_client([]) as client:
        with pytest.raises(httpx.UnsupportedProtocol):
            await client.get(target)


async def test_the_allow_list_opens_one_address_and_not_its_neighbour() -> None:
    async with website(echo, "127.0.0.1") as port, guarded_client(LOOPBACK) as client:
        assert (await client.get(f"http://127.0.0.1:{port}/")).status_code == 200
        assert (await client.get(f"http://localhost:{port}/")).status_code == 200
        with pytest.raises(EgressBlocked):
            await client.get(f"http://127.0.0.2:{port}/")


@pytest.mark.parametrize("inside", ["http://127.0.0.2:{port}/", "http://169.254.169.254/latest"])
async def test_a_redirect_does_not_lead_inside(inside: str) -> None:
    async def redirect(request: web.BaseRequest) -> web.StreamResponse:
        raise web.HTTPFound(inside.format(port=request.url.port))

    async with website(redirect, "127.0.0.1") as port, guarded_client(LOOPBACK) as client:
        with pytest.raises(EgressBlocked):
            await client.get(f"http://127.0.0.1:{port}/")


async def test_a_circle_of_redirects_ends() -> None:
    async def redirect(request: web.BaseRequest) -> web.StreamResponse:
        raise web.HTTPFound("/again")

    async with website(redirect) as port, guarded_client(LOOPBACK) as client:
        with pytest.raises(httpx.TooManyRedirects):
            await client.get(f"http://127.0.0.1:{port}/")


async def test_a_name_with_one_address_inside_is_refused_whole() -> None:
    async def lookup(_host: str, _port: int) -> list[str]:
        return ["93.184.216.34", "10.0.0.7"]

    async with guarded_client([], lookup=lookup) as client:
        with pytest.raises(EgressBlocked, match=r"^mixed\.example "):
            await client.get("http://mixed.example/")


async def test_the_address_that_was_checked_is_the_one_that_is_dialled() -> None:
    """A rebinding name answers with another address each time it is asked."""
    answers = [["127.0.0.1"], ["127.0.0.2"], ["127.0.0.2"]]
    asked: list[str] = []

    async def lookup(host: str, _port: int) -> list[str]:
        asked.append(host)
        return answers[len(asked) - 1]

    async with website(echo) as port, guarded_client(LOOPBACK, lookup=lookup) as client:
        answer = await client.get(f"http://rebind.example:{port}/")
        assert answer.json()["headers"]["host"] == f"rebind.example:{port}"
        assert asked == ["rebind.example"]
    async with guarded_client(LOOPBACK, lookup=lookup) as client:
        with pytest.raises(EgressBlocked):
            await client.get(f"http://rebind.example:{port}/")


async def test_the_last_gate_holds_where_the_first_two_are_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Should aiohttp ever dial what nobody asked the resolver for."""
    monkeypatch.setattr("flowforge.infra.egress.Gate.check_literal", lambda _gate, _host: None)
    async with website(echo) as port, guarded_client([]) as client:
        with pytest.raises(EgressBlocked):
            await client.get(f"http://127.0.0.1:{port}/")


async def test_credentials_stay_behind_when_a_redirect_changes_the_host() -> None:
    async with website(echo) as other:

        async def redirect(_request: web.BaseRequest) -> web.StreamResponse:
            raise web.HTTPTemporaryRedirect(f"http://localhost:{other}/there")

        async with website(redirect) as port, guarded_client(LOOPBACK) as client:
            answer = await client.post(
                f"http://user:hidden@127.0.0.1:{port}/",
                headers={"Cookie": "a=b", "X-Api-Key": "k", "X-Auth-Token": "t",
                         "Idempotency-Key": "stays"},
                content=b"body",
            )  # fmt: skip
    seen = answer.json()["headers"]
    assert seen["idempotency-key"] == "stays"
    assert not {"authorization", "cookie", "x-api-key", "x-auth-token"} & set(seen)


async def test_credentials_stay_on_a_redirect_within_the_host() -> None:
    async def redirect(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/":
            raise web.HTTPTemporaryRedirect("/there")
        return await echo(request)

    async with website(redirect) as port, guarded_client(LOOPBACK) as client:
        headers = {"X-Api-Key": "k", "Authorization": "Bearer t"}
        seen = (await client.get(f"http://127.0.0.1:{port}/", headers=headers)).json()["headers"]
    assert seen["x-api-key"] == "k"
    assert seen["authorization"] == "Bearer t"


async def test_a_password_in_the_url_becomes_a_header_and_leaves_the_url() -> None:
    async with website(echo) as port, guarded_client(LOOPBACK) as client:
        answer = await client.get(f"http://user:hidden@127.0.0.1:{port}/")
    assert answer.json()["headers"]["authorization"].startswith("Basic ")
    assert "hidden" not in str(answer.request.url)


async def test_cookies_of_one_answer_never_travel_with_the_next_request() -> None:
    async def sets_cookie(request: web.BaseRequest) -> web.StreamResponse:
        answer = await echo(request)
        answer.set_cookie("session", "of-somebody-else")
        return answer

    async with website(sets_cookie) as port, guarded_client(LOOPBACK) as client:
        await client.get(f"http://127.0.0.1:{port}/")
        answer = await client.get(f"http://127.0.0.1:{port}/")
    assert "cookie" not in answer.json()["headers"]


async def test_the_environment_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    async with website(echo) as port, guarded_client(LOOPBACK) as client:
        assert (await client.get(f"http://127.0.0.1:{port}/")).status_code == 200


async def test_a_request_arrives_as_it_was_written() -> None:
    target = "/a%3Ab/%41/%7E?x=%3A%2F%41+b%20c&sig=a%3D%2B"

    async def body() -> AsyncIterator[bytes]:
        yield b"one "
        yield b"two"

    async with website(echo) as port, guarded_client(LOOPBACK) as client:
        url = f"http://127.0.0.1:{port}{target}"
        plain = (await client.post(url, content=b"plain")).json()
        streamed = (await client.put(url, content=body())).json()
        form = (await client.post(url, files={"f": ("a.txt", b"of a file")})).json()
        empty = (await client.get(url)).json()
    assert plain["target"] == target
    assert (plain["body"], plain["method"]) == ("plain", "POST")
    assert "content-type" not in plain["headers"]
    assert (streamed["body"], streamed["method"]) == ("one two", "PUT")
    assert "of a file" in form["body"]
    assert (empty["body"], empty["method"]) == ("", "GET")
    assert plain["headers"]["user-agent"] == "FlowForge"


async def test_connections_are_used_again() -> None:
    peers = set()

    async def note(request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        peers.add(request.transport.get_extra_info("peername"))
        return web.Response(text="ok")

    async with website(note) as port, guarded_client(LOOPBACK) as client:
        for _ in range(5):
            assert (await client.get(f"http://127.0.0.1:{port}/")).text == "ok"
    assert len(peers) == 1


def raw_deflate(text: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(text) + stream.flush()


@pytest.mark.parametrize(
    "pack",
    [
        gzip.compress,
        zlib.compress,
        raw_deflate,
        lambda raw: gzip.compress(raw[:10]) + gzip.compress(raw[10:]),
    ],
    ids=["gzip", "deflate", "raw deflate", "two gzip members"],
)
async def test_a_compressed_answer_is_unpacked(pack: Callable[[bytes], bytes]) -> None:
    text = b"hello " * 1000
    packed = pack(text)
    name = "gzip" if packed.startswith(b"\x1f\x8b") else "deflate"

    async def answer(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=packed, headers={"Content-Encoding": name})

    async with website(answer) as port, guarded_client(LOOPBACK) as client:
        got = await client.get(f"http://127.0.0.1:{port}/")
        head = await client.head(f"http://127.0.0.1:{port}/")
    assert got.content == text
    assert "content-encoding" not in got.headers
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip"])
async def test_a_compression_that_nobody_asked_for_is_an_error(encoding: str) -> None:
    async def answer(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=b"packed", headers={"Content-Encoding": encoding})

    async with website(answer) as port, guarded_client(LOOPBACK) as client:
        with pytest.raises(httpx.DecodingError):
            await client.get(f"http://127.0.0.1:{port}/")


async def test_damaged_compression_is_an_error() -> None:
    async def answer(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=b"no gzip at all", headers={"Content-Encoding": "gzip"})

    async with website(answer) as port, guarded_client(LOOPBACK) as client:
        with pytest.raises(httpx.DecodingError):
            await client.get(f"http://127.0.0.1:{port}/")


async def test_a_bomb_is_met_piece_by_piece() -> None:
    bomb = gzip.compress(b"\0" * (64 * MEGABYTE))

    async def answer(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

    async with (
        website(answer) as port,
        guarded_client(LOOPBACK, max_answer_bytes=MEGABYTE) as client,
    ):
        with pytest.raises(AnswerTooLarge, match="larger than 1 MB"):
            await client.get(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("announced", [True, False])
async def test_an_answer_over_the_limit_is_broken_off(announced: bool) -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = b"Content-Length: 99999999\r\n" if announced else b""
        writer.write(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    async with (
        socket_server(talk) as port,
        guarded_client(LOOPBACK, max_answer_bytes=MEGABYTE) as client,
    ):
        with pytest.raises(AnswerTooLarge):
            await client.get(f"http://127.0.0.1:{port}/")


async def drip_body(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


async def drip_headers(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(10_000):
        writer.write(b"X-%d: y\r\n" % number)
        await writer.drain()
        await asyncio.sleep(0.05)


async def silence(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


@pytest.mark.parametrize("talk", [drip_body, drip_headers, silence])
async def test_a_server_that_never_finishes_is_left_in_time(talk: Talk) -> None:
    async with socket_server(talk) as port, guarded_client(LOOPBACK, timeout_seconds=0.5) as client:
        started = time.monotonic()
        with pytest.raises(httpx.ReadTimeout, match=r"127\.0\.0\.1 took too long"):
            await client.get(f"http://127.0.0.1:{port}/")
        assert time.monotonic() - started < 2


async def test_the_time_of_one_request_replaces_that_of_the_client() -> None:
    async with socket_server(silence) as port, guarded_client(LOOPBACK) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.get(f"http://127.0.0.1:{port}/", timeout=0.2)


async def test_redirects_share_one_time_limit() -> None:
    async def slow_redirect(_request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(0.25)
        raise web.HTTPFound("/again")

    async with (
        website(slow_redirect) as port,
        guarded_client(LOOPBACK, timeout_seconds=0.6) as client,
    ):
        with pytest.raises(httpx.ReadTimeout):
            await client.get(f"http://127.0.0.1:{port}/")


async def test_headers_without_end_are_an_error() -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-Filler: " + b"y" * 1000 + b"\r\n")
            await writer.drain()

    async with socket_server(talk) as port, guarded_client(LOOPBACK, timeout_seconds=5) as client:
        with pytest.raises(httpx.TransportError):
            await client.get(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
    ],
)  # fmt: skip
async def test_what_is_not_http_is_a_protocol_error_that_keeps_the_url_to_itself(
    answer: bytes,
) -> None:
    """Never ConnectError: the request was sent, and trying again may do it twice."""

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    async with socket_server(talk) as port, guarded_client(LOOPBACK) as client:
        with pytest.raises(httpx.RemoteProtocolError) as problem:
            await client.post(f"http://127.0.0.1:{port}/?token=hidden", content=b"x")
    assert "hidden" not in str(problem.value)


async def test_a_closed_port_is_a_connect_error() -> None:
    async with website(echo) as port:
        pass
    async with guarded_client(LOOPBACK) as client:
        with pytest.raises(httpx.ConnectError) as problem:
            await client.get(f"http://127.0.0.1:{port}/")
    assert not isinstance(problem.value, EgressBlocked)


async def test_an_unknown_name_is_a_connect_error() -> None:
    async def lookup(_host: str, _port: int) -> list[str]:
        raise OSError("Name or service not known")

    async with guarded_client([], lookup=lookup) as client:
        with pytest.raises(httpx.ConnectError, match=r"nowhere\.example"):
            await client.get("http://nowhere.example/")


async def test_a_header_with_a_line_break_is_not_sent() -> None:
    async with website(echo) as port, guarded_client(LOOPBACK) as client:
        with pytest.raises(httpx.LocalProtocolError):
            await client.get(f"http://127.0.0.1:{port}/", headers={"X-A": "b\r\nX-Injected: c"})


async def test_a_server_whose_certificate_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    reached = []

    async def note(request: web.BaseRequest) -> web.StreamResponse:
        reached.append(request.path)
        return web.Response()

    runner = web.ServerRunner(web.Server(note))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=self_signed(tmp_path)).start()
    try:
        async with guarded_client(LOOPBACK, timeout_seconds=5) as client:
            with pytest.raises(httpx.ConnectError, match=r"No connection to 127\.0\.0\.1"):
                await client.get(f"https://127.0.0.1:{runner.addresses[0][1]}/")
    finally:
        await runner.cleanup()
    assert reached == []


def self_signed(directory: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    file = directory / "server.pem"
    file.write_bytes(
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(encoding)
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    return context


async def test_a_streamed_answer_that_is_not_read_closes_its_connection() -> None:
    async def large(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=b"x" * MEGABYTE)

    async with website(large) as port, guarded_client(LOOPBACK, max_connections=1) as client:
        for _ in range(3):
            async with client.stream("GET", f"http://127.0.0.1:{port}/") as answer:
                assert answer.status_code == 200
