"""SOL from the operator's wallet: exact to the lamport, and never twice.

The signed transaction is stored before it is first sent, and every later attempt begins by
looking its signature up. The chain carries out one signature at most once, so sending the same
bytes again is harmless, and a new transaction is signed only when the old one can no longer be
carried out. That is why the action is repeatable although it moves money: an attempt whose
outcome is unknown is answered by the next one, and a human has nothing to decide.
"""

import asyncio
import hashlib
import re
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from decimal import Decimal, localcontext
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import from_json
from solana.exceptions import SolanaRpcException
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed, Finalized
from solana.rpc.core import RPCException
from solana.rpc.models import TxOpts
from solders.errors import SerdeJSONError
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction
from solders.transaction_status import TransactionConfirmationStatus, TransactionStatus

from flowforge.actions.sdk import (
    App,
    Context,
    FatalError,
    Filled,
    Hint,
    Inputs,
    Output,
    RetryableError,
    SolanaConfig,
    action,
)

SOLANA = App("solana", "Solana")
DECIMALS = 9  # 1 SOL = 10**9 lamports
MOST_LAMPORTS = 2**64 - 1
MEMO_PROGRAM = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")
STORE_KEY = "tx"
RPC_SECONDS = 10.0
LOOK_AGAIN = timedelta(seconds=15)
T = TypeVar("T")


def _plain_number(value: object) -> object:
    # A float goes through repr, so 0.1 is one tenth; bool is an int to Python and none to us.
    if isinstance(value, float | int) and not isinstance(value, bool):
        value = repr(value)
    if not isinstance(value, str | Decimal):
        raise ValueError("must be a number such as 0.25")  # noqa: TRY004 - pydantic's way
    text = str(value).strip()
    if not re.fullmatch(r"\+?[0-9]{1,20}(\.[0-9]{0,40})?([eE][+-]?[0-9]{1,2})?", text):
        raise ValueError("must be a positive number such as 0.25, with a point")
    return Decimal(text)


def _payable(amount: Decimal) -> Decimal:
    lamports = _lamports(amount)
    if lamports <= 0:
        raise ValueError("must be more than 0")
    if lamports != lamports.to_integral_value():
        raise ValueError(
            f"{amount} SOL has more than {DECIMALS} decimals; the smallest part is 0.000000001 SOL"
        )
    if lamports > MOST_LAMPORTS:
        raise ValueError(f"{amount} SOL is more than exists")
    return amount


def _lamports(amount: Decimal) -> Decimal:
    with localcontext() as exact:
        exact.prec = 200  # more digits than the pattern lets in: nothing is ever rounded
        return amount.scaleb(DECIMALS)


def _account(value: str) -> str:
    try:
        Pubkey.from_string(value)
    except ValueError as problem:
        raise ValueError("is not a Solana address (32 bytes in base58)") from problem
    return value


class Payment(Inputs):
    hints = (Hint("What is confirmed on the chain **cannot be taken back**.", "warning"),)
    address: Annotated[Filled, AfterValidator(_account)] = Field(
        title="Address",
        description="The account that receives the SOL.",
        json_schema_extra={"placeholder": "base58 address"},
    )
    amount: Annotated[Decimal, BeforeValidator(_plain_number), AfterValidator(_payable)] = Field(
        title="Amount",
        description="In SOL, up to 9 decimals.",
        examples=["0.25"],
        json_schema_extra={"widget": "number", "placeholder": "0.25"},
    )


class Sent(Output):
    dry_run: bool = Field(title="Dry run", description="True: nothing was sent.")
    address: str = Field(title="Address")
    lamports: int = Field(title="Lamports", description="1 SOL is 1,000,000,000 lamports.")
    signature: str | None = Field(title="Signature", description="Empty in a dry run.")


@dataclass(frozen=True)
class Signed:
    """A transaction as it is stored: ``raw`` is base64; valid up to that block height."""

    raw: str
    signature: str
    last_valid_block_height: int
    address: str
    lamports: int


@action(
    "send-sol",
    name="Send Solana",
    app=SOLANA,
    repeatable=True,
    moves_money=True,
    keywords=("crypto", "pay", "transfer", "wallet", "coin"),
)
async def send_sol(ctx: Context[None], inputs: Payment) -> Sent:
    """Send SOL from the operator's wallet to an address."""
    config = ctx.config.solana
    lamports = int(_lamports(inputs.amount))
    if config.dry_run:
        if config.secret_key:
            _wallet(config)
        ctx.log(f"Dry run: {lamports} lamports would go to {inputs.address}.")
        return Sent(dry_run=True, address=inputs.address, lamports=lamports, signature=None)
    wallet = _wallet(config)
    async with AsyncClient(config.rpc_url, timeout=RPC_SECONDS, http2=False) as node:
        signed = await _pay(ctx, node, wallet, (inputs.address, lamports))
    return Sent(
        dry_run=False, address=signed.address, lamports=signed.lamports, signature=signed.signature
    )


async def _pay(
    ctx: Context[None], node: AsyncClient, wallet: Keypair, order: tuple[str, int]
) -> Signed:
    former = await ctx.store.get(STORE_KEY)
    signed = Signed(**former) if former is not None else None
    if signed is not None:
        status, expired = await _look_up(node, signed)
        if status is None and not expired:
            _same_order(signed, order)
            await _send_again(node, signed)
        elif status is None:
            ctx.log(f"Transaction {signed.signature} expired without being carried out.")
            signed = None
    if signed is None:
        signed = await _sign(node, wallet, order, ctx.idempotency_key)
        # Before the first byte goes out: whatever happens now, the next attempt knows of it.
        await ctx.store.put(STORE_KEY, asdict(signed))
        await _send_first(node, signed)
    await _confirm(node, signed, ctx.config.solana)
    _same_order(signed, order, paid=True)
    return signed


async def _look_up(node: AsyncClient, signed: Signed) -> tuple[TransactionStatus | None, bool]:
    """(status or None, whether the transaction can no longer be carried out)."""
    # The height comes first: looked up after its end is final, "not found" is for good. The
    # other way round, the transaction could be carried out between the two questions.
    height = (await _ask(node.get_block_height(Finalized))).value
    final_slot = (await _ask(node.get_latest_blockhash(Finalized))).context.slot
    signature = Signature.from_string(signed.signature)
    answer = await _ask(node.get_signature_statuses([signature], search_transaction_history=True))
    status = answer.value[0]
    expired = height > signed.last_valid_block_height
    if status is None and expired and answer.context.slot < final_slot:
        raise RetryableError(
            "The Solana node lags behind, so it is not certain that the earlier payment failed. "
            "Nothing was sent now.",
            retry_after=LOOK_AGAIN,
        )
    return status, expired


async def _sign(node: AsyncClient, wallet: Keypair, order: tuple[str, int], key: str) -> Signed:
    address, lamports = order
    latest = (await _ask(node.get_latest_blockhash(Confirmed))).value
    pay = transfer(
        TransferParams(
            from_pubkey=wallet.pubkey(), to_pubkey=Pubkey.from_string(address), lamports=lamports
        )
    )
    # Two runs that pay the same within one block would have the same signature, and the chain
    # would carry out only one of them: the memo makes each step's transaction its own.
    digest = hashlib.sha256(key.encode()).hexdigest()[:32]
    memo = Instruction(MEMO_PROGRAM, f"flowforge:{digest}".encode(), [])
    message = MessageV0.try_compile(wallet.pubkey(), [pay, memo], [], latest.blockhash)
    transaction = VersionedTransaction(message, [wallet])
    return Signed(
        raw=b64encode(bytes(transaction)).decode(),
        signature=str(transaction.signatures[0]),
        last_valid_block_height=latest.last_valid_block_height,
        address=address,
        lamports=lamports,
    )


async def _send_first(node: AsyncClient, signed: Signed) -> None:
    try:
        await _send(node, signed)
    except RPCException as refusal:
        # Nobody has these bytes but this node, and it refused them: the reason is the answer.
        if (why := _for_good(refusal)) is not None:
            raise FatalError(f"Solana refused the payment; nothing was paid. {why}") from refusal
        raise RetryableError(
            f"Solana did not take the payment yet: {_said(refusal)}", retry_after=LOOK_AGAIN
        ) from refusal


async def _send_again(node: AsyncClient, signed: Signed) -> None:
    try:
        await _send(node, signed)
    except RPCException as refusal:
        # An earlier send of these bytes may be under way, so no refusal is final here.
        raise RetryableError(
            f"The earlier payment {signed.signature} is not confirmed yet: {_said(refusal)}",
            retry_after=LOOK_AGAIN,
        ) from refusal


async def _send(node: AsyncClient, signed: Signed) -> None:
    opts = TxOpts(skip_preflight=False, preflight_commitment=Confirmed)
    await _hear(node.send_raw_transaction(b64decode(signed.raw), opts))


async def _confirm(node: AsyncClient, signed: Signed, config: SolanaConfig) -> None:
    """Return once the transaction is carried out, by the vote of a supermajority at least."""
    signature = Signature.from_string(signed.signature)
    clock = asyncio.get_running_loop().time
    end = clock() + config.confirm_seconds
    while True:
        answer = await _ask(
            node.get_signature_statuses([signature], search_transaction_history=True)
        )
        status = answer.value[0]
        if status is not None and _settled(status):
            if status.err is None:
                return
            raise FatalError(
                f"Solana carried out {signed.signature} with an error, nothing was paid: "
                f"{_in_words(status.err)} Replay the event to pay again."
            )
        if clock() >= end:
            raise RetryableError(
                f"The payment {signed.signature} was sent and is not confirmed yet. "
                "The next attempt looks it up; it is not paid twice.",
                retry_after=LOOK_AGAIN,
            )
        await asyncio.sleep(config.poll_seconds)


def _settled(status: TransactionStatus) -> bool:
    if status.confirmation_status is None:
        return status.confirmations is None  # an older node's way to say: rooted
    # Compared one by one: the library's enums cannot be hashed.
    settled = (TransactionConfirmationStatus.Confirmed, TransactionConfirmationStatus.Finalized)
    return status.confirmation_status in settled


def _same_order(signed: Signed, order: tuple[str, int], *, paid: bool = False) -> None:
    if (signed.address, signed.lamports) == order:
        return
    earlier = f"{signed.lamports} lamports to {signed.address} ({signed.signature})"
    if paid:
        raise FatalError(f"This step has already paid {earlier}; it does not pay a second time.")
    raise RetryableError(
        f"This step's inputs changed while its earlier payment of {earlier} may still be carried "
        "out. Nothing was sent now.",
        retry_after=LOOK_AGAIN,
    )


def _for_good(refusal: RPCException) -> str | None:
    """Why this payment cannot work, or None where a later try may."""
    error = getattr(getattr(refusal.args[0], "data", None), "err", None)
    name = str(error)
    final = ("InstructionError", "InsufficientFunds", "AccountNotFound", "InvalidAccountForFee")
    return _in_words(error) if any(part in name for part in final) else None


def _in_words(error: object) -> str:
    name = str(error)
    if "InsufficientFundsForRent" in name:
        return (
            "The amount would leave an account under the minimum that Solana asks for "
            "(about 0.00089 SOL). Send more, or fund the wallet."
        )
    if any(part in name for part in ("AccountNotFound", "InsufficientFundsForFee", "Custom(1)")):
        return "The operator's wallet does not hold enough SOL. Fund it, then try again."
    return f"The reason is {name}."


def _said(refusal: RPCException) -> str:
    return str(getattr(refusal.args[0], "message", "") or "the node gave no reason")[:200]


def _wallet(config: SolanaConfig) -> Keypair:
    """The operator's key: base58, or the JSON array that solana-keygen writes."""
    text = config.secret_key.strip()
    if not text:
        raise FatalError(
            "This FlowForge has no wallet: ask its operator to set FLOWFORGE_SOLANA_SECRET_KEY."
        )
    try:
        with _no_panic():
            if text.startswith("["):
                return Keypair.from_bytes(bytes(from_json(text)))
            return Keypair.from_base58_string(text)
    except (ValueError, TypeError):
        # The library's own words could quote the key.
        raise FatalError(
            "The operator's FLOWFORGE_SOLANA_SECRET_KEY is not a secret key: it must be base58 or "
            "the JSON array of 64 numbers that solana-keygen writes."
        ) from None


async def _ask(question: Awaitable[T]) -> T:
    """The node's answer; any trouble is a RetryableError, which the store makes safe."""
    try:
        return await _hear(question)
    except RPCException as refusal:
        raise RetryableError(
            f"The Solana node cannot answer now: {_said(refusal)}", retry_after=LOOK_AGAIN
        ) from refusal


async def _hear(question: Awaitable[T]) -> T:
    """The node's answer.

    Raises:
        RPCException: the node answered with an error.
        RetryableError: no answer, or one that cannot be read.
    """
    try:
        with _no_panic():
            async with asyncio.timeout(RPC_SECONDS * 2):
                answer = await question
    except (SolanaRpcException, TimeoutError) as problem:
        raise RetryableError("The Solana node cannot be reached or does not answer.") from problem
    except (SerdeJSONError, ValueError, TypeError, AttributeError) as problem:
        # The library trips over answers that it did not foresee in each of these ways.
        raise RetryableError("The Solana node's answer cannot be read.") from problem
    # An error with an unknown code is parsed into a bare number.
    if isinstance(answer, int):
        raise RetryableError(f"The Solana node answered with error {answer}.")
    return answer


@contextmanager
def _no_panic() -> Iterator[None]:
    # A panic in solders is a BaseException that no import reaches: left alone, one odd answer of
    # a node would end the whole worker.
    try:
        yield
    except BaseException as problem:
        if type(problem).__name__ != "PanicException":
            raise
        raise ValueError("unreadable") from None
