"""The account forms. What is typed goes from the browser to the API; here only answers arrive.

So no password is ever in a state, and the API's limits and equal answers hold for pages too.
"""

import json
from typing import Any, TypedDict
from urllib.parse import parse_qs

import reflex as rx

from flowforge.infra import runtime
from flowforge.services.origin import local_path
from flowforge.state import doors

API = "/api/v1/auth"
HOME = "/dashboard"
_LONGEST = 400


class Answer(TypedDict, total=False):
    """What ``flowforge.submit`` reports of an answer of the API."""

    status: int
    code: str
    message: str
    details: list[dict[str, Any]]
    said: str


class Forms(rx.State):
    """One form at a time: ``errors`` by field, ``problem`` for the rest.

    ``stage``: "form", or what came of one. Each page has words of its own: a tab that comes from one
    to the next still has the stage of the one before when it is drawn.
    """

    stage: str = "form"
    problem: str = ""
    code: str = ""
    errors: dict[str, str] = {}  # noqa: RUF012 - Reflex copies defaults
    email: str = ""
    is_busy: bool = False
    has_mailbox: bool = False

    @doors.public
    async def begin(self) -> None:
        """An empty form, whatever this tab showed before."""
        self._clear()

    @doors.public
    async def begin_sign_in(self) -> None:
        self._clear()
        if self._asked("error"):
            # A browser without scripts for fetch came back from a native form post.
            self.problem = "The email or the password is wrong."

    @doors.public
    async def begin_verify(self) -> Any:
        self._clear()
        return self._verify()

    @doors.public
    async def begin_reset(self) -> None:
        self._clear()
        if not self._asked("token"):
            self.stage = "unreset"

    @doors.public
    async def sign_in(self) -> Any:
        return self._submit("signin-form", f"{API}/browser/signin", Forms.signed_in)

    @doors.public
    async def signed_in(self, answer: Answer) -> Any:
        if not self._is_good(answer):
            return rx.set_focus("email") if "email" in self.errors else None
        target = local_path(self._asked("next"), HOME)
        return rx.call_script(f"flowforge.enter({json.dumps(target)})")

    @doors.public
    async def sign_up(self, email: str) -> Any:
        self.email = email[:_LONGEST].strip()
        return self._submit("signup-form", f"{API}/signup", Forms.signed_up)

    @doors.public
    async def signed_up(self, answer: Answer) -> None:
        if self._is_good(answer):
            self.stage = "joined"

    @doors.public
    async def resend(self) -> Any:
        return self._post(f"{API}/resend-verification", {"email": self.email}, Forms.resent)

    @doors.public
    async def resent(self, answer: Answer) -> Any:
        if self._is_good(answer):
            return rx.toast.success("Sent again. Look into your inbox.")
        return rx.toast.error(self.problem)

    @doors.public
    async def resend_to(self, email: str) -> Any:
        """The same from the sign-in page, for the address that stands in its form."""
        self.email = email[:_LONGEST].strip()
        return self._post(f"{API}/resend-verification", {"email": self.email}, Forms.resent)

    @doors.public
    async def forgot(self, email: str) -> Any:
        self.email = email[:_LONGEST].strip()
        return self._submit("forgot-form", f"{API}/forgot-password", Forms.forgotten)

    @doors.public
    async def forgotten(self, answer: Answer) -> None:
        if self._is_good(answer):
            self.stage = "mailed"

    @doors.public
    async def reset_password(self) -> Any:
        return self._submit("reset-form", f"{API}/reset-password", Forms.was_reset)

    @doors.public
    async def was_reset(self, answer: Answer) -> None:
        if self._is_good(answer):
            self.stage = "reset"
        elif self.code == "invalid_token":
            self.stage = "unreset"

    @doors.public
    async def verify(self) -> Any:
        return self._verify()

    @doors.public
    async def verified(self, answer: Answer) -> None:
        if self._is_good(answer):
            self.stage = "verified"
        elif self.code == "invalid_token":
            self.stage = "unverified"

    def _clear(self) -> None:
        self.stage, self.problem, self.code = "form", "", ""
        self.errors, self.is_busy, self.email = {}, False, ""
        self.has_mailbox = runtime.current().settings.shows_dev_mailbox

    def _verify(self) -> Any:
        if not self._asked("token"):
            self.stage = "unverified"
            return None
        self.is_busy = True
        call = f"flowforge.useLink({json.dumps(f'{API}/verify-email')})"
        return rx.call_script(call, callback=Forms.verified)

    def _submit(self, form: str, path: str, then: Any) -> Any:
        if self.is_busy:
            return None
        self.is_busy, self.problem, self.code, self.errors = True, "", "", {}
        call = f"flowforge.submit({json.dumps(form)}, {json.dumps(path)})"
        return rx.call_script(call, callback=then)

    def _post(self, path: str, body: dict[str, str], then: Any) -> Any:
        self.is_busy, self.problem, self.code, self.errors = True, "", "", {}
        call = f"flowforge.post({json.dumps(path)}, {json.dumps(body)})"
        return rx.call_script(call, callback=then)

    def _is_good(self, answer: Answer) -> bool:
        """Take in an answer: the browser reports it, so nothing of it is trusted but shown."""
        self.is_busy = False
        self.code = str(answer.get("code", ""))[:_LONGEST]
        found = {
            str(one.get("path", "")): str(one.get("message", ""))[:_LONGEST]
            for one in answer.get("details", [])[:10]
        }
        self.errors = {path: message for path, message in found.items() if path}
        ok = 200 <= int(answer.get("status", 0)) < 300  # noqa: PLR2004 - the class of successes
        self.problem = "" if ok or self.errors else str(answer.get("message", ""))[:_LONGEST]
        return ok

    def _asked(self, name: str) -> str:
        return parse_qs(self.router.url.query or "").get(name, [""])[0][:2000]
