"""A week of a zap as a small drawing: a bar a day, failures at its foot. Pure.

The box is ``WIDTH`` by ``HEIGHT``; the day with the most runs reaches its top, and whatever there is
can be seen.
"""

from dataclasses import dataclass

from flowforge.services.health import DAYS, Health
from flowforge.state import shown

HEIGHT = 20
BAR, GAP = 6, 2
WIDTH = DAYS * (BAR + GAP) - GAP
LEAST = 2.0
LONGEST_ERROR = 160


@dataclass(frozen=True)
class Drawn:
    """``good`` and ``bad`` are paths of SVG; ``words`` say the same. All empty without runs."""

    good: str = ""
    bad: str = ""
    words: str = ""
    error: str = ""
    error_path: str = ""


NOTHING = Drawn()


def drawn(health: Health) -> Drawn:
    most = max((day.succeeded + day.failed for day in health.days), default=0)
    if not most:
        return NOTHING
    good, bad = [], []
    for place, day in enumerate(health.days):
        body = _height(day.succeeded, most)
        # Two parts that are both seen may be more than the box holds.
        foot = min(_height(day.failed, most), HEIGHT - (LEAST if body else 0))
        body = min(body, HEIGHT - foot)
        bad.append(_bar(place, HEIGHT - foot, foot))
        good.append(_bar(place, HEIGHT - foot - body, body))
    return Drawn(
        good="".join(good),
        bad="".join(bad),
        words=_words(health),
        error=shown.line(health.error)[:LONGEST_ERROR],
        error_path=f"/runs/{health.error_run_id}" if health.error_run_id else "",
    )


def _height(count: int, most: int) -> float:
    return max(LEAST, HEIGHT * count / most) if count else 0.0


def _bar(place: int, top: float, height: float) -> str:
    if not height:
        return ""
    left = place * (BAR + GAP)
    return f"M{left} {top:.1f}h{BAR}v{height:.1f}h-{BAR}z"


def _words(health: Health) -> str:
    good = sum(day.succeeded for day in health.days)
    bad = sum(day.failed for day in health.days)
    return f"Last 7 days: {good:,} succeeded, {bad:,} failed"
