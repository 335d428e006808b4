"""A Solana JSON-RPC node on LiteSVM: real transactions, a real ledger, and the faults of a network.

``faults`` is a queue of what happens to the next ``sendTransaction`` calls:
``lost`` (never carried out, no answer), ``unanswered`` (carried out, no answer),
``held`` (answered, carried out only at `release`), ``unchecked`` (carried out without preflight).
"""

import base64
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from solders.hash import Hash
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import FailedTransactionMetadata

BLOCKHASH_LIFE = 150


class Refused(Exception):
    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.error = {"code": code, "message": message, "data": data}


class NoAnswer(Exception):
    """The connection closes instead."""


class SolanaNode:
    def __init__(self) -> None:
        # The SVM knows one blockhash at a time, a network 150 of them: the node checks them.
        self.svm = LiteSVM().with_blockhash_check(False)
        self.valid_until: dict[str, int] = {}
        self.blockhash = ""
        self.stands_still = False
        self.slot = self.height = 1
        self.statuses: dict[str, dict[str, Any]] = {}
        self.faults: deque[str] = deque()
        self.held: list[VersionedTransaction] = []
        self.calls: Counter[str] = Counter()
        self.sent: list[bytes] = []
        self.raw_answers: dict[str, str] = {}
        self.broken: set[str] = set()
        self.status_slot: int | None = None
        self.url = ""

    def fund(self, account: Pubkey, lamports: int) -> None:
        self.svm.airdrop(account, lamports)

    def balance(self, account: Pubkey | str) -> int:
        key = Pubkey.from_string(account) if isinstance(account, str) else account
        return self.svm.get_balance(key) or 0

    def expire(self) -> None:
        """Let so many blocks pass that no transaction signed until now can be carried out."""
        self.height += BLOCKHASH_LIFE + 1
        self.slot += BLOCKHASH_LIFE + 1

    def release(self) -> None:
        """The network carries out what it held back, where it still may."""
        for transaction in self.held:
            self._carry_out(transaction)
        self.held.clear()

    def getBlockHeight(self, *_: Any) -> int:  # noqa: N802 - the protocol's name
        return self.height

    def getLatestBlockhash(self, *_: Any) -> Any:  # noqa: N802
        """A new one each time, as on a network that makes a block every 0.4 s."""
        if not (self.stands_still and self.valid_until):
            self.blockhash = str(Hash.new_unique())
        fresh = self.blockhash
        self.valid_until[fresh] = self.height + BLOCKHASH_LIFE
        return self._at_slot({"blockhash": fresh, "lastValidBlockHeight": self.valid_until[fresh]})

    def getSignatureStatuses(self, signatures: list[str], *_: Any) -> Any:  # noqa: N802
        slot = self.slot if self.status_slot is None else self.status_slot
        return self._at_slot([self.statuses.get(one) for one in signatures], slot)

    def sendTransaction(self, encoded: str, options: dict[str, Any], *_: Any) -> str:  # noqa: N802
        assert options["encoding"] == "base64"
        raw = base64.b64decode(encoded)
        self.sent.append(raw)
        transaction = VersionedTransaction.from_bytes(raw)
        fault = self.faults.popleft() if self.faults else ""
        if fault == "lost":
            raise NoAnswer
        if fault != "unchecked":
            self._preflight(transaction)
        if fault == "held":
            self.held.append(transaction)
        else:
            self._carry_out(transaction)
        if fault == "unanswered":
            raise NoAnswer
        return str(transaction.signatures[0])

    def _preflight(self, transaction: VersionedTransaction) -> None:
        error = self._why_not(transaction)
        if error is None:
            answer = self.svm.simulate_transaction(transaction)
            if isinstance(answer, FailedTransactionMetadata):
                error = _as_json(answer.err())
        if error is not None:
            data: dict[str, Any] = {
                "err": error,
                "logs": [],
                "accounts": None,
                "unitsConsumed": 0,
                "returnData": None,
                "innerInstructions": None,
            }
            raise Refused(-32002, "Transaction simulation failed", data)

    def _why_not(self, transaction: VersionedTransaction) -> str | None:
        if str(transaction.signatures[0]) in self.statuses:
            return "AlreadyProcessed"
        valid_until = self.valid_until.get(str(transaction.message.recent_blockhash), 0)
        return "BlockhashNotFound" if self.height > valid_until else None

    def _carry_out(self, transaction: VersionedTransaction) -> None:
        if self._why_not(transaction) is not None:
            return
        answer = self.svm.send_transaction(transaction)
        error = _as_json(answer.err()) if isinstance(answer, FailedTransactionMetadata) else None
        self.slot += 1
        self.height += 1
        self.statuses[str(transaction.signatures[0])] = {
            "slot": self.slot,
            "confirmations": None,
            "err": error,
            "status": {"Ok": None} if error is None else {"Err": error},
            "confirmationStatus": "finalized",
        }

    def _at_slot(self, value: Any, slot: int | None = None) -> Any:
        at = self.slot if slot is None else slot
        return {"context": {"slot": at, "apiVersion": "2.0.0"}, "value": value}

    async def answer(self, request: web.Request) -> web.StreamResponse:
        call = await request.json()
        method = call["method"]
        self.calls[method] += 1
        if method in self.broken:
            return _hang_up(request)
        if method in self.raw_answers:
            return web.Response(text=self.raw_answers[method], content_type="application/json")
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": call["id"]}
        try:
            answer["result"] = getattr(self, method)(*call.get("params", []))
        except Refused as refused:
            answer["error"] = refused.error
        except NoAnswer:
            return _hang_up(request)
        return web.json_response(answer)


def _hang_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def _as_json(error: Any) -> Any:
    """A ledger error in the JSON shape that a validator sends."""
    if type(error).__name__ == "TransactionErrorInstructionError":
        code = getattr(error.err, "code", None)
        return {"InstructionError": [error.index, {"Custom": code}]}
    if type(error).__name__ == "TransactionErrorInsufficientFundsForRent":
        return {"InsufficientFundsForRent": {"account_index": error.account_index}}
    return str(error).rpartition(".")[2]


@asynccontextmanager
async def running_node() -> AsyncIterator[SolanaNode]:
    node = SolanaNode()
    app = web.Application()
    app.router.add_post("/", node.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    node.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield node
    finally:
        await runner.cleanup()
