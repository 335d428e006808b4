"""Routes of ``/api/v1/auth``: accounts by JSON, and the cookie of the browser.

Sign-up says when an address is taken, because people need to know; it is limited per client.
Every other answer is the same for known and unknown addresses.
"""

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from flowforge.api import doors, entry, guards
from flowforge.models import User
from flowforge.services import accounts, sessions, typed
from flowforge.services.access import Actor, Permission

LONGEST_TYPED = 1000

router = APIRouter(prefix="/api/v1/auth", tags=["accounts"])
_open = [doors.public(), Depends(guards.limited)]


class Body(BaseModel):
    """A request body: unknown fields are refused by name."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _password(secret: SecretStr) -> SecretStr:
    typed.password(secret.get_secret_value())
    return secret


Typed = Annotated[str, Field(max_length=LONGEST_TYPED)]
Name = Annotated[Typed, AfterValidator(typed.name)]
Email = Annotated[Typed, AfterValidator(typed.email)]
NewPassword = Annotated[SecretStr, AfterValidator(_password)]
Secret = Annotated[SecretStr, Field(max_length=LONGEST_TYPED)]


class SignUp(Body):
    name: Name
    email: Email
    password: NewPassword


class Token(Body):
    token: Secret


class Address(Body):
    email: Email


class SignIn(Body):
    email: Typed
    password: Secret


class Reset(Body):
    token: Secret
    password: NewPassword


class UserView(BaseModel):
    id: int
    name: str
    email: str


class Said(BaseModel):
    message: str


class SignedUp(BaseModel):
    user: UserView
    message: str


class SignedInView(BaseModel):
    token: str
    expires_at: dt.datetime
    user: UserView


class ProjectView(BaseModel):
    id: str
    name: str


class Me(BaseModel):
    user: UserView
    project: ProjectView
    role: str
    is_admin: bool


def user_view(user: User) -> UserView:
    return UserView.model_validate(user, from_attributes=True)


@router.post("/signup", status_code=201, dependencies=_open)
async def sign_up(body: SignUp, running: doors.Running) -> SignedUp:
    newcomer = entry.Newcomer(body.name, body.email, body.password.get_secret_value())
    user = await entry.sign_up(running, newcomer)
    return SignedUp(
        user=user_view(user),
        message="Account created. Please check your email to verify your account.",
    )


@router.post("/verify-email", dependencies=_open)
async def verify_email(body: Token, running: doors.Running) -> Said:
    await entry.verify_email(running, body.token.get_secret_value())
    return Said(message="Email verified. You can now sign in.")


@router.post("/resend-verification", dependencies=_open)
async def resend_verification(
    body: Address, running: doors.Running, guarded: guards.Guarded
) -> Said:
    await entry.resend_verification(running, guarded, body.email)
    return Said(message="If that email waits for verification, a new link has been sent.")


@router.post("/signin", dependencies=_open)
async def sign_in(body: SignIn, running: doors.Running, guarded: guards.Guarded) -> SignedInView:
    user, signed_in = await entry.sign_in(
        running, guarded, body.email, body.password.get_secret_value()
    )
    return SignedInView(
        token=signed_in.token, expires_at=signed_in.expires_at, user=user_view(user)
    )


@router.post("/signout")
async def sign_out(
    actor: Annotated[Actor, doors.permitted(Permission.READ)], session: doors.Transaction
) -> Said:
    await sessions.revoke(session, actor)
    return Said(message="Signed out.")


@router.get("/me")
async def me(
    actor: Annotated[Actor, doors.permitted(Permission.READ)], session: doors.Reading
) -> Me:
    user, project = await accounts.who(session, actor)
    return Me(
        user=user_view(user),
        project=ProjectView(id=project.id, name=project.name),
        role=actor.role,
        is_admin=user.is_admin,
    )


@router.post("/forgot-password", dependencies=_open)
async def forgot_password(body: Address, running: doors.Running, guarded: guards.Guarded) -> Said:
    await entry.forgot_password(running, guarded, body.email)
    return Said(message="If that email exists, a reset link has been sent.")


@router.post("/reset-password", dependencies=_open)
async def reset_password(body: Reset, running: doors.Running) -> Said:
    await entry.reset_password(
        running, body.token.get_secret_value(), body.password.get_secret_value()
    )
    return Said(message="Password reset successfully. You can now sign in.")
