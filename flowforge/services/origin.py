"""Is it ours? Origins that may use our cookie, and paths that stay on this site."""

from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from flowforge.config import Settings

_DEFAULT_PORTS = {"http": 80, "https": 443}


def origin_of(url: str) -> str:
    """``https://host:port`` of ``url`` as a browser writes it: lower case, no default port.

    Empty for what is no web address.
    """
    try:
        parts = urlsplit(url)
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
            return ""
        return f"{parts.scheme}://{_host(parts)}"
    except ValueError:
        return ""


def is_own_page(headers: Mapping[str, str], settings: Settings) -> bool:
    """True where the browser says that a page of this very origin asked.

    ``headers``: names in lower case. Browsers send ``Sec-Fetch-Site`` over https and to localhost;
    elsewhere the ``Origin`` must name the host that was asked, or PUBLIC_URL (proxies may rewrite
    the Host header). Neither header: not a browser, and a cookie is for browsers.
    """
    site = headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        return False
    origin = headers.get("origin")
    if origin is None:
        return site == "same-origin"
    return is_own_origin(origin, headers.get("host", ""), settings)


def is_own_origin(origin: str, host: str, settings: Settings) -> bool:
    """Also the check for a websocket handshake, which always carries ``Origin``."""
    own = origin_of(origin)
    if not own or own != origin.lower():
        return False
    if own == origin_of(settings.effective_public_url):
        return True
    return bool(host) and own == origin_of(f"{own.partition('://')[0]}://{host}")


def local_path(target: str, fallback: str) -> str:
    """``target`` if it stays on this site, else ``fallback``."""
    # Browsers take two slashes, a backslash for one, or a tab in between, for another site.
    is_local = target.startswith("/") and not target.startswith("//") and "\\" not in target
    return target if is_local and target.isascii() and target.isprintable() else fallback


def _host(parts: SplitResult) -> str:
    name = parts.hostname or ""
    host = f"[{name}]" if ":" in name else name
    return host if parts.port in {None, _DEFAULT_PORTS[parts.scheme]} else f"{host}:{parts.port}"
