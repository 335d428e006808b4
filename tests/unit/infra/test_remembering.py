"""What is remembered of a document is what working it out anew would give."""

from typing import Any

from flowforge.infra import remembering


def counted() -> tuple[Any, list[Any]]:
    asked: list[Any] = []

    @remembering.by_content
    def length(document: Any) -> int:
        asked.append(document)
        return len(document)

    return length, asked


def test_the_same_words_are_worked_out_once_whoever_holds_them() -> None:
    length, asked = counted()
    assert [length({"a": [1]}), length({"a": [1]})] == [1, 1]
    assert len(asked) == 1


def test_a_document_that_was_changed_is_another_one() -> None:
    length, asked = counted()
    document = {"a": 1}
    assert length(document) == 1
    document["b"] = 2
    assert length(document) == 2
    assert len(asked) == 2


def test_the_oldest_is_forgotten() -> None:
    length, asked = counted()
    for number in [*range(remembering.MOST + 1), 0]:
        assert length([number]) == 1
    assert len(asked) == remembering.MOST + 2


def test_what_is_no_document_is_worked_out_each_time() -> None:
    length, asked = counted()
    strange = [object()]
    assert [length(strange), length(strange)] == [1, 1]
    assert len(asked) == 2
