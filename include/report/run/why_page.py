"""why.html: where the values of a run come from and what was decided about each, without the values."""

from collections.abc import Iterator

import pandas as pd

from include.report.html import page_environment, styled
from include.report.run.advice import counted
from include.report.run.model import LINEAGE_COLUMNS, PIN_COLUMNS, RunReport, as_texts

ROWS_SHOWN = 1_000


def render_why(report: RunReport) -> str:
    """The page as text. Everything that is not the template's own is escaped, and unseen characters are spelled out."""
    environment = page_environment()
    environment.globals.update(counted=counted)
    lineage = as_texts(report.lineage, LINEAGE_COLUMNS)
    units = lineage.groupby(["unit_key", "vendor"], sort=False).ngroups
    shown = lineage.head(ROWS_SHOWN)
    return environment.get_template("why.html.j2").render(
        **styled(environment),
        run=report.run,
        units=units,
        total=len(lineage),
        groups=[
            (key, vendor, len(rows), [(holder, inner.to_dict("records")) for holder, inner in _by_holder(rows)])
            for (key, vendor), rows in shown.groupby(["unit_key", "vendor"], sort=False)
        ],
        pins=as_texts(report.pins, PIN_COLUMNS).head(ROWS_SHOWN).to_dict("records"),
        rows_shown=ROWS_SHOWN,
    )


def _by_holder(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The fields of each person and item, with their names within it."""
    parts = rows["field"].str.extract(r"^(?P<holder>.*\]|[^.]*)\.?(?P<name>.*)$")
    for holder, inner in rows.assign(name=parts["name"]).groupby(parts["holder"], sort=False):
        yield str(holder), inner
