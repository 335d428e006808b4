"""The errors a person may see: one family, each with its HTTP status and a machine-readable code.

    FlowForgeError
    ├── Malformed        400  the request cannot be read
    ├── Unauthenticated  401  nobody is signed in, or the token is dead
    ├── Forbidden        403  signed in, but not allowed
    ├── NotFound         404  does not exist, or is not yours: the same answer
    ├── Conflict         409  somebody or something was quicker
    ├── TooLarge         413  over a size limit
    ├── Invalid          422  readable, but the content is wrong; ``details`` names the fields
    ├── TooMany          429  over a rate limit; ``retry_after`` seconds
    └── Unavailable      503  try again in ``retry_after`` seconds; nothing was stored

The message is written for its reader and says what to do.
"""

from typing import Any, ClassVar


class FlowForgeError(Exception):
    """Something the caller can act on. ``details`` is a list of ``{"path", "message"}``."""

    status: ClassVar[int] = 500
    default_code: ClassVar[str] = "error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        details: list[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.details = details


class Malformed(FlowForgeError):
    status = 400
    default_code = "malformed"


class Unauthenticated(FlowForgeError):
    status = 401
    default_code = "not_signed_in"


class Forbidden(FlowForgeError):
    status = 403
    default_code = "forbidden"


class NotFound(FlowForgeError):
    status = 404
    default_code = "not_found"


class Conflict(FlowForgeError):
    status = 409
    default_code = "conflict"


class TooLarge(FlowForgeError):
    status = 413
    default_code = "too_large"


class Invalid(FlowForgeError):
    status = 422
    default_code = "invalid"


class TooMany(FlowForgeError):
    status = 429
    default_code = "too_many_requests"

    def __init__(self, message: str, *, retry_after: int, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after


class Unavailable(FlowForgeError):
    status = 503
    default_code = "unavailable"
    retry_after: ClassVar[int] = 5
