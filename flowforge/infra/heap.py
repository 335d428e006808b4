"""The garbage collector, told what a process of ours is like.

What is imported lives as long as the process: collections that walk all of it again and again
were a tenth of a worker's time. Cycles that work leaves behind are collected as ever.
"""

import gc

# Of new objects, before the youngest are looked through; by default 700.
YOUNGEST = 10_000


def settle() -> None:
    """Once, when a process is about to begin its work."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNGEST)
