"""Whether branches that wait for each other can all begin."""

from collections.abc import Collection, Sequence


def check_dependencies(branches: Sequence[tuple[str, Collection[str]]]) -> None:
    """Names are unique and known, and no branch waits for itself. O(branches + dependencies).

    Each of ``branches`` is a name and the names that it waits for. Raises: ValueError.
    """
    names = {name for name, _ in branches}
    if len(names) < len(branches):
        seen: set[str] = set()
        for name, _ in branches:
            if name in seen:
                raise ValueError(f"Two branches have the name '{name}'. Give each its own.")
            seen.add(name)
    waits_for = {name: set(needed) for name, needed in branches}
    for name, needed in waits_for.items():
        unknown = sorted(needed - names)
        if unknown:
            raise ValueError(
                f"Branch '{name}' depends on '{unknown[0]}', and there is no such branch here."
            )
    stuck = _stuck(waits_for)
    if stuck:
        raise ValueError(f"The branches {_listed(stuck)} wait for each other; none could begin.")


def _stuck(waits_for: dict[str, set[str]]) -> list[str]:
    """The branches that could never begin."""
    followers: dict[str, list[str]] = {name: [] for name in waits_for}
    for name, needed in waits_for.items():
        for each in needed:
            followers[each].append(name)
    ready = [name for name, needed in waits_for.items() if not needed]
    left = {name: len(needed) for name, needed in waits_for.items()}
    for name in ready:
        for follower in followers[name]:
            left[follower] -= 1
            if left[follower] == 0:
                ready.append(follower)
    return sorted(name for name, number in left.items() if number)


def _listed(names: list[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:5])
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")  # noqa: PLR2004
