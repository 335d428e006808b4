"""Schedules in words."""

import pytest

from flowforge.engine.schedule_words import sentence, span
from flowforge.engine.triggers import ScheduleSettings


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("0 9 * * 1-5", "At 09:00 on weekdays"),
        ("* * * * *", "Every minute"),
        ("*/15 * * * *", "Every 15 minutes"),
        ("*/15 9-17 * * 1-5", "Every 15 minutes from 09:00 to 17:59 on weekdays"),
        ("0 * * * *", "Every hour on the hour"),
        ("1 * * * *", "Every hour at 1 minute past"),
        ("5,35 * * * *", "Every hour at 5 and 35 minutes past"),
        ("0 */2 * * *", "Every 2 hours on the hour"),
        ("30 */2 * * *", "Every 2 hours at 30 minutes past"),
        ("0 8-18 * * *", "Every hour on the hour, from 08:00 to 18:59"),
        ("0 9,17 * * *", "At 09:00 and 17:00 every day"),
        ("0 0 1 * *", "At 00:00 on day 1 of the month"),
        ("0 0 1,15 * *", "At 00:00 on days 1 and 15 of the month"),
        ("0 0 13 * 5", "At 00:00 on day 13 of the month or on Friday"),
        ("0 0 * * 6,0", "At 00:00 on weekends"),
        ("0 8 * * 1,3", "At 08:00 on Monday and Wednesday"),
        ("0 0 * * 5-7", "At 00:00 from Friday to Sunday"),
        ("0 0 * 6-8 *", "At 00:00 every day from June to August"),
        ("0 0 1 1 *", "At 00:00 on day 1 of the month in January"),
        ("@daily", "At 00:00 every day"),
    ],
)
def test_a_cron_expression_reads_as_a_sentence(cron: str, words: str) -> None:
    settings = ScheduleSettings(cron=cron, timezone="Europe/Berlin")
    assert sentence(settings) == f"{words}, Europe/Berlin"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (10, "Every 10 seconds"),
        (60, "Every minute"),
        (90, "Every 90 seconds"),
        (300, "Every 5 minutes"),
        (7200, "Every 2 hours"),
        (86_400, "Every day"),
    ],
)
def test_an_interval_reads_as_a_sentence(seconds: int, words: str) -> None:
    assert sentence(ScheduleSettings(every_seconds=seconds)) == words


def test_what_says_nothing_yet_has_no_words() -> None:
    assert sentence(ScheduleSettings()) == ""


def test_a_length_of_time_is_said_in_its_largest_unit() -> None:
    assert [span(seconds) for seconds in (90, 600, 3600, 172_800)] == [
        "90 seconds",
        "10 minutes",
        "1 hour",
        "2 days",
    ]
