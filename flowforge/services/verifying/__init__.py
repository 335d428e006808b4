"""Who sent this? Signatures over the raw bytes and the handshakes of providers. Pure: no clock of
its own but for handshakes, no database, no network.

Promises: what is missing is refused and never skipped; nothing a stranger sends raises an error;
secrets are compared in constant time and stand in no sentence.
"""

from flowforge.services.verifying.handshakes import handshake
from flowforge.services.verifying.judging import judge
from flowforge.services.verifying.requests import Judgement, Reply, SignedRequest
from flowforge.services.verifying.schemes import SCHEMES, problems

__all__ = ["SCHEMES", "Judgement", "Reply", "SignedRequest", "handshake", "judge", "problems"]
