"""Settings: read from the environment and ``.env`` once, validated, with one sentence per mistake."""

import ipaddress
import re
import secrets
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX = "FLOWFORGE_"
LOOPBACK_HOSTS = {"127.0.0.1", "::1", "localhost"}
SHORTEST_SECRET = 16

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Settings(BaseSettings):
    """Everything an operator can set; ``.env.example`` documents each."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    port: int = Field(3000, ge=1, le=65535)
    host: str = "127.0.0.1"
    data_dir: Path = Path(".flowforge")
    database_url: str = ""
    redis_url: str = ""
    redis_prefix: str = "flowforge"
    public_url: str = ""
    secret_key: SecretStr = SecretStr("")
    encryption_key: SecretStr = SecretStr("")

    resend_api_key: SecretStr = SecretStr("")
    resend_api_url: str = "https://api.resend.com"
    smtp_url: SecretStr = SecretStr("")
    mail_from: str = "FlowForge <flowforge@localhost>"

    github_api_url: str = "https://api.github.com"

    solana_rpc_url: str = "https://api.devnet.solana.com"
    solana_secret_key: SecretStr = SecretStr("")
    solana_dry_run: bool = True

    hook_rate_limit: str = "30/minute"
    auth_rate_limit: str = "50/minute"
    sync_timeout_seconds: float = Field(30.0, ge=1.0, le=900.0)
    hook_body_limit: int = Field(25 * 1024 * 1024, ge=1024)
    worker_concurrency: int = Field(50, ge=1, le=1000)
    project_concurrency: int = Field(0, ge=0, le=100_000)
    workers: int = Field(1, ge=1, le=64)
    web_workers: int = Field(1, ge=1, le=64)
    lease_seconds: float = Field(15.0, ge=1.0, le=600.0)
    run_timeout_seconds: float = Field(600.0, ge=1.0)
    database_pool_size: int = Field(10, ge=2, le=200)
    egress_allow: Annotated[tuple[Network, ...], NoDecode] = ()
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode] = ()
    signup: Literal["open", "invite"] = "open"
    jwt_ttl_seconds: int = Field(7 * 24 * 3600, ge=60)
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("egress_allow", "trusted_proxies", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        parts = [part.strip() for part in value.split(",") if part.strip()]
        return tuple(ipaddress.ip_network(part, strict=False) for part in parts)

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        if value and not value.startswith(("postgresql://", "postgres://", "sqlite:///")):
            raise ValueError("must start with postgresql:// (or be empty for the built-in SQLite)")
        return value

    @field_validator("redis_url")
    @classmethod
    def _known_redis(cls, value: str) -> str:
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must start with redis://, rediss:// or unix://")
        return value

    @field_validator("public_url", "resend_api_url", "github_api_url", "solana_rpc_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        if value and (
            urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).netloc
        ):
            raise ValueError("must be a web address such as https://flowforge.example.com")
        return value.rstrip("/")

    @field_validator("hook_rate_limit", "auth_rate_limit")
    @classmethod
    def _rate(cls, value: str) -> str:
        if value != "off" and not re.fullmatch(r"[1-9]\d{0,8}/(second|minute|hour|day)", value):
            raise ValueError("must look like 30/minute, or be off")
        return value

    @model_validator(mode="after")
    def _keys_for_production(self) -> "Settings":
        if not self.is_embedded_database:
            for name in ("secret_key", "encryption_key"):
                if len(getattr(self, name).get_secret_value()) < SHORTEST_SECRET:
                    raise ValueError(
                        f"{PREFIX}{name.upper()} is required once {PREFIX}DATABASE_URL is set: "
                        f"at least {SHORTEST_SECRET} characters; "
                        "`python -m flowforge doctor --new-key` prints a fresh one"
                    )
        return self

    @model_validator(mode="after")
    def _redis_for_many_web_workers(self) -> "Settings":
        if self.web_workers > 1 and not self.redis_url:
            raise ValueError(
                f"{PREFIX}WEB_WORKERS above 1 needs {PREFIX}REDIS_URL: "
                "the web processes share what a tab shows through Redis"
            )
        return self

    @property
    def is_embedded_database(self) -> bool:
        """True where the data lives in DATA_DIR and its keys may be generated there."""
        return not self.database_url.startswith("postgres")

    @property
    def effective_database_url(self) -> str:
        """The SQLAlchemy URL of the async driver."""
        if not self.database_url:
            return f"sqlite+aiosqlite:///{self.data_dir.resolve() / 'flowforge.db'}"
        scheme, rest = self.database_url.split("://", 1)
        driver = "sqlite+aiosqlite" if scheme == "sqlite" else "postgresql+asyncpg"
        return f"{driver}://{rest}"

    @property
    def effective_public_url(self) -> str:
        """Where links in mails and webhook URLs point to; never taken from a Host header."""
        if self.public_url:
            return self.public_url
        host = "localhost" if self.host in LOOPBACK_HOSTS | {"0.0.0.0", "::"} else self.host  # noqa: S104 - a comparison
        return f"http://{host}:{self.port}"

    @property
    def has_mail_transport(self) -> bool:
        return bool(self.resend_api_key.get_secret_value() or self.smtp_url.get_secret_value())

    @property
    def shows_dev_mailbox(self) -> bool:
        """Mail lands on a page only where nobody else can reach that page."""
        return not self.has_mail_transport and self.host in LOOPBACK_HOSTS

    @property
    def encryption_keys(self) -> tuple[str, ...]:
        """Newest first; the first seals, all of them open."""
        raw = self.encryption_key.get_secret_value()
        return tuple(key.strip() for key in raw.split(",") if key.strip())


@lru_cache(maxsize=1)
def load_settings() -> Settings:
    """The settings of this process.

    Raises: SystemExit with one sentence per mistake.
    """
    try:
        settings = Settings()
    except ValidationError as problem:
        raise SystemExit("\n".join(_sentences(problem))) from None
    return _with_generated_keys(settings) if settings.is_embedded_database else settings


def _sentences(problem: ValidationError) -> list[str]:
    sentences = []
    for error in problem.errors(include_url=False, include_input=False):
        message = error["msg"].removeprefix("Value error, ")
        name = f"{PREFIX}{str(error['loc'][0]).upper()}: " if error["loc"] else ""
        sentences.append(f"Cannot start: {name}{message}.")
    return sentences


def _with_generated_keys(settings: Settings) -> Settings:
    """Embedded mode: keys that are not set live in DATA_DIR, made on first start, owner-only."""
    found = {}
    for name in ("secret_key", "encryption_key"):
        if not getattr(settings, name).get_secret_value():
            found[name] = SecretStr(_key_file(settings.data_dir / name))
    return settings.model_copy(update=found)


def _key_file(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Two processes may start at once: a hard link from a finished file appears whole or not at all.
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    fresh.touch(mode=0o600)
    fresh.write_text(secrets.token_urlsafe(32))
    try:
        path.hardlink_to(fresh)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return path.read_text().strip()
