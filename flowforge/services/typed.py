"""What a person may type as name, email and password: checked once, in words for that person.

Each function returns the cleaned text or raises ValueError with the sentence to show.
"""

import re
import unicodedata

LONGEST_NAME = 100
LONGEST_EMAIL = 254
SHORTEST_PASSWORD = 6
LONGEST_PASSWORD_BYTES = 72  # bcrypt reads no further

# One receiver and nothing that mail headers could mistake for another. Whether the address
# exists is for the verification mail to find out.
_EMAIL = re.compile(r'[^\s@<>()\[\],;:\\"]{1,64}@[^\s@<>()\[\],;:\\"]{1,253}')


def name(text: str) -> str:
    cleaned = unicodedata.normalize("NFC", text).strip()
    if not cleaned:
        raise ValueError("Tell us your name")
    if len(cleaned) > LONGEST_NAME:
        raise ValueError(f"At most {LONGEST_NAME} characters")
    if not cleaned.isprintable():
        raise ValueError("Must be one line without control characters")
    return cleaned


def email(text: str) -> str:
    """Lower case: people type their address in any case and mean one mailbox."""
    cleaned = unicodedata.normalize("NFC", text).strip().lower()
    if len(cleaned) > LONGEST_EMAIL:
        raise ValueError(f"At most {LONGEST_EMAIL} characters")
    if not cleaned.isprintable() or not _EMAIL.fullmatch(cleaned):
        raise ValueError("Must be an email address such as ada@example.com")
    if ".." in cleaned or cleaned.partition("@")[2].strip(".-") != cleaned.partition("@")[2]:
        raise ValueError("Must be an email address such as ada@example.com")
    return cleaned


def password(text: str) -> str:
    if len(text) < SHORTEST_PASSWORD:
        raise ValueError(f"At least {SHORTEST_PASSWORD} characters")
    if len(text.encode(errors="surrogatepass")) > LONGEST_PASSWORD_BYTES:
        raise ValueError(f"At most {LONGEST_PASSWORD_BYTES} bytes (an accented letter takes two)")
    return text
