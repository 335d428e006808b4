"""The bare limit of durable intake: one run row and one outbox row, group-committed, then 200.

A raw ASGI app with no routing, no checks and no verdicts: what is left when everything that a
product needs is taken away. Served by granian like FlowForge; ``DSN`` names the database.
"""

import asyncio
import os
import uuid

import asyncpg
import orjson

LARGEST = 128
LANES = 2
SCHEMA = """
CREATE TABLE IF NOT EXISTS bare_run (
    id uuid PRIMARY KEY, zap_id int NOT NULL, status text NOT NULL, payload jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS bare_outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, run_id uuid NOT NULL, topic text NOT NULL)
"""
BATCH = """
WITH i AS (SELECT * FROM unnest($1::uuid[], $2::text[]) AS t(id, payload)),
     r AS (INSERT INTO bare_run(id, zap_id, status, payload)
           SELECT id, 1, 'queued', payload::jsonb FROM i RETURNING id)
INSERT INTO bare_outbox(run_id, topic) SELECT id, 'run' FROM r
"""
HEADERS = [(b"content-type", b"application/json")]


class Intake:
    def __init__(self) -> None:
        self.queue: asyncio.Queue = asyncio.Queue(20_000)
        self.tasks: list[asyncio.Task] = []

    async def start(self) -> None:
        self.pool = await asyncpg.create_pool(os.environ["DSN"], min_size=LANES, max_size=LANES)
        await self.pool.execute(SCHEMA)
        self.tasks = [asyncio.create_task(self.flush()) for _ in range(LANES)]

    async def flush(self) -> None:
        async with self.pool.acquire() as connection:
            statement = await connection.prepare(BATCH)
            while True:
                batch = [await self.queue.get()]
                while len(batch) < LARGEST and not self.queue.empty():
                    batch.append(self.queue.get_nowait())
                await statement.fetch([one[0] for one in batch], [one[1] for one in batch])
                for _, _, done in batch:
                    if not done.done():
                        done.set_result(None)

    async def store(self, body: bytes) -> uuid.UUID:
        orjson.loads(body)
        row_id = uuid.uuid4()
        done = asyncio.get_running_loop().create_future()
        await self.queue.put((row_id, body.decode(), done))
        await done
        return row_id


intake = Intake()


async def app(scope, receive, send) -> None:
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await intake.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await send({"type": "lifespan.shutdown.complete"})
                return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    answer = b'{"ready":true}'
    if scope["path"] != "/health":
        answer = b'{"run":"%s"}' % str(await intake.store(body)).encode()
    length = (b"content-length", str(len(answer)).encode())
    start = {"type": "http.response.start", "status": 200, "headers": [*HEADERS, length]}
    await send(start)
    await send({"type": "http.response.body", "body": answer})
