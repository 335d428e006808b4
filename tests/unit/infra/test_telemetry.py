"""Figures have names that dashboards rely on, and a bounded number of series."""

import pytest

from flowforge.infra import telemetry


@pytest.fixture(autouse=True)
def _fresh_labels() -> None:
    telemetry._seen_labels.clear()
    telemetry._requests.clear()


def test_every_figure_is_in_the_text() -> None:
    telemetry.count_event("accepted")
    telemetry.count_run("success")
    telemetry.count_attempt("webhook", "success", 0.2)
    telemetry.count_request("GET", "/health", 204)
    telemetry.ack_seconds.observe(0.002)
    telemetry.outbox_claim_size.observe(3)
    telemetry.queue_depth.set(5)
    text = telemetry.render_metrics().decode()
    for line in (
        'flowforge_events_total{verdict="accepted"}',
        'flowforge_runs_finished_total{status="success"}',
        'flowforge_attempts_total{action="webhook",status="success"}',
        'flowforge_http_requests_total{method="GET",route="/health",status="2xx"}',
        "flowforge_step_seconds_bucket",
        "flowforge_ack_seconds_bucket",
        "flowforge_outbox_claim_size_bucket",
        "flowforge_queue_depth 5.0",
    ):
        assert line in text


def test_a_stranger_cannot_grow_the_number_of_series() -> None:
    for number in range(1000):
        telemetry.count_request("GET", f"/made/up/{number}", 404)
    text = telemetry.render_metrics().decode()
    assert text.count("flowforge_http_requests_total{") <= telemetry.MOST_LABEL_VALUES + 1
    assert 'route="other"' in text
