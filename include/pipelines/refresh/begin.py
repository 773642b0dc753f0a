"""How a refresh begins, by night and by hand alike."""

from __future__ import annotations

from etl.extract.schema_check import check_schema
from etl.load.ledger import runs
from include.pipelines.refresh.dates_ahead import take_back
from include.pipelines.run.context import RunContext
from include.runtime.staging import remove_old_runs


def begin_run(context: RunContext) -> None:
    """Registers the run, and looks at everything that can stop it before anything is read.

    Raises `ParamsError`, `SettingsError`, `SchemaMismatch`, `SourceUnavailable`.
    """
    request = context.request
    runs.start_run(
        context.ledger, request.run_id, request.dag_id, request.as_of, request.requested_by, request.dry_run,
        request.as_json(), request.triggered_by,
    )  # fmt: skip
    request.require_no_mistake()
    if not request.dry_run:
        remove_old_runs(context.data_folder, context.settings.data.keep_days)
    for vendor in request.vendors:
        context.connections.vendor(vendor)
    _ = context.vendor_users
    take_back(context)
    check_schema(context.connections.crm)
