"""What is new, known and mended since the last run."""

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from include.report.run.comparison import compare_findings
from tests.report.builders import findings


def raw(*changes: dict[str, object]) -> pd.DataFrame:
    """Findings before anybody compared them."""
    return findings(*changes).drop(columns="status")


def scope(*pairs: tuple[str, str]) -> pd.DataFrame:
    return pd.DataFrame(pairs, columns=["vendor", "unit_key"])


PROFILES_H1 = scope(("profiles", "H1"))


def test_a_finding_that_no_earlier_run_had_is_new() -> None:
    assert compare_findings(raw(), raw({}), PROFILES_H1)["status"].tolist() == ["new"]


def test_a_finding_of_the_last_run_is_known_even_if_its_message_changed() -> None:
    judged = compare_findings(findings({}), raw({"message": "Still no birth date."}), PROFILES_H1)
    assert judged[["status", "message"]].to_numpy().tolist() == [["known", "Still no birth date."]]


def test_a_finding_that_is_gone_is_mended_and_keeps_its_row() -> None:
    judged = compare_findings(findings({}), raw(), PROFILES_H1)
    assert judged[["unit_key", "rule_id", "status"]].to_numpy().tolist() == [["H1", "DEM-BIRTH-DATE", "mended"]]


def test_a_finding_of_a_unit_outside_the_run_is_left_out() -> None:
    assert compare_findings(findings({"unit_key": "H2"}), raw({}), PROFILES_H1)["unit_key"].tolist() == ["H1"]


def test_scope_is_counted_for_each_vendor() -> None:
    assert compare_findings(findings({"vendor": "emoney"}), raw(), PROFILES_H1).empty


def test_a_mended_finding_that_comes_back_is_new_and_is_not_mended_twice() -> None:
    mended = findings({"status": "mended"})
    assert compare_findings(mended, raw({}), PROFILES_H1)["status"].tolist() == ["new"]
    assert compare_findings(mended, raw(), PROFILES_H1).empty


def test_findings_without_a_record_or_a_field_are_compared_too() -> None:
    blank = {"entity_id": None, "field": None}
    previous = findings(blank).astype({"entity_id": "float64"})
    judged = compare_findings(previous, raw(blank).astype({"entity_id": "Int64"}), PROFILES_H1)
    assert judged["status"].tolist() == ["known"]


def test_ids_are_equal_in_any_column_type_of_the_ledger() -> None:
    previous = findings({}, {"entity_id": None}).astype({"entity_id": "float64"})
    assert compare_findings(previous, raw({}), PROFILES_H1)["status"].tolist() == ["known", "mended"]


def test_a_finding_that_the_ledger_holds_twice_is_mended_once() -> None:
    assert len(compare_findings(findings({}, {}), raw(), PROFILES_H1)) == 1


def test_the_frames_are_left_as_they_were() -> None:
    previous, current = findings({}), raw({})
    compare_findings(previous, current, PROFILES_H1)
    pd.testing.assert_frame_equal(previous, findings({}))
    pd.testing.assert_frame_equal(current, raw({}))


KEYS = st.sets(st.tuples(st.sampled_from(["H1", "H2", "H3"]), st.sampled_from(["A", "B"]), st.integers(1, 2)))
UNITS = st.sets(st.sampled_from(["H1", "H2", "H3"]))


@given(KEYS, KEYS, UNITS)
def test_every_finding_is_new_known_mended_or_outside_the_run(
    before: set[tuple[str, str, int]], now: set[tuple[str, str, int]], looked_at: set[str]
) -> None:
    now = {key for key in now if key[0] in looked_at}
    judged = compare_findings(
        _of(before), _of(now).drop(columns="status"), scope(*(("profiles", u) for u in looked_at))
    )
    got = {
        status: {(row.unit_key, row.rule_id, int(row.entity_id)) for row in rows.itertuples()}
        for status, rows in judged.groupby("status")
    }
    assert got.get("new", set()) == now - before
    assert got.get("known", set()) == now & before
    assert got.get("mended", set()) == {key for key in before - now if key[0] in looked_at}


def _of(keys: set[tuple[str, str, int]]) -> pd.DataFrame:
    return findings(*({"unit_key": unit, "rule_id": rule, "entity_id": record} for unit, rule, record in sorted(keys)))
