"""Slack, by incoming webhook."""

from pydantic import Field, SecretStr, field_validator

from flowforge.actions.sdk import (
    App,
    Context,
    Filled,
    FilledSecret,
    Hint,
    Inputs,
    Output,
    action,
    raise_for_answer,
    send,
)

SLACK = App("slack", "Slack")


class Message(Inputs):
    hints = (
        Hint(
            "[Make an incoming webhook](https://api.slack.com/messaging/webhooks) in Slack, once for"
            " each channel.",
            "tip",
        ),
    )
    webhook_url: FilledSecret = Field(
        alias="webhookUrl",
        title="Webhook URL",
        description="In Slack: your app, Incoming Webhooks. Whoever knows it can post.",
        json_schema_extra={
            "widget": "secret",
            "secret": True,
            "placeholder": "https://hooks.slack.com/services/…",
        },
    )
    message: Filled = Field(
        title="Message",
        description="Slack's own formatting works: *bold*, _italic_, <https://example.com|link>.",
        max_length=40_000,  # what chat.postMessage cuts off at
        json_schema_extra={"widget": "textarea"},
    )

    @field_validator("webhook_url")
    @classmethod
    def _web_address(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(("https://", "http://")):
            raise ValueError("must be the full URL that Slack shows, starting with https://")
        return value


class Posted(Output):
    status: int = Field(title="Status", description="Slack's HTTP status.")


@action("slack", name="Slack Notification", app=SLACK, keywords=("chat", "channel", "notify"))
async def post_message(ctx: Context[None], inputs: Message) -> Posted:
    """Post a message to the channel of an incoming webhook."""
    response = await send(
        ctx.http,
        "POST",
        inputs.webhook_url.get_secret_value(),
        headers={"Idempotency-Key": ctx.idempotency_key},
        json={"text": inputs.message},
    )
    # The URL is the credential, so it stays out of the message.
    raise_for_answer(response, said="Posting to Slack")
    return Posted(status=response.status_code)
