"""The table for ``docs/reliability.md``."""

from collections import Counter, defaultdict

from bench.chaos import checks
from bench.chaos.faults import Recovery
from bench.chaos.load import Load
from bench.chaos.mischief import Mischief
from bench.chaos.stage import Stage

MOST_SHOWN = 8
TITLES = {
    "F1": "worker killed, half of the time between an effect and its commit",
    "F2": "all workers killed",
    "F3": "intake killed before or after its commit, or after its answer",
    "F4": "Redis emptied, restarted empty, away, full",
    "F5": "PostgreSQL restarted, away, silent, its connections ended or refused",
    "F8": "one event 110 times, 100 of them at once",
    "F9": "receiver never ends, drips, resets or is silent",
    "F10": "code that eats memory, its process killed",
    "F11": "body over 25 MB, endless answer, 100,000 rounds",
    "F13": "worker frozen for two leases",
    "F17": "receiver refuses everybody for seconds",
    "F18": "two people cancel, retry, replay at once",
    "F19": "worker told to stop",
}


async def last_figures(stage: Stage, load: Load, mischief: Mischief) -> dict[str, str]:
    """What can be counted once everything is over."""
    acks = stage.acks.all
    statuses = await stage.fetch("SELECT status, count(*) FROM run GROUP BY status ORDER BY 2 DESC")
    rows = await stage.fetch(
        "SELECT count(*) FILTER (WHERE status = 'succeeded') AS succeeded, "
        "count(*) FILTER (WHERE status = 'unknown') AS unknown, count(*) AS attempts FROM attempt"
    )
    calls = stage.sink.book.calls
    ordered = sum(map(len, load.ordered.values()))
    return {
        "requests": f"{len(acks)}, acknowledged {sum(ack.is_promise for ack in acks)}",
        "not acknowledged": _counted(stage.acks.other),
        "runs": ", ".join(f"{row['count']} {row['status']}" for row in statuses),
        "attempts": f"{rows[0]['attempts']}, with an unknown outcome {rows[0]['unknown']}",
        "calls at the receiver": f"{len(calls)}, effects {len(stage.sink.book.applied)}",
        "ordered events": str(ordered),
        "refused while only Redis was away": str(checks.refused_without_redis(stage)),
        "busiest tenth of a second after a refusal": f"{checks.spread(stage, mischief):.1f} times the mean",
        "largest worker": f"{stage.rss_mib:.0f} MiB RSS",
    }


def few_of_each(wrong: list[str]) -> list[str]:
    """The first sentences of each rule: one cause often breaks one promise many times."""
    seen: Counter[str] = Counter()
    shown = []
    for sentence in wrong:
        rule = sentence.partition(":")[0]
        seen[rule] += 1
        if seen[rule] <= MOST_SHOWN:
            shown.append(sentence)
    return [*shown, *(f"{rule}: {number} in all" for rule, number in seen.items())]


def _counted(counter: Counter[str]) -> str:
    return ", ".join(f"{number} {name}" for name, number in counter.most_common()) or "none"


def table(results: list[tuple[str, Recovery]], figures: dict[str, str]) -> str:
    seconds: dict[str, list[float]] = defaultdict(list)
    variants: dict[str, Counter[str]] = defaultdict(Counter)
    for name, recovery in results:
        seconds[name].append(recovery.seconds)
        variants[name][recovery.variant] += 1
    lines = ["| fault | | times | recovery p50 | p95 | max |", "|---|---|---|---|---|---|"]
    for name, title in TITLES.items():
        if name in seconds:
            took = sorted(seconds[name])
            lines.append(
                f"| {name} | {title} | {len(took)} | {_quantile(took, 0.5):.1f} s | "
                f"{_quantile(took, 0.95):.1f} s | {took[-1]:.1f} s |"
            )
    total = sum(map(len, seconds.values()))
    lines += ["", f"{total} faults, 0 violations.", ""]
    lines += [f"- {name}: {value}" for name, value in figures.items()]
    lines += [f"- {name}: {_counted(count)}" for name, count in variants.items()]
    return "\n".join(lines)


def _quantile(ordered: list[float], part: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]
