"""Hands what a task counted to Airflow's metrics (StatsD, OpenTelemetry, Datadog: what Airflow is configured for)."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from airflow.sdk.observability import stats

from etl import meters

log = logging.getLogger(__name__)
PREFIX = "planbridge"


@contextmanager
def measured(stage: str) -> Iterator[None]:
    """What is counted within goes to Airflow's metrics at the end, with the seconds of a stage."""
    meters.collect(_is_wanted())
    started = time.monotonic()
    try:
        yield
    finally:
        _send(stage, time.monotonic() - started)


def _is_wanted() -> bool:
    from airflow.sdk.configuration import conf

    return any(
        conf.getboolean("metrics", name, fallback=False) for name in ("statsd_on", "statsd_datadog_enabled", "otel_on")
    )


def _send(stage: str, seconds: float) -> None:
    """Monitoring that is broken ends no task."""
    counts, levels = meters.take()
    try:
        if meters.is_collected():
            stats.timing(f"{PREFIX}.stage.{stage}", timedelta(seconds=seconds))
        for name, times in counts.items():
            stats.incr(f"{PREFIX}.{name}", times)
        for name, value in levels.items():
            stats.gauge(f"{PREFIX}.{name}", value)
    except Exception as error:
        log.warning("Airflow's metrics did not take what this task counted (%s).", type(error).__name__)
