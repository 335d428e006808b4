"""What a person does on the builder's canvas, and how long it takes until it is drawn: for ``bench.pages``.

Each returns milliseconds by the page's own clock, from the gesture to the frame with its effect.
"""

from playwright.sync_api import Page

SHOWN = 4  # of the first steps, so many are in sight with the panel open
SETTLES_MS = 700

_MEASURED = """([act, shows]) => new Promise((resolve, reject) => {
  const holds = new Function(`return ${shows}`);
  const began = performance.now();
  new Function(act)();
  const look = () => {
    if (holds()) return requestAnimationFrame(() => resolve(performance.now() - began));
    if (performance.now() - began > 10000) return reject(new Error(`never: ${shows}`));
    requestAnimationFrame(look);
  };
  look();
})"""


def measured(page: Page, act: str, shows: str) -> float:
    """From ``act`` to the frame in which ``shows`` holds; both are JavaScript."""
    return float(page.evaluate(_MEASURED, [act, shows]))


def choose(page: Page, number: int) -> float:
    step = 1 + number % SHOWN
    return measured(
        page, f"{_card(step)}.click()", f"{_at('panel-title')}?.textContent === 'Call {step}'"
    )


def skip(page: Page, number: int) -> float:
    """Or use again."""
    card = f"{_at(f'card-call_{1 + number % SHOWN}')}.classList.contains('is-skipped')"
    return _by_key(page, 1 + number % SHOWN, "s", card)


def move(page: Page, number: int) -> float:
    """Down, and back up with the next."""
    top = f"{_card(1)}?.getBoundingClientRect().top"
    key = "ArrowUp" if number % 2 else "ArrowDown"
    return _by_key(page, 1, key, top, held="altKey: true")


def add(page: Page, _number: int) -> float:
    page.get_by_test_id("add-before-call_2").dispatch_event("click")
    page.get_by_test_id("pick-email").wait_for()
    page.wait_for_timeout(SETTLES_MS)
    before = "window.before = new Set([...document.querySelectorAll('[data-testid^=card-]')].map((one) => one.dataset.testid))"
    shows = (
        "(window.added = [...document.querySelectorAll('[data-testid^=card-]')]"
        ".find((one) => !window.before.has(one.dataset.testid))?.dataset.testid.slice(5))"
    )
    return measured(page, f"{before}; {_at('pick-email')}.click()", shows)


def delete(page: Page, _number: int) -> float:
    """What was added last."""
    page.wait_for_timeout(SETTLES_MS)
    lit = "document.querySelector(`[data-testid=open-${window.added}]`)"
    return measured(page, _pressed(lit, "Delete"), f"{lit} === null")


def fill(page: Page, number: int) -> float:
    """A field of the form, left as soon as it is written, until its card says so."""
    page.get_by_test_id("open-call_1").dispatch_event("click")
    page.get_by_test_id("panel-title").get_by_text("Call 1", exact=True).wait_for()
    page.wait_for_timeout(SETTLES_MS)
    url = f"https://example.com/{number}"
    writes = (
        f"const field = {_at('input-url')}; field.focus();"
        "const own = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), 'value');"
        f"own.set.call(field, '{url}');"
        "field.dispatchEvent(new Event('input', {bubbles: true})); field.blur();"
    )
    return measured(page, writes, f"{_card(1)}?.textContent.includes('{url}')")


GESTURES = {
    "a step is chosen": choose,
    "a step is skipped": skip,
    "a step is moved": move,
    "a field is filled": fill,
}


def added_and_deleted(page: Page, rounds: int) -> tuple[list[float], list[float]]:
    """In turn, so that the zap keeps its size."""
    took = [(add(page, number), delete(page, number)) for number in range(rounds)]
    return [one for one, _ in took], [one for _, one in took]


def _by_key(page: Page, step: int, key: str, facts: str, *, held: str = "") -> float:
    """Until ``facts`` are others."""
    page.wait_for_timeout(SETTLES_MS)
    act = f"window.before = {facts}; {_pressed(_card(step), key, held)}"
    return measured(page, act, f"{facts} !== undefined && {facts} !== window.before")


def _pressed(element: str, key: str, held: str = "") -> str:
    event = f"new KeyboardEvent('keydown', {{key: '{key}', bubbles: true, {held}}})"
    return f"{element}.focus(); {element}.dispatchEvent({event})"


def _card(step: int) -> str:
    return _at(f"open-call_{step}")


def _at(testid: str) -> str:
    return f"document.querySelector('[data-testid={testid}]')"
