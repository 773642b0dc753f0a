"""Brings a ledger of any age to the schema that the code knows: Alembic's revisions, in one transaction.

Each ``versions/NNNN_topic.py`` holds one step, for SQLite and PostgreSQL. Views are not part of a step: they are
dropped before the first step and made anew from `views.VIEWS` after the last. A new ledger is made from the tables of
the code; a test proves that both ways end in the same schema.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from etl.errors import LedgerTooNew
from etl.load.ledger.views import in_dialect

if TYPE_CHECKING:
    import sqlalchemy as sa
    from alembic.script import ScriptDirectory
    from sqlalchemy.engine import Connection

FOLDER = Path(__file__).parent

# Where Alembic keeps the revision of a database.
VERSION_TABLE = "alembic_version"

# The revision of ledgers that were made before revisions were kept.
BASELINE = "0001"

Progress = Callable[[str], None]


@cache
def newest_revision() -> str:
    """The revision that this code makes and needs, by the name of the newest file."""
    return max(path.name.partition("_")[0] for path in FOLDER.glob("versions/[0-9]*_*.py"))


def standing_revision(connection: Connection) -> str | None:
    """The ledger's revision; None for a ledger that keeps none yet, and for an empty database."""
    import sqlalchemy as sa

    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()


def make_or_upgrade(
    connection: Connection, metadata: sa.MetaData, views: Mapping[str, str], progress: Progress
) -> None:
    """Makes the tables and views in an empty database, or upgrades those that are there, within a transaction.

    Raises `LedgerTooNew` for a ledger whose revision this code does not know.
    """
    import sqlalchemy as sa

    present = set(sa.inspect(connection).get_table_names())
    if not present & set(metadata.tables):
        metadata.create_all(connection)
        _stamp(connection, newest_revision())
    else:
        refuse_too_new(standing_revision(connection))
        for name in sorted(set(sa.inspect(connection).get_view_names()) & set(views)):
            connection.execute(sa.text(f"DROP VIEW {name}"))
        _upgrade(connection, progress)
    for name, select in views.items():
        connection.execute(sa.text(f"CREATE VIEW {name} AS {in_dialect(select, connection.dialect.name)}"))


def refuse_too_new(standing: str | None) -> None:
    """Raises `LedgerTooNew` for a revision that this code does not know."""
    if standing is not None and standing > newest_revision():
        raise LedgerTooNew(
            f"The ledger is of revision {standing}, made by a newer Planbridge; this one knows revisions up to "
            f"{newest_revision()}. Run the newer code, or go back to the backup from before its upgrade. Nothing was "
            "changed."
        )


def _upgrade(connection: Connection, progress: Progress) -> None:
    """Runs the steps that the ledger lacks, oldest first; each is reported before it begins."""
    steps = [*_scripts().iterate_revisions("head", standing_revision(connection) or "base")][::-1]
    for number, step in enumerate(steps, 1):
        progress(f"Upgrading the ledger, step {number} of {len(steps)}: {step.doc.splitlines()[0]}")
        run_step(connection, step.revision)
    _stamp(connection, newest_revision())


def run_step(connection: Connection, revision: str) -> None:
    """The changes of one revision, within a transaction."""
    from alembic.migration import MigrationContext
    from alembic.operations import Operations

    with Operations.context(MigrationContext.configure(connection)):
        _scripts().get_revision(revision).module.upgrade()


def _stamp(connection: Connection, revision: str) -> None:
    """Notes the revision as Alembic does, without importing Alembic, which takes time."""
    import sqlalchemy as sa

    number = sa.Column("version_num", sa.String(32), nullable=False)
    version = sa.Table(
        VERSION_TABLE, sa.MetaData(), number, sa.PrimaryKeyConstraint("version_num", name=f"{VERSION_TABLE}_pkc")
    )
    version.create(connection, checkfirst=True)
    connection.execute(sa.delete(version))
    connection.execute(sa.insert(version).values(version_num=revision))


@cache
def _scripts() -> ScriptDirectory:
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(FOLDER))
