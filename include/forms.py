"""The forms by which a person triggers a run: each parameter's type, words and examples."""

from airflow.sdk import Param

WEEKNIGHT_REFRESH = {
    "as_of": Param(
        None,
        type=["null", "string"],
        format="date",
        title="As of",
        description="The day whose values are sent, for example 2026-03-31. Empty: today, by the office's clock.",
    ),
    "vendors": Param(
        ["profiles", "emoney"],
        type=["array", "null"],
        items={"type": "string"},
        examples=["profiles", "emoney"],
        values_display={"profiles": "Profiles", "emoney": "eMoney"},
        title="Vendors",
        description="Who is sent to.",
    ),
    "unit_keys": Param(
        None,
        type=["null", "array"],
        items={"type": "string"},
        title="Units",
        description="Only these, one a line: H12 (the household with id 12) or C7 (the contact with id 7, who is in no "
        "household). Empty: all that are due.",
    ),
    "full": Param(
        False,
        type="boolean",
        title="All units",
        description="Take every enrolled unit, whether it changed since the last run or not.",
    ),
    "dry_run": Param(
        False,
        type="boolean",
        title="Dry run",
        description="Send nothing; the report says what would be created, updated and held.",
    ),
}
