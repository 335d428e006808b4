"""send-sol against a real ledger: exact, and never twice, whatever breaks in between."""

import json
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from solders.keypair import Keypair

from flowforge.actions.sdk import (
    ActionConfig,
    Context,
    FatalError,
    RetryableError,
    SolanaConfig,
)
from flowforge.actions.solana import Payment, Sent, send_sol
from tests.servers.memory_store import Crash, MemoryStore
from tests.servers.rude_http import free_port
from tests.servers.solana_node import SolanaNode, running_node

SOL = 10**9
FEE = 5_000


class Payer:
    """One step of one run that pays from a funded wallet."""

    def __init__(self, node: SolanaNode, http: httpx.AsyncClient, *, funds: int = 10 * SOL) -> None:
        self.node = node
        self.http = http
        self.wallet = Keypair()
        self.receiver = str(Keypair().pubkey())
        self.store = MemoryStore()
        if funds:
            node.fund(self.wallet.pubkey(), funds)

    async def pay(
        self,
        amount: str = "1",
        *,
        key: str = "run-1:pay",
        dry_run: bool = False,
        url: str | None = None,
        store: MemoryStore | None = None,
    ) -> Sent:
        config = SolanaConfig(
            rpc_url=url or self.node.url,
            secret_key=str(self.wallet),
            dry_run=dry_run,
            confirm_seconds=0.05,
            poll_seconds=0.01,
        )
        ctx: Context[None] = Context(
            connection=None,
            http=self.http,
            idempotency_key=key,
            store=self.store if store is None else store,
            config=ActionConfig(solana=config),
        )
        inputs = send_sol.validate({"address": self.receiver, "amount": amount})
        return await send_sol(ctx, inputs)

    @property
    def received(self) -> int:
        return self.node.balance(self.receiver)


@pytest.fixture
def payer(node: SolanaNode, http: httpx.AsyncClient) -> Payer:
    return Payer(node, http)


async def test_the_receiver_gets_exactly_the_amount_and_the_wallet_pays_it_and_the_fee(
    payer: Payer,
) -> None:
    sent = await payer.pay("1.234567891")
    assert payer.received == 1_234_567_891 == sent.lamports
    assert payer.node.balance(payer.wallet.pubkey()) == 10 * SOL - 1_234_567_891 - FEE
    assert sent.signature in payer.node.statuses
    assert sent.dry_run is False


async def test_a_tenth_and_two_tenths_make_exactly_three_tenths(payer: Payer) -> None:
    await payer.pay("0.1", key="run-1:a", store=MemoryStore())
    await payer.pay("0.2", key="run-1:b", store=MemoryStore())
    assert payer.received == 300_000_000


async def test_two_runs_that_pay_the_same_in_the_same_block_both_pay(payer: Payer) -> None:
    payer.node.stands_still = True
    await payer.pay("0.5", key="run-1:pay", store=MemoryStore())
    await payer.pay("0.5", key="run-2:pay", store=MemoryStore())
    assert payer.received == SOL


async def test_a_dry_run_asks_the_node_nothing_and_says_so(payer: Payer) -> None:
    sent = await payer.pay("0.5", dry_run=True)
    assert sent == Sent(dry_run=True, address=payer.receiver, lamports=500_000_000, signature=None)
    assert not payer.node.calls
    assert not payer.store.values


async def test_more_than_the_wallet_holds_fails_for_good_and_pays_nothing(payer: Payer) -> None:
    with pytest.raises(FatalError, match="does not hold enough SOL"):
        await payer.pay("50")
    assert payer.received == 0


async def test_an_empty_wallet_fails_for_good(node: SolanaNode, http: httpx.AsyncClient) -> None:
    with pytest.raises(FatalError, match="does not hold enough SOL"):
        await Payer(node, http, funds=0).pay()


async def test_less_than_an_account_must_hold_fails_for_good_with_the_minimum(payer: Payer) -> None:
    with pytest.raises(FatalError, match=r"about 0\.00089 SOL"):
        await payer.pay("0.000000001")


@pytest.mark.parametrize("side", ["before", "after"])
async def test_a_crash_around_the_store_pays_once(payer: Payer, side: str) -> None:
    payer.store.crashes.append(side)
    with pytest.raises(Crash):
        await payer.pay()
    assert payer.received == 0
    await payer.pay()
    assert payer.received == SOL


async def test_a_stored_transaction_that_was_never_sent_is_sent_as_it_is(payer: Payer) -> None:
    payer.store.crashes.append("after")
    with pytest.raises(Crash):
        await payer.pay()
    stored = payer.store.values["tx"]
    sent = await payer.pay()
    assert sent.signature == stored["signature"]
    assert payer.store.values["tx"] == stored


async def test_a_send_that_was_carried_out_but_not_answered_is_found_again(payer: Payer) -> None:
    # The client itself sends once more over a new connection: both answers are lost.
    payer.node.faults.extend(["unanswered"])
    payer.node.broken.add("getSignatureStatuses")
    with pytest.raises(RetryableError):
        await payer.pay()
    assert payer.received == SOL
    payer.node.broken.clear()
    calls = len(payer.node.sent)
    await payer.pay()
    assert payer.received == SOL
    assert len(payer.node.sent) == calls


async def test_an_unseen_transaction_is_repeated_byte_for_byte_while_it_is_valid(
    payer: Payer,
) -> None:
    payer.node.faults.extend(["lost", "lost"])
    with pytest.raises(RetryableError, match="cannot be reached"):
        await payer.pay()
    await payer.pay()
    assert len(set(payer.node.sent)) == 1
    assert payer.received == SOL


async def test_an_expired_transaction_is_signed_anew(payer: Payer) -> None:
    payer.node.faults.append("held")
    with pytest.raises(RetryableError, match="not confirmed yet"):
        await payer.pay()
    first = payer.store.values["tx"]["signature"]
    payer.node.expire()
    sent = await payer.pay()
    payer.node.release()
    assert sent.signature != first
    assert payer.received == SOL


async def test_a_transaction_that_lands_just_before_it_expires_is_not_paid_again(
    payer: Payer,
) -> None:
    payer.node.faults.append("held")
    with pytest.raises(RetryableError):
        await payer.pay()
    payer.node.release()
    payer.node.expire()
    await payer.pay()
    assert payer.received == SOL


async def test_a_node_that_lags_behind_is_not_believed_that_the_payment_failed(
    payer: Payer,
) -> None:
    payer.node.faults.append("held")
    with pytest.raises(RetryableError):
        await payer.pay()
    payer.node.expire()
    payer.node.status_slot = 1
    with pytest.raises(RetryableError, match="lags behind"):
        await payer.pay()
    assert len(payer.node.sent) == 1


async def test_a_transaction_carried_out_with_an_error_fails_for_good(payer: Payer) -> None:
    payer.node.faults.append("unchecked")
    with pytest.raises(FatalError, match="nothing was paid"):
        await payer.pay("50")
    with pytest.raises(FatalError, match="Replay the event"):
        await payer.pay("50")
    assert payer.received == 0
    assert len(payer.node.sent) == 1


async def test_changed_inputs_never_pay_beside_an_open_payment(payer: Payer) -> None:
    payer.node.faults.append("held")
    with pytest.raises(RetryableError):
        await payer.pay("1")
    with pytest.raises(RetryableError, match="inputs changed"):
        await payer.pay("2")
    payer.node.release()
    with pytest.raises(FatalError, match="already paid 1000000000 lamports"):
        await payer.pay("2")
    assert payer.received == SOL


async def test_no_refusal_is_final_while_an_earlier_send_may_still_be_carried_out(
    node: SolanaNode, http: httpx.AsyncClient
) -> None:
    payer = Payer(node, http, funds=3 * SOL // 2)
    node.faults.append("held")
    with pytest.raises(RetryableError):
        await payer.pay()
    await payer.pay(key="run-2:pay", store=MemoryStore())
    with pytest.raises(RetryableError, match="not confirmed yet"):
        await payer.pay()
    node.fund(payer.wallet.pubkey(), SOL)
    node.release()
    await payer.pay()
    assert payer.received == 2 * SOL


async def test_a_node_that_nobody_runs_is_tried_later(payer: Payer) -> None:
    with pytest.raises(RetryableError, match="cannot be reached"):
        await payer.pay(url=f"http://127.0.0.1:{free_port()}")
    assert not payer.store.values


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "<html>busy</html>",
        "[]",
        '{"jsonrpc":"2.0","id":0,"result":null}',
        '{"jsonrpc":"2.0","id":0,"error":{"code":-32005,"message":"Node is behind","data":{}}}',
        '{"jsonrpc":"2.0","id":0,"error":{"code":429,"message":"Too many requests"}}',
        '{"jsonrpc":"2.0","id":0,"error":{"code":-32002,"message":"x","data":{"err":"Brandnew"}}}',
    ],
)
@pytest.mark.parametrize(
    "method", ["getLatestBlockhash", "sendTransaction", "getSignatureStatuses"]
)
async def test_an_odd_answer_of_the_node_is_tried_later_and_pays_once(
    payer: Payer, method: str, answer: str
) -> None:
    payer.node.raw_answers[method] = answer
    with pytest.raises(RetryableError):
        await payer.pay()
    payer.node.raw_answers.clear()
    await payer.pay()
    assert payer.received == SOL


async def test_the_wallet_may_be_the_array_that_solana_keygen_writes(payer: Payer) -> None:
    config = SolanaConfig(
        rpc_url=payer.node.url, secret_key=json.dumps(list(bytes(payer.wallet))), dry_run=False
    )
    ctx: Context[None] = Context(
        connection=None,
        http=payer.http,
        idempotency_key="k",
        store=MemoryStore(),
        config=ActionConfig(solana=config),
    )
    await send_sol(ctx, Payment(address=payer.receiver, amount=Decimal(1)))
    assert payer.received == SOL


Step = Callable[[Payer], None]
STEPS: dict[str, Step] = {
    "crash before the store": lambda payer: payer.store.crashes.append("before"),
    "crash after the store": lambda payer: payer.store.crashes.append("after"),
    "send lost": lambda payer: payer.node.faults.extend(["lost", "lost"]),
    "send carried out, not answered": lambda payer: payer.node.faults.append("unanswered"),
    "send held back": lambda payer: payer.node.faults.append("held"),
    "statuses silent": lambda payer: payer.node.broken.add("getSignatureStatuses"),
    "heights silent": lambda payer: payer.node.broken.add("getBlockHeight"),
    "network delivers": lambda payer: payer.node.release(),
    "blocks pass": lambda payer: payer.node.expire(),
    "nothing": lambda payer: None,
}


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(story=st.lists(st.lists(st.sampled_from(sorted(STEPS)), max_size=3), max_size=6))
async def test_no_order_of_crashes_and_faults_pays_twice(story: list[list[str]]) -> None:
    async with running_node() as node, httpx.AsyncClient() as http:
        payer = Payer(node, http)
        for faults in story:
            for fault in faults:
                STEPS[fault](payer)
            with suppress(Crash, RetryableError):
                await payer.pay()
            node.faults.clear()
            node.broken.clear()
            payer.store.crashes.clear()
            assert payer.received in (0, SOL)
        node.release()
        node.expire()
        await payer.pay()
        node.release()
        assert payer.received == SOL
