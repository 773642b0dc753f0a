"""life_events.html: one page of the run's report for those who decide what becomes of a couple that has parted."""

from include.report.html import page_environment, styled
from include.report.run.advice import counted
from include.report.run.model import RunReport
from include.report.run.proposals import together

ROWS_SHOWN = 200
# What one page can hold and still be read; the work list names all of them.
EVENTS_SHOWN = 300


def render_life_events(report: RunReport) -> str:
    """The page as text. Everything that is not the template's own is escaped, and unseen characters are spelled out."""
    environment = page_environment()
    environment.globals.update(counted=counted)
    labels = report.labels
    named = labels["household_name"].fillna("").str.strip().where(lambda names: names != "", labels["head_name"])
    return environment.get_template("life_events.html.j2").render(
        **styled(environment),
        run=report.run,
        is_held=not all(one.is_confirmed for one in report.life_events),
        events=together(report.life_events)[:EVENTS_SHOWN],
        names=dict(zip(labels["unit_key"], named.fillna(""), strict=True)),
        rows_shown=ROWS_SHOWN,
    )
