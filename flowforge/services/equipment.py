"""What steps are performed with in this process: its adapters, and what of the operator's settings
actions may know.
"""

from flowforge.actions import REGISTRY
from flowforge.actions.sdk import ActionConfig, SolanaConfig
from flowforge.infra.mail import Mailer, Message
from flowforge.infra.runtime import Runtime
from flowforge.services import mailbox, step_files
from flowforge.services.steps import Performer, StoreOf, sandbox_of
from flowforge.services.values import Values


def performer(runtime: Runtime, store_of: StoreOf, values: Values) -> Performer:
    """Performs steps with what ``runtime`` has open."""
    return Performer(
        REGISTRY,
        runtime.http,
        action_config(runtime),
        store_of,
        values,
        sandbox=sandbox_of(runtime),
        files_of=lambda project_id: step_files.of_project(runtime, project_id),
    )


def mailer(runtime: Runtime) -> Mailer:
    """Sends mail as the operator has set it up."""

    async def into_mailbox(message: Message, key: str) -> str:
        # As with a provider, a mail that was sent stays sent, whatever becomes of its step.
        async with runtime.db.transaction() as session:
            await mailbox.put(session, message)
        return key

    return Mailer(runtime.settings, into_mailbox if runtime.settings.shows_dev_mailbox else None)


def action_config(runtime: Runtime) -> ActionConfig:
    """The operator's settings that actions may know of."""
    settings = runtime.settings
    return ActionConfig(
        mailer=mailer(runtime),
        solana=SolanaConfig(
            rpc_url=settings.solana_rpc_url,
            secret_key=settings.solana_secret_key.get_secret_value(),
            dry_run=settings.solana_dry_run,
        ),
    )
