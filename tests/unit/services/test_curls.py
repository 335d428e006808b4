"""cURL lines as people find them, and the steps that they become."""

import base64
import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowforge.actions import REGISTRY
from flowforge.errors import Invalid
from flowforge.services import curls, form_fields, shell_words
from flowforge.services.cards import ProblemLine
from flowforge.services.curls import FORM, Request

A, P = "https://api.example.com/v1/orders", "https://api.example.com/v1/orders?state=open"


def _basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


# Line -> (method, url, headers, body) of the step; the body None for none.
LINES: list[tuple[str, str, str, dict[str, str], Any]] = [
    (f"curl {A}", "GET", A, {}, None),
    (f"curl -sSL '{A}'", "GET", A, {}, None),
    (f"curl {P}&limit=5", "GET", f"{P}&limit=5", {}, None),
    (f"curl -X DELETE {A}/7", "DELETE", f"{A}/7", {}, None),
    (f"curl -XPUT {A} -d '{{\"a\": 1}}'", "PUT", A, {}, {"a": 1}),
    (f"curl --head {A}", "HEAD", A, {}, None),
    (f"curl {A} -d '{{\"a\":[1,2]}}'", "POST", A, {}, {"a": [1, 2]}),
    (
        (f"curl --request POST --url {A} --header 'content-type: application/json' "
        """--data '{"who": "Ada"}'"""),
        "POST", A, {}, {"who": "Ada"},
    ),
    (
        (f"curl -X POST {A} \\\n  -H 'Content-Type: application/json' \\\n"
        "  -H \"Authorization: Bearer $TOKEN\" \\\n  -d '{\n    \"who\": \"Ada\"\n  }'"),
        "POST", A, {"Authorization": "Bearer $TOKEN"}, {"who": "Ada"},
    ),
    (f'curl --json \'{{"a":1}}\' {A}', "POST", A, {}, {"a": 1}),
    (
        f"curl {A} -H 'Content-Type: application/vnd.x+json' -d '[]'",
        "POST", A, {"Content-Type": "application/vnd.x+json"}, [],
    ),
    # Stripe, Twilio, Slack, GitHub, OpenAI, Discord as their manuals have them.
    (
        "curl https://api.stripe.com/v1/charges -u sk_test_4eC39H: -d amount=2000 -d currency=usd",
        "POST", "https://api.stripe.com/v1/charges",
        {"Authorization": _basic("sk_test_4eC39H:"), "Content-Type": FORM},
        {"amount": "2000", "currency": "usd"},
    ),
    (
        "curl -X POST 'https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json' \\\n"
        "--data-urlencode 'Body=Hi there, it is 5 o\\'clock' -u AC1:secret".replace("\\'", "'\\''"),
        "POST", "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json",
        {"Authorization": _basic("AC1:secret"), "Content-Type": FORM},
        {"Body": "Hi there, it is 5 o'clock"},
    ),
    (
        ("curl -X POST -H 'Content-type: application/json' --data '{\"text\":\"Hello, World!\"}' "
        "https://hooks.slack.com/services/T00/B00/XXX"),
        "POST", "https://hooks.slack.com/services/T00/B00/XXX", {}, {"text": "Hello, World!"},
    ),
    (
        ('curl -L \\\n  -X POST \\\n  -H "Accept: application/vnd.github+json" \\\n'
        '  https://api.github.com/repos/O/R/issues \\\n  -d \'{"title":"Found a bug"}\''),
        "POST", "https://api.github.com/repos/O/R/issues",
        {"Accept": "application/vnd.github+json"}, {"title": "Found a bug"},
    ),
    (
        'curl https://api.openai.com/v1/models -H "Authorization: Bearer $OPENAI_API_KEY" | jq .',
        "GET", "https://api.openai.com/v1/models",
        {"Authorization": "Bearer $OPENAI_API_KEY"}, None,
    ),
    # Chrome's "Copy as cURL" of Linux, Windows, and Firefox's.
    (
        (f"curl '{A}' \\\n  -H 'authority: api.example.com' \\\n  -H 'accept-encoding: gzip, br' \\\n"
        "  -H 'cookie: a=1; b=2' \\\n  --data-raw $'{\"it\":\"it\\'s\\\\u0021\"}' \\\n  --compressed"),
        "POST", A, {"authority": "api.example.com", "cookie": "a=1; b=2"}, {"it": "it's!"},
    ),
    (
        f'curl ^"{A}^" ^\r\n  -H ^"accept: */*^" ^\r\n  --data-raw ^"^{{^\\^"a^\\^":1^}}^"',
        "POST", A, {"accept": "*/*"}, {"a": 1},
    ),
    (
        (f"curl '{A}' --compressed -X POST -H 'Host: api.example.com' -H 'Connection: keep-alive' "
        "-H 'Content-Length: 2' --data-binary '{}'"),
        "POST", A, {}, {},
    ),
    (f"curl.exe {A} `\n  -H 'X-A: 1'", "GET", A, {"X-A": "1"}, None),
    (f"curl '{A}' -H ':authority: x' -H 'Empty;' -H 'Accept:'", "GET", A, {"Empty": ""}, None),
    (f"curl -G {A} -d q=a -d 'n=1 2'", "GET", f"{A}?q=a&n=1 2", {}, None),
    (f"curl -G '{P}' --data-urlencode 'q=a b&c'", "GET", f"{P}&q=a%20b%26c", {}, None),
    (f"curl -A 'me/1.0' -e https://x.org -b 'a=1' {A}", "GET", A,
     {"User-Agent": "me/1.0", "Referer": "https://x.org", "Cookie": "a=1"}, None),
    ("curl localhost:8000/health", "GET", "http://localhost:8000/health", {}, None),
    ("curl https://ada:pw@example.com/x", "GET", "https://example.com/x",
     {"Authorization": _basic("ada:pw")}, None),
    (f"curl -d 'a=1&a=2' {A}", "POST", A, {"Content-Type": FORM}, "a=1&a=2"),
    (f"curl -H 'Content-Type: text/plain' -d 'Hello you' {A}", "POST", A,
     {"Content-Type": "text/plain"}, "Hello you"),
    (f"curl -k -s -o /dev/null -w '%{{http_code}}' --max-time 5 {A} 2>/dev/null", "GET", A, {}, None),
    (f"curl {A} > out.json; echo done", "GET", A, {}, None),
    (f"curl {A} # what is open", "GET", A, {}, None),
    (f"curl {A} -H 'X-A: 1' -H 'x-a: 2'", "GET", A, {"X-A": "1, 2"}, None),
    ("curl '{{ trigger.body.url }}' -d '{\"a\": {{ trigger.body.n }}}'", "POST",
     "{{ trigger.body.url }}", {}, '{"a": {{ trigger.body.n }}}'),
    (f"curl --oauth2-bearer abc {A} --url-query 'a=b c'", "GET", f"{A}?a=b%20c",
     {"Authorization": "Bearer abc"}, None),
    (f"curl -r 0-99 '{A}#top' --url-query a", "GET", f"{A}?a#top", {"Range": "bytes=0-99"}, None),
]  # fmt: skip


@pytest.mark.parametrize(("line", "method", "url", "headers", "body"), LINES)
def test_a_line_becomes_a_step_that_sends_the_same(
    line: str, method: str, url: str, headers: dict[str, str], body: Any
) -> None:
    made = curls.step(line)
    inputs = made["inputs"]
    assert (made["kind"], made["action"]) == ("action", "webhook")
    assert (inputs["method"], inputs["url"]) == (method, url)
    assert inputs.get("headers", {}) == headers
    assert inputs.get("body") == body
    assert not REGISTRY["webhook"].problems(inputs)


def test_what_looks_like_a_secret_is_named_unless_it_is_the_way_to_one() -> None:
    line = f"curl {A} -u a:b -b c=d -H 'X-Api-Key: {{{{ trigger.body.key }}}}' -H 'X-Team: blue'"
    made = curls.step(line)
    assert curls.secrets(made) == ["Authorization", "Cookie"]
    problems: list[ProblemLine] = []
    panel = form_fields.panel({"steps": [made]}, made["id"], problems)
    (headers,) = [field for field in panel.fields if field.name == "headers"]
    assert headers.hint.endswith("A secret stands here as it was typed: Authorization, Cookie.")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("wget https://x.org", "begins with the word curl"),
        ("curl", "no address"),
        ("curl -H 'A: b'", "no address"),
        (f"curl {A} {A}", "2 addresses"),
        (f"curl -F file=@a.png {A}", "-F sends a multipart form"),
        (f"curl --form a=b {A}", "--form sends a multipart form"),
        (f"curl -d @body.json {A}", "--data reads a file"),
        (f"curl --json @body.json {A}", "--json reads a file"),
        (f"curl --data-urlencode name@file {A}", "--data-urlencode reads a file"),
        (f"curl -b cookies.txt {A}", "-b reads a file"),
        (f"curl -T a.png {A}", "-T reads a file"),
        (f"curl -u ada {A}", "asks for a password"),
        (f"curl --ntlm -u a:b {A}", "--ntlm signs in"),
        (f"curl -x http://proxy {A}", "-x changes the way"),
        (f"curl --frobnicate {A}", "The option --frobnicate is not known"),
        (f"curl -sWX {A}", "The option -W is not known"),
        (f"curl {A} -H", "missing after -H"),
        (f"curl {A} --data", "missing after --data"),
        (f"curl '{A}", "' that is never closed"),
        (f'curl "{A}', '" that is never closed'),
        (f'curl {A} -H "A: $(cat token)"', "runs another command"),
        (f"curl -X OPTIONS {A}", "this line sends OPTIONS"),
        (f"curl -X GET {A} -d '{{}}'", "no body with GET"),
        (f"curl --json '{{\"a\":1,}}' {A}", "says that it sends JSON"),
        (f"curl -H 'no colon' {A}", "-H needs a name"),
        ("curl http://[::1", "is no address"),
    ],
)
def test_what_a_step_cannot_send_is_refused_by_name(line: str, said: str) -> None:
    with pytest.raises(Invalid) as refused:
        curls.step(line)
    assert said in refused.value.message


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
_NAMES = st.from_regex(r"x-[a-z]{1,10}", fullmatch=True)
_VALUES = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30)


@given(
    method=st.sampled_from(["POST", "PUT", "PATCH", "DELETE", "GET"]),
    path=st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="@"),
                 max_size=40),
    headers=st.dictionaries(_NAMES, _VALUES, max_size=4),
    body=st.none() | _TEXT,
)  # fmt: skip
def test_a_request_comes_back_from_the_line_that_was_made_of_it(
    method: str, path: str, headers: dict[str, str], body: str | None
) -> None:
    kind = () if body is None else (("Content-Type", "text/plain"),)
    request = Request(method, f"https://example.com/{path}", (*headers.items(), *kind), body)
    assert curls.request_of(curls.rendered(request)) == request


@given(st.lists(_TEXT, min_size=1, max_size=6))
def test_quoted_words_are_read_back(given_words: list[str]) -> None:
    line = " ".join(map(shell_words.quoted, given_words))
    assert shell_words.words(line) == given_words


@given(st.text(max_size=200))
def test_no_line_breaks_the_reader(text: str) -> None:
    with contextlib.suppress(Invalid):
        assert curls.step(f"curl {text}")["inputs"]["url"]
