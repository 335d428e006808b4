"""Secrets at rest and proofs of origin: sealed values, keyed hashes, signatures.

A sealed value opens only for the same purpose (its AAD), with one of the configured keys, unaltered.
"""

import base64
import hashlib
import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from flowforge.errors import FlowForgeError

VERSION = "v1"
NONCE_BYTES = 12
FINGERPRINT_LENGTH = 16


class VaultError(FlowForgeError):
    """A secret cannot be opened; the message says why and never what was inside."""

    default_code = "vault"


class Vault:
    """``keys``: newest first; the first seals, all open. ``secret_key`` hashes and signs."""

    def __init__(self, keys: tuple[str, ...], secret_key: str) -> None:
        if not keys or not all(keys) or not secret_key:
            raise VaultError("The vault needs an encryption key and a secret key.")
        self._ciphers = {_fingerprint(key): AESGCM(_derived(key, "seal")) for key in keys}
        self._newest = _fingerprint(keys[0])
        self._digest_key = _derived(secret_key, "digest")
        self._sign_key = _derived(secret_key, "sign")

    @property
    def fingerprint(self) -> str:
        """Names the newest key without revealing it; kept in the database for the boot check."""
        return self._newest

    def knows(self, fingerprint: str) -> bool:
        """False: what was sealed under that key cannot be opened with this configuration."""
        return fingerprint in self._ciphers

    def seal(self, plaintext: bytes, aad: str) -> str:
        """``v1.<key id>.<base64url of nonce and ciphertext>``; never the same twice."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        bound = _bound(self._newest, aad)
        sealed = self._ciphers[self._newest].encrypt(nonce, plaintext, bound)
        return f"{VERSION}.{self._newest}.{_to_text(nonce + sealed)}"

    def open(self, sealed: str, aad: str) -> bytes:
        """The plaintext.

        Raises: VaultError when the key is gone, the value was altered or it is for something else.
        """
        version, _, rest = sealed.partition(".")
        key_id, _, body = rest.partition(".")
        cipher = self._ciphers.get(key_id)
        if version != VERSION or not body:
            raise VaultError("This is not a sealed value.")
        if cipher is None:
            raise VaultError(
                f"A secret was sealed with the key {key_id}, which is not configured. "
                "Add the old key back to FLOWFORGE_ENCRYPTION_KEY, after the new one."
            )
        try:
            raw = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
            return cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], _bound(key_id, aad))
        except (InvalidTag, ValueError):
            raise VaultError("A secret was altered or belongs to something else.") from None

    def reseal(self, sealed: str, aad: str) -> str | None:
        """``sealed`` under the newest key; None when it already is."""
        if sealed.startswith(f"{VERSION}.{self._newest}."):
            return None
        return self.seal(self.open(sealed, aad), aad)

    def digest(self, kind: str, token: str) -> str:
        """Keyed hash (hex) to store instead of a token; one kind never matches another."""
        return _mac(self._digest_key, kind, token).hex()

    def sign(self, kind: str, text: str) -> str:
        """URL-safe proof that this installation wrote ``text`` for ``kind``."""
        return _to_text(_mac(self._sign_key, kind, text))

    def check(self, kind: str, text: str, signature: str) -> bool:
        """True for a signature of exactly this text and kind; takes the same time either way."""
        expected = self.sign(kind, text).encode()
        return hmac.compare_digest(expected, signature.encode(errors="replace"))


def _derived(key: str, purpose: str) -> bytes:
    info = f"flowforge {VERSION} {purpose}".encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(key.encode())


def _fingerprint(key: str) -> str:
    return _derived(key, "fingerprint").hex()[:FINGERPRINT_LENGTH]


def _bound(key_id: str, aad: str) -> bytes:
    return f"{VERSION}.{key_id}.{aad}".encode()


def _mac(key: bytes, kind: str, text: str) -> bytes:
    # The length keeps ("ab", "c") and ("a", "bc") apart.
    name = kind.encode()
    message = len(name).to_bytes(4, "big") + name + text.encode(errors="surrogatepass")
    return hmac.new(key, message, hashlib.sha256).digest()


def _to_text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
