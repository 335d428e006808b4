"""Inputs that name files: what stands for one, and the control that follows from the type."""

from typing import Any

import pytest
from pydantic import Field

from flowforge.actions.files import Named, NoFiles, read_all
from flowforge.actions.forms import form_schema
from flowforge.actions.inputs import problems_of, validated
from flowforge.actions.sdk import Content, FatalError, File, Inputs, InputsRefused, SomeFiles


class Post(Inputs):
    cover: File
    more: SomeFiles = Field(default_factory=list, max_length=3, title="More")


RECEIVED = {
    "file_url": "https://flows.example.com/api/v1/files/f1?expires=1&signature=x",
    "file_id": "f1",
    "name": "cv.pdf",
    "content_type": "application/pdf",
    "size": 3,
}


def given(value: Any) -> Named:
    return validated(Post, "post", {"cover": value}).cover


def refused(**inputs: Any) -> list[str]:
    with pytest.raises(InputsRefused) as refusal:
        validated(Post, "post", inputs)
    return [f"{one.path}: {one.message}" for one in refusal.value.problems]


def test_the_control_follows_from_the_type() -> None:
    controls = form_schema(Post)["properties"]
    assert {name: one["widget"] for name, one in controls.items()} == {
        "cover": "file",
        "more": "files",
    }


def test_a_file_is_an_address_an_upload_or_what_a_form_received() -> None:
    assert given(" https://example.com/a%20b.pdf?x=1 ").label == "a b.pdf"
    assert given(RECEIVED) == Named(file_id="f1", name="cv.pdf")
    assert given({"file_id": "f2", "name": "x", "size": 1}).file_id == "f2"
    assert given('{"file_id": "f1", "name": "cv.pdf"}').file_id == "f1"
    assert given({"file_url": "http://example.com/"}).label == "file"
    assert given([RECEIVED]).file_id == "f1"


def test_what_was_not_attached_is_left_out_and_several_are_spread() -> None:
    post = validated(
        Post, "post", {"cover": RECEIVED, "more": ["", None, [RECEIVED, "https://a.example/x"]]}
    )
    assert [one.label for one in post.more] == ["cv.pdf", "x"]
    assert validated(Post, "post", {"cover": RECEIVED, "more": ""}).more == []
    assert validated(Post, "post", {"cover": RECEIVED, "more": RECEIVED}).more[0].file_id == "f1"


@pytest.mark.parametrize("empty", ["", None, [], [""], {}])
def test_a_file_that_is_needed_is_missed(empty: Any) -> None:
    assert refused(cover=empty) == ["cover: missing 'cover' field in metadata"]


def test_anything_else_is_refused_by_its_place() -> None:
    url = "https://example.com/x"
    (said,) = refused(cover=7)
    assert said.startswith("cover: 'cover': must be a web address, or a file")
    (said,) = refused(cover="file:///etc/passwd")
    assert "must be a full URL" in said
    (said,) = refused(cover=[url, url])
    assert "must be one file; these are 2" in said
    (said,) = refused(cover=url, more=[url, {"name": "x"}])
    assert said.startswith("more.1: 'more.1': must be a web address")
    (said,) = refused(cover=url, more=[url] * 4)
    assert said.startswith("more: ")


def test_in_a_draft_an_expression_may_become_any_file() -> None:
    draft = {"cover": "{{ trigger.body.cv }}", "more": ["{{ trigger.body.all }}"]}
    assert problems_of(Post, draft) == []
    assert [one.path for one in problems_of(Post, {"cover": "report.pdf"})] == ["cover"]


class _Shelf:
    """Every file has ten bytes."""

    async def read(self, file: Named, most_bytes: int, /) -> Content:
        if most_bytes < 10:
            raise FatalError("too large")
        return Content(file.label, data=b"0123456789")


async def test_files_that_are_read_together_share_their_room() -> None:
    both = [Named(file_id="1"), Named(file_id="2")]
    assert len(await read_all(_Shelf(), both, 20)) == 2
    with pytest.raises(FatalError, match="too large"):
        await read_all(_Shelf(), both, 19)


async def test_where_nobody_lends_files_that_is_said() -> None:
    with pytest.raises(FatalError, match=r"'cv.pdf' cannot be read here"):
        await NoFiles().read(Named(name="cv.pdf"), 1)
