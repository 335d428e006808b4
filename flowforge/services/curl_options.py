"""Options of cURL by what they mean for a step: taken, passed over, or refused and why. Pure."""

from collections.abc import Iterator, Sequence

from flowforge.errors import Invalid

# By the letter of their short form.
LONG = {
    "A": "user-agent", "b": "cookie", "c": "cookie-jar", "d": "data", "D": "dump-header",
    "e": "referer", "E": "cert", "f": "fail", "F": "form", "g": "globoff", "G": "get",
    "H": "header", "i": "include", "I": "head", "j": "junk-session-cookies", "J":
    "remote-header-name", "k": "insecure", "K": "config", "L": "location", "m": "max-time",
    "n": "netrc", "N": "no-buffer", "o": "output", "O": "remote-name", "q": "disable",
    "r": "range", "R": "remote-time", "s": "silent", "S": "show-error", "T": "upload-file",
    "u": "user", "U": "proxy-user", "v": "verbose", "w": "write-out", "x": "proxy",
    "X": "request", "Y": "speed-limit", "y": "speed-time", "z": "time-cond", "Z": "parallel",
    "0": "http1.0", "1": "tlsv1", "4": "ipv4", "6": "ipv6", "#": "progress-bar",
}  # fmt: skip

# What says something about the request, each with a value behind it.
VALUES = frozenset({
    "url", "request", "header", "data", "data-ascii", "data-raw", "data-binary",
    "data-urlencode", "json", "user", "oauth2-bearer", "cookie", "user-agent", "referer",
    "range", "url-query",
})  # fmt: skip

# What changes how cURL talks or what it prints, and nothing of the request.
IGNORED = frozenset({
    "anyauth", "basic", "compressed", "compressed-ssh", "disable", "fail", "fail-early",
    "fail-with-body", "globoff", "http0.9", "http1.0", "http1.1", "http2",
    "http2-prior-knowledge", "http3", "include", "insecure", "ipv4", "ipv6",
    "junk-session-cookies", "keepalive", "location", "location-trusted", "no-buffer",
    "no-keepalive", "no-progress-meter", "parallel", "path-as-is", "post301", "post302",
    "post303", "progress-bar", "remote-header-name", "remote-name", "remote-time",
    "retry-all-errors", "retry-connrefused", "show-error", "show-headers", "silent",
    "ssl-no-revoke", "ssl-reqd", "styled-output", "tcp-fastopen", "tcp-nodelay", "tlsv1",
    "tlsv1.0", "tlsv1.1", "tlsv1.2", "tlsv1.3", "trace-time", "verbose",
})  # fmt: skip

# The same, with a value behind it.
IGNORED_VALUES = frozenset({
    "ciphers", "connect-timeout", "cookie-jar", "create-file-mode", "dump-header",
    "expect100-timeout", "keepalive-time", "limit-rate", "max-filesize", "max-redirs",
    "max-time", "output", "output-dir", "proto", "proto-default", "proto-redir", "rate", "retry",
    "retry-delay", "retry-max-time", "speed-limit", "speed-time", "stderr", "tls-max",
    "tls13-ciphers", "trace", "trace-ascii", "write-out",
})  # fmt: skip

_OWN_WAY = "changes the way to the server, which is set for all of FlowForge. Take it out."
_CERTIFICATE = "uses a certificate of your computer. A step has none: take it out."
_SIGNS = "signs in in a way that a step does not know. Use -u name:password or a header."
_FILE = "reads a file of your computer. Put what is in it into the line."

REFUSED = {
    "form": "sends a multipart form. A step sends JSON, a plain form (-d) or text.",
    "form-string": "sends a multipart form. A step sends JSON, a plain form (-d) or text.",
    "upload-file": _FILE,
    "config": _FILE,
    "netrc": _FILE,
    "netrc-file": _FILE,
    "netrc-optional": _FILE,
    "cert": _CERTIFICATE,
    "key": _CERTIFICATE,
    "cacert": _CERTIFICATE,
    "capath": _CERTIFICATE,
    "pinnedpubkey": _CERTIFICATE,
    "proxy": _OWN_WAY,
    "proxy-user": _OWN_WAY,
    "preproxy": _OWN_WAY,
    "socks5": _OWN_WAY,
    "socks5-hostname": _OWN_WAY,
    "resolve": _OWN_WAY,
    "connect-to": _OWN_WAY,
    "interface": _OWN_WAY,
    "unix-socket": _OWN_WAY,
    "digest": _SIGNS,
    "ntlm": _SIGNS,
    "negotiate": _SIGNS,
    "aws-sigv4": _SIGNS,
    "next": "begins another request. Paste one line for each.",
    "time-cond": "asks for what is newer than a date. Say so in a header (If-Modified-Since).",
}


def read(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Long names with their values, in their order; an address without an option is ``url``."""
    waiting = iter(words)
    for word in waiting:
        if word.startswith("--") and len(word) > len("--"):
            name, has_value, value = word[2:].partition("=")
            _known(f"--{name}", name)
            if name in VALUES | IGNORED_VALUES:
                yield name, value if has_value else _next(waiting, f"--{name}")
            else:
                yield name, ""
        elif word.startswith("-") and len(word) > 1:
            yield from _short(word[1:], waiting)
        else:
            yield "url", word


def _short(letters: str, waiting: Iterator[str]) -> Iterator[tuple[str, str]]:
    """``-sXPOST`` is ``-s -X POST``."""
    for at, letter in enumerate(letters):
        name = LONG.get(letter, "")
        _known(f"-{letter}", name)
        if name in VALUES | IGNORED_VALUES:
            yield name, letters[at + 1 :] or _next(waiting, f"-{letter}")
            return
        yield name, ""


def _known(written: str, name: str) -> None:
    if name in REFUSED:
        raise Invalid(f"{written} {REFUSED[name]}")
    if name not in VALUES | IGNORED_VALUES | IGNORED | {"get", "head"}:
        raise Invalid(f"The option {written} is not known here. Take it out, then paste again.")


def _next(waiting: Iterator[str], written: str) -> str:
    value = next(waiting, None)
    if value is None:
        raise Invalid(f"Something is missing after {written}. Copy the whole command.")
    return value
