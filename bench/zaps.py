"""The owner and the zaps that the benchmarks fire."""

from typing import Any

from flowforge.config import load_settings
from flowforge.infra import migrations
from flowforge.infra.runtime import open_runtime
from flowforge.services import accounts, sessions, versions, zaps


def _post(number: int, sink: str) -> dict[str, Any]:
    return {
        "id": f"post{number}",
        "kind": "action",
        "action": "webhook",
        "inputs": {
            "url": f"{sink}/s/{number}",
            "body": {"id": "{{ trigger.body.id }}", "step": number},
        },
    }


_NO_OP = {"id": "pass", "kind": "filter", "when": {"any": []}}


async def make_zaps(sink: str, intake: str) -> dict[str, str]:
    """Hook URLs: ``none`` is never worked on, ``one`` and ``three`` post that often,
    ``waits`` a day later, ``reply`` answers, and ``sync`` is where one waits for that.
    """
    settings = load_settings()
    await migrations.upgrade(settings.effective_database_url)
    hooks = {}
    async with open_runtime(settings) as runtime, runtime.db.transaction() as session:
        user = await accounts.sign_up(
            session,
            runtime,
            name="Bench",
            email="bench@example.com",
            password_hash="!",  # nobody signs in
        )
        await session.flush()
        signed_in = await sessions.open_session(session, settings, user)
        actor = await sessions.actor_from_token(session, settings, signed_in.token)
        assert actor is not None
        for name, steps in {
            "none": [_NO_OP],
            "one": [_post(1, sink)],
            "three": [_post(number, sink) for number in (1, 2, 3)],
            "reply": [{"id": "answer", "kind": "reply", "body": {"n": "{{ trigger.body.id }}"}}],
            "waits": [{"id": "nap", "kind": "delay", "seconds": 86_400}, _post(1, sink)],
        }.items():
            definition = {"trigger": {"kind": "webhook"}, "steps": steps}
            zap = await zaps.create(session, actor, name=name, definition=definition)
            await versions.publish(session, actor, zap.id)
            hooks[name] = f"{intake}/hooks/catch/{actor.user_id}/{zap.id}"
        hooks["sync"] = f"{intake}/api/v1/webhooks/{hooks['reply'].rsplit('/', 1)[1]}/sync"
    return hooks
