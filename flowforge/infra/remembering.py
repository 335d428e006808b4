"""Results of pure functions of a document, remembered by what the document says.

Promise: whoever asks gets what working it out anew would give. Results are shared: nobody changes them.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from flowforge.infra import documents

# Documents of a megabyte are allowed, and what is made of them is larger.
MOST = 16

Result = TypeVar("Result")


@dataclass(frozen=True)
class _Said:
    text: str
    document: Any = field(compare=False)


def by_content(function: Callable[[Any], Result]) -> Callable[[Any], Result]:
    """``function``, which works once for each of the ``MOST`` documents that were asked for last."""

    @functools.lru_cache(maxsize=MOST)
    def known(said: _Said) -> Result:
        return function(said.document)

    @functools.wraps(function)
    def remembered(document: Any) -> Result:
        try:
            text = documents.dump(document)
        except (TypeError, ValueError):
            # No document: the function says what is wrong with it.
            return function(document)
        return known(_Said(text, document))

    return remembered
