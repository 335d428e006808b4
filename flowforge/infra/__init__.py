"""Adapters to the outside: database, Redis, HTTP, vault, blobs, telemetry. No rules of the house."""
