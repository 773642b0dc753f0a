"""The log of ``airflow dags test``, read as stages."""

from __future__ import annotations

from include.local.progress import RunLog

PREFIX = "2026-01-05T22:00:00.000000Z [info     ]"


def read(log: RunLog, *lines: tuple[float, str]) -> list[tuple[str, float, bool]]:
    ended = [log.read(f"{PREFIX} {line}\n", now) for now, line in lines]
    return [(task.name, task.seconds, task.ok) for task in ended if task]


def test_a_task_is_over_at_its_end_line() -> None:
    log = RunLog()
    assert read(
        log,
        (10.0, "[DAG TEST] starting task_id=extract_units map_index=-1 [airflow.sdk] loc=dag.py:1501"),
        (11.0, "Task started [airflow.api] hostname=office"),
        (12.5, "[DAG TEST] end task task_id=extract_units map_index=-1 [airflow.sdk] loc=dag.py:1563"),
    ) == [("extract_units", 2.5, True)]
    assert log.current == ""


def test_a_shard_is_counted_from_one() -> None:
    assert read(
        RunLog(),
        (0.0, "[DAG TEST] starting task_id=load_shard map_index=1 "),
        (1.0, "[DAG TEST] end task task_id=load_shard map_index=1 "),
    ) == [("load_shard [2]", 1.0, True)]


def test_a_failed_task_is_distinguished_from_those_after_it() -> None:
    log = RunLog()
    ended = read(
        log,
        (0.0, "[DAG TEST] starting task_id=load_shard map_index=-1 "),
        (0.5, "Task failed with exception     [task] loc=task_runner.py:1676"),
        (0.6, "2 validation errors"),
        (1.0, "[DAG TEST] end task task_id=load_shard map_index=-1 "),
        (1.0, "[DAG TEST] starting task_id=report_run map_index=-1 "),
        (2.0, "[DAG TEST] end task task_id=report_run map_index=-1 "),
    )
    assert [(name, ok) for name, _, ok in ended] == [("load_shard", False), ("report_run", True)]


def test_the_run_id_is_taken_from_the_line_that_makes_the_run() -> None:
    log = RunLog()
    read(log, (0.0, "creating dag run  [airflow] run_after=2026-01-05 run_id=manual__2026-01-05T22:00:00+00:00"))
    assert log.run_id == "manual__2026-01-05T22:00:00+00:00"


def failures(*lines: str) -> list[str]:
    log = RunLog()
    for line in ("[DAG TEST] starting task_id=a map_index=-1 ", *lines, "[DAG TEST] end task task_id=a map_index=-1 "):
        log.read(line, 0.0)
    return [task.failure for task in log.tasks]


def test_a_failure_is_reported_in_the_words_that_its_task_logged() -> None:
    assert failures(
        "2026-01-05T22:00:00Z [error    ] The connection `crm` is missing. [include.runtime.task_boundary] loc=a.py:92",
        "2026-01-05T22:00:00Z [error    ] Task exited                    [task] exit_code=1 loc=task_runner.py:1672",
    ) == ["The connection `crm` is missing."]


def test_an_error_without_words_is_reported_by_the_last_line_of_its_traceback() -> None:
    assert failures(
        "Task failed with exception     [task] loc=task_runner.py:1639",
        "Traceback (most recent call last):",
        "sqlalchemy.exc.OperationalError: unable to open database file",
    ) == ["sqlalchemy.exc.OperationalError: unable to open database file"]


def test_a_task_that_is_tried_again_shows_the_number_of_its_try() -> None:
    once = ((0.0, "[DAG TEST] starting task_id=a map_index=-1 "), (1.0, "[DAG TEST] end task task_id=a map_index=-1 "))
    assert [name for name, _, _ in read(RunLog(), *once, *once)] == ["a", "a, try 2"]
