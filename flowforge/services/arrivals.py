"""What is on its way to becoming an event: mostly a request."""

import datetime as dt
import hashlib
import time
from typing import Literal, NamedTuple

from flowforge.models import File
from flowforge.services import leases

LONGEST_DEDUPE_KEY = 255
# In place of a trigger's text: it was examined by something else than the trigger.
ANY = "*"


def storable_key(text: str) -> str:
    """``text`` as a dedupe key that any database can hold: what is too long is named by its hash."""
    whole = text.replace("\0", "").encode("utf-8", "replace")
    if len(whole) <= LONGEST_DEDUPE_KEY:
        return whole.decode()
    return f"sha256:{hashlib.sha256(whole).hexdigest()}"


class Examined(NamedTuple):
    """What a zap's trigger says about a request. ``by`` is that trigger, as stored: what was
    examined by another one is examined again.

    ``verdict`` None: it may start a run. ``status`` is the answer to what may not, ``scheme`` what
    proved where the request came from.
    """

    by: str | None
    verdict: Literal["rejected", "filtered"] | None = None
    reason: str | None = None
    status: int | None = None
    scheme: str | None = None


class Arrival(NamedTuple):
    """A request as it came. ``headers``, ``query`` and ``body`` are JSON text.

    ``user_id`` is None where the URL does not name the owner. ``refusal`` is why the request is
    rejected whatever the zap says; it is stored all the same. ``files`` are inserted with the
    event; ``blob_keys`` are all blobs written for it, to be removed if no row refers to them.
    ``status`` is what the sender is answered if nothing is wrong, ``began`` when its request came
    (``time.perf_counter``). What fires without a request has a ``trigger`` of its own, and
    is looked for by the zap's id in place of ``hook_id``; ``due_at``: when its run is to begin.
    """

    hook_id: str
    user_id: int | None
    method: str
    source_ip: str
    content_type: str
    headers: str
    query: str
    raw: bytes | None
    size: int
    dedupe_key: str | None = None
    body: str | None = None
    blob_key: str | None = None
    refusal: str | None = None
    files: tuple[File, ...] = ()
    blob_keys: tuple[str, ...] = ()
    refusal_status: int = 400
    status: int | None = None
    began: float | None = None
    examined: Examined | None = None
    trigger: str = "webhook"
    priority: int = leases.USUAL
    due_at: dt.datetime | None = None

    def age_ms(self) -> int | None:
        """For how long its sender has been waiting."""
        return None if self.began is None else int((time.perf_counter() - self.began) * 1000)
