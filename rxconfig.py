"""How Reflex runs here: node from pip, one port for everything, no telemetry.

``reflex run`` reads this file first; ``python -m flowforge web`` too, when it builds and serves.
"""

import json
import os
from pathlib import Path
from typing import Any

from flowforge.config import LOOPBACK_HOSTS, Settings, load_settings
from flowforge.infra import frontend

ROOT = Path(__file__).resolve().parent
SETTINGS = load_settings()
REFLEX_PID = "FLOWFORGE_REFLEX_PID"
# The first process to read this file is Reflex' own; those that it starts inherit the number.
os.environ.setdefault(REFLEX_PID, str(os.getpid()))
IS_SERVING = os.environ.get("__REFLEX_SKIP_COMPILE") == "true"
if not IS_SERVING:
    # Before Reflex looks for node: a machine's own may be missing or too old.
    os.environ.update(frontend.environment(ROOT))
# One granian with one worker, also where somebody has installed uvicorn and gunicorn.
os.environ.setdefault("REFLEX_USE_GRANIAN", "true")
os.environ.setdefault("GRANIAN_WORKERS", str(SETTINGS.web_workers))
# By default Reflex watches the whole tree: each pid file of ours would restart the backend.
os.environ.setdefault("REFLEX_HOT_RELOAD_OVERRIDE_PATHS", str(ROOT / "flowforge"))

import reflex as rx  # noqa: E402 - the environment above must stand first
from reflex.config import get_config  # noqa: E402

SOCKET = r"^/_event(/|\?|$)"
BEHIND_THE_DOOR = (
    SOCKET,
    r"^/(api|hooks|_upload)(/|\?|$)",
    r"^/(health|ready|metrics|_health|ping)(\?|$)",
)


class OnePort(rx.plugins.Plugin):
    """The browser needs one address only, whatever it is: see docs/adr/0003-one-port.md.

    Each edit is refused loudly where the pinned Reflex no longer has the place it edits.
    """

    def pre_compile(self, **context: Any) -> None:
        context["add_modify_task"]("utils/state.js", _same_origin)
        context["add_modify_task"]("vite.config.js", _with_the_door)

    def get_static_assets(self, **context: Any) -> list[tuple[Path, str | bytes]]:
        return [(Path("vite-plugin-flowforge.js"), _vite_plugin())]


def _same_origin(source: str) -> str:
    """The websocket goes to wherever the page came from: one bundle serves every address."""
    place = "const endpoint = new URL(url_str);\n"
    ours = (
        "const endpoint = new URL(url_str);\n"
        '  if (typeof window !== "undefined") {\n'
        "    // FlowForge: page, API and websocket share one origin.\n"
        '    const isSocket = endpoint.protocol.startsWith("ws");\n'
        "    const here = new URL(endpoint.pathname + endpoint.search, window.location.origin);\n"
        '    if (isSocket) here.protocol = here.protocol === "https:" ? "wss:" : "ws:";\n'
        "    return here;\n"
        "  }\n"
    )
    return _edited(source, "utils/state.js", {place: ours}, mark="FlowForge: page, API")


def _with_the_door(source: str) -> str:
    return _edited(
        source,
        "vite.config.js",
        {
            'import { defineConfig } from "vite";\n': (
                'import { defineConfig } from "vite";\n'
                'import flowforge from "./vite-plugin-flowforge.js";\n'
            ),
            "    safariCacheBustPlugin(),\n": "    safariCacheBustPlugin(),\n    flowforge(),\n",
        },
        mark="vite-plugin-flowforge.js",
    )


def _edited(source: str, name: str, edits: dict[str, str], *, mark: str) -> str:
    if mark in source:
        return source
    for place, replacement in edits.items():
        if source.count(place) != 1:
            raise RuntimeError(f"Reflex' {name} has changed: rxconfig.py must learn its new form.")
        source = source.replace(place, replacement)
    return source


def _vite_plugin() -> str:
    """The dev server listens where HOST says (Reflex starts it on every address) and hands on."""
    backend = f"http://127.0.0.1:{get_config().backend_port or 8000}"
    proxy = {path: {"target": backend, "ws": path == SOCKET} for path in BEHIND_THE_DOOR}
    server = {"host": SETTINGS.host, "strictPort": True, "proxy": proxy}
    return (
        "// Written by rxconfig.py.\n"
        "export default function flowforge() {\n"
        '  return { name: "flowforge", config: (_, env) =>\n'
        '    env.command === "serve" && !env.isPreview\n'
        f"      ? {{ server: {json.dumps(server)} }} : {{}},\n"
        # Between Reflex and this server stand npm and a shell. A signal ends the shell only, and
        # Reflex waits for our output to end; when it is killed, npm and the shell stay.
        "    configureServer() {\n"
        "      const parent = process.ppid;\n"
        "      setInterval(() => {\n"
        "        if (process.ppid !== parent) process.exit(0);\n"
        f"        try {{ process.kill(Number(process.env.{REFLEX_PID}), 0); }}\n"
        "        catch { process.exit(0); }\n"
        "      }, 500).unref();\n"
        "    } };\n"
        "}\n"
    )


def _origins(settings: Settings) -> list[str]:
    """Who may open the websocket and call the API from a page: ourselves, by our own names."""
    origins = [settings.effective_public_url]
    if settings.host in LOOPBACK_HOSTS:
        origins += [f"http://{name}:{settings.port}" for name in ("localhost", "127.0.0.1")]
    return list(dict.fromkeys(origins))


def _state_store(settings: Settings) -> dict[str, Any]:
    """What a tab shows is kept in memory; several web processes share it through Redis."""
    if settings.web_workers > 1:
        return {
            "redis_url": settings.redis_url,
            "state_manager_mode": rx.constants.StateManagerMode.REDIS,
        }
    return {"state_manager_mode": rx.constants.StateManagerMode.MEMORY}


config = rx.Config(
    app_name="flowforge",
    # The backend's own port exists in dev mode only; Reflex takes the first free one from 8000 on.
    frontend_port=SETTINGS.port,
    backend_host=SETTINGS.host,
    api_url=SETTINGS.effective_public_url,
    deploy_url=SETTINGS.effective_public_url,
    cors_allowed_origins=_origins(SETTINGS),
    telemetry_enabled=False,
    show_built_with_reflex=False,
    plugins=[OnePort()],
    # The pages have a look of their own: Radix' would add 650 kB of style sheet to each.
    disable_plugins=[rx.plugins.SitemapPlugin, rx.plugins.RadixThemesPlugin],
    **_state_store(SETTINGS),
)
