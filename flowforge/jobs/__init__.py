"""The workers: the outbox loop that performs runs, and ARQ that carries wake-ups to it."""
