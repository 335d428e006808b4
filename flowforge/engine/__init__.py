"""The engine: pure functions from what a zap says and what happened to what must happen next."""
