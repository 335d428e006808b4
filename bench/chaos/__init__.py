"""Chaos under load: hundreds of faults on real processes, and a ledger of three books.

Senders keep one (what was acknowledged), the receiver another (what took effect), the database is
the third. After each cycle of faults the books must agree; see ``docs/reliability.md``.
"""
