"""The views whose names and columns outsiders rely on, and the questions behind them, in plain SQL."""

from __future__ import annotations

# `stands_until` of a row that stands until further notice.
STANDS = 2**31 - 1

_OUTCOME = "o.vendor, o.unit_key, o.outcome, o.reason, o.vendor_id, o.code"
_FINDING = (
    "f.finding_id, f.vendor, f.unit_key, f.rule_id, f.severity, f.entity, f.entity_id, f.field, f.message, f.remedy, "
    "f.first_run_id, f.waiver_id"
)

# Outcomes that a closed run does not write because they stand.
STANDING_OUTCOMES = (
    f"SELECT n.run_id, {_OUTCOME} FROM run_vendor n JOIN outcome o "
    "ON o.vendor = n.vendor AND o.stands_from < n.night AND o.stands_until >= n.night"
)

# The same of a run that is not closed yet.
REPEATED_OUTCOMES = (
    f"SELECT r.run_id, {_OUTCOME} FROM "
    "(SELECT DISTINCT p.run_id, p.vendor, k.value AS unit_key FROM repeated p, {unit_keys} k) r "
    f"JOIN outcome o ON o.vendor = r.vendor AND o.unit_key = r.unit_key AND o.stands_until = {STANDS} "
    "WHERE NOT EXISTS (SELECT 1 FROM outcome w "
    "WHERE w.run_id = r.run_id AND w.vendor = r.vendor AND w.unit_key = r.unit_key)"
)

# run_id, vendor, unit_key, outcome, reason, vendor_id, code of every unit in scope of every run.
OUTCOMES = f"SELECT o.run_id, {_OUTCOME} FROM outcome o UNION ALL {STANDING_OUTCOMES} UNION ALL {REPEATED_OUTCOMES}"

# How many outcomes stand in each night, from the places at which they begin and end: no night is unfolded.
_STANDING_COUNTS = (
    "SELECT n.run_id, n.vendor, c.outcome, c.units FROM run_vendor n JOIN ("
    "SELECT vendor, outcome, place, SUM(SUM(more)) OVER (PARTITION BY vendor, outcome ORDER BY place) AS units FROM ("
    "SELECT vendor, outcome, stands_from + 1 AS place, 1 AS more FROM outcome WHERE stands_from IS NOT NULL "
    f"UNION ALL SELECT vendor, outcome, stands_until + 1, -1 FROM outcome WHERE stands_until < {STANDS} "
    "UNION ALL SELECT n.vendor, o.outcome, n.night, 0 FROM run_vendor n, (SELECT DISTINCT outcome FROM outcome) o "
    "WHERE n.night IS NOT NULL) AS changes GROUP BY vendor, outcome, place"
    ") c ON c.vendor = n.vendor AND c.place = n.night WHERE c.units > 0"
)

# Findings that were known in a run that has looked at their unit.
_KNOWN = (
    f"SELECT n.run_id, 'known' AS status, {_FINDING} FROM run_vendor n JOIN outcome o ON o.vendor = n.vendor AND %s "
    "AND o.outcome <> 'failed' JOIN finding f ON f.vendor = o.vendor AND f.unit_key = o.unit_key "
    "AND f.stands_from < n.place AND f.stands_until >= n.place"
)
STANDING_FINDINGS = (
    f"{_KNOWN % 'o.run_id = n.run_id'} UNION ALL {_KNOWN % 'o.stands_from < n.night AND o.stands_until >= n.night'}"
)

# The findings of every run, with run_id and status.
FINDINGS = f"SELECT f.run_id, f.status, {_FINDING} FROM finding f WHERE f.run_id <> '' UNION ALL {STANDING_FINDINGS}"

_LISTED = {"sqlite": "json_each(p.unit_keys)", "postgresql": "json_array_elements_text(CAST(p.unit_keys AS json))"}


def in_dialect(select: str, dialect: str) -> str:
    """One of these selects, or of `VIEWS`, as a database takes it."""
    return select.replace("{unit_keys}", _LISTED[dialect])


VIEWS = {
    "run_v": (
        "SELECT run_id, dag_id, as_of, requested_by, dry_run, status, started_at, finished_at, triggered_by FROM run"
    ),
    "outcome_v": f"SELECT run_id, vendor, unit_key, outcome, reason, vendor_id FROM ({OUTCOMES}) AS ended",
    "finding_v": (
        "SELECT run_id, vendor, unit_key, rule_id, severity, entity, entity_id, field, message, remedy, status "
        f"FROM ({FINDINGS}) AS found"
    ),
    "open_finding_v": (
        "SELECT o.vendor, o.unit_key, o.rule_id, o.severity, o.entity, o.entity_id, o.field, o.message, o.remedy, "
        "o.first_run_id, r.as_of AS since FROM open_finding o LEFT JOIN run r ON r.run_id = o.first_run_id"
    ),
    "link_v": ("SELECT vendor, unit_key, vendor_client_id, vendor_case_id, linked_at, matched_by FROM link"),
    "transfer_v": "SELECT transfer_id, entity, entity_id, decision, rule_id, target_id FROM transfer_record",
    "answer_v": (
        "SELECT run_id, vendor, unit_key, status, choice, household_id, case_id, answered_by, asked_at, answered_at "
        "FROM answer"
    ),
    "link_change_v": (
        "SELECT vendor, unit_key, change, vendor_client_id, vendor_case_id, reason, changed_by, "
        "triggered_by, changed_at, run_id "
        "FROM link_change"
    ),
    "distinct_people_v": (
        "SELECT contact_id, other_contact_id, reason, decided_by, triggered_by, decided_at, run_id FROM distinct_people"
    ),
    "outcome_count_v": (
        "SELECT run_id, vendor, outcome, SUM(units) AS units FROM ("
        "SELECT run_id, vendor, outcome, COUNT(*) AS units FROM outcome GROUP BY run_id, vendor, outcome "
        f"UNION ALL {_STANDING_COUNTS} "
        f"UNION ALL SELECT run_id, vendor, outcome, 1 FROM ({REPEATED_OUTCOMES}) AS repeats "
        "UNION ALL SELECT run_id, vendor, outcome, units FROM repeated_outcome"
        ") AS counted GROUP BY run_id, vendor, outcome"
    ),
    "id_map_v": (
        "SELECT r.entity, t.source_database, r.entity_id AS source_id, t.target_database, r.target_id, r.transfer_id "
        "FROM transfer_record r JOIN transfer t ON t.transfer_id = r.transfer_id WHERE r.target_id IS NOT NULL"
    ),
    "work_item_v": (
        "SELECT i.item_id, i.unit_key, u.office_id, u.advisor, i.rule_id, i.entity, i.entity_id, i.severity, "
        "i.vendors, i.fields, i.message, i.remedy, i.state, i.assigned_to, i.waiting_for, i.opened_run, i.opened_at, "
        "i.closed_run, i.closed_at, i.times_opened FROM work_item i LEFT JOIN work_unit u ON u.unit_key = i.unit_key"
    ),
    "work_item_event_v": (
        "SELECT e.event_id, e.item_id, i.unit_key, i.rule_id, i.entity, i.entity_id, e.kind, e.at, e.run_id, e.actor, "
        "e.before, e.after, e.note FROM work_item_event e JOIN work_item i ON i.item_id = e.item_id"
    ),
    "audit_v": (
        "SELECT entry_id, at, actor, action, subject, before, after, reason, previous_hash, entry_hash FROM audit_entry"
    ),
}
