"""``make why``: from the ledger alone, where a value comes from, what was decided about it, and when."""

import io
from dataclasses import replace
from datetime import date
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from rich.console import Console

from etl import schema
from etl.errors import ParamsError
from etl.load.ledger.retention import Keep, remove_old
from etl.load.profiles.document import flatten, show
from include.commands.why_table import print_answers
from include.why.answers import Answer, answer_for_column
from include.why.asking import UnitAnswers, ask
from include.why.fields import ITEMS, ROLES, person_sources
from include.why.history import read_history
from include.why.rows import lineage_rows
from tests.run_book import Book

# What is made for all of them is made by one worker.
pytestmark = pytest.mark.xdist_group("why")


def tell(
    book: Book, unit: str, name: str | None, vendor: str | None = None, until: str | None = None
) -> list[UnitAnswers]:
    day = date.fromisoformat(until) if until else None
    return ask(book.contexts[-1].ledger, unit, name, vendor, day)


def why(book: Book, name: str, vendor: str = "profiles", unit: str = "H1", until: str | None = None) -> Answer:
    (told,) = tell(book, unit, name, vendor, until)
    (answer,) = told.answers
    return answer


def test_a_written_value_has_its_source_its_run_its_user_and_its_shape(told_book: Book) -> None:
    found = why(told_book, "clientA.cellPhone")
    assert found.source == "contact_phone.number, key 9"
    assert (found.decision, found.rule_id) == ("written; unchanged since", "DEM-PICK")
    assert (found.run_id, found.as_of, found.by, found.looked_at) == ("run-2", "2026-11-23", "ann", "run-3")
    assert found.shape == "text of 8 characters"
    assert found.at is not None


def test_an_earlier_date_gives_the_answer_of_that_day(told_book: Book) -> None:
    found = why(told_book, "clientA.cellPhone", until="2026-11-22")
    assert (found.decision, found.run_id) == ("written", "run-1")
    with pytest.raises(ParamsError, match="in no run at Profiles up to 2026-11-01: its first was as of 2026-"):
        why(told_book, "clientA.cellPhone", until="2026-11-01")


def test_a_kept_value_says_that_somebody_edited_it(told_book: Book) -> None:
    found = why(told_book, "clientA.firstName")
    assert found.decision.startswith("kept: somebody edited it at Profiles")
    assert (found.rule_id, found.run_id) == ("PROFILES-KEPT", "run-2")
    assert found.source == "contact.first_name, key 101"


def test_a_field_that_a_role_never_gets_is_not_mapped(told_book: Book) -> None:
    for name, vendor in (("clientB.homePhone", "profiles"), ("spouse.homePhone", "emoney")):
        found = why(told_book, name, vendor)
        assert (found.decision, found.rule_id) == ("not mapped for this role", "DEM-MATRIX")


@pytest.mark.parametrize(
    ("field", "column"),
    [
        ("currentBalance", "orig_loan_amount, orig_interest_rate, orig_balloon_period, orig_loan_date"),
        ("annualInterestRate", "orig_interest_rate"),
    ],
)
def test_a_computed_figure_names_the_columns_it_is_made_of(told_book: Book, field: str, column: str) -> None:
    found = why(told_book, f"liability:4.{field}")
    assert found.decision.startswith("written, computed")
    assert (found.rule_id, found.column, found.key) == ("LIA-COMPUTED", column, "4")


def test_the_column_that_gave_the_name_is_named(told_book: Book) -> None:
    found = why(told_book, "liability:4.liabilityName")
    assert found.source == "liability.loan_number, key 4"


def test_a_held_household_names_the_rule_and_what_its_values_look_like(told_book: Book) -> None:
    found = why(told_book, "clientA.birthDate", unit="H2")
    assert found.decision == "held: DEM-BIRTH-DATE"
    assert (found.rule_id, found.shape) == ("DEM-BIRTH-DATE", "null")
    assert found.source == "contact.birth_date, key 201"
    assert why(told_book, "clientA.firstName", unit="H2").shape == "text of 8 characters"


def test_a_record_that_does_not_go_names_the_rule(told_book: Book) -> None:
    found = why(told_book, "account:50.holdingsValue")
    assert found.decision == "does not go: the whole record is left out"
    assert (found.rule_id, found.key) == ("ACC-SCOPE-PROFILES", "50")


def test_a_value_that_the_crm_lacks_is_null(told_book: Book) -> None:
    assert why(told_book, "clientA.homePhone").decision == "null: the CRM has none that goes; unchanged since"


@pytest.mark.parametrize(
    ("column", "vendor", "decision", "rule_id"),
    [
        ("liability:4.loan_number", "profiles", "goes into liability:4.liabilityName", ""),
        ("liability:4.loan_number", "emoney", "not sent: eMoney takes no liabilities", ""),
        ("contact:101.tax_id", "profiles", "not sent: no vendor takes it", ""),
        ("email:3.address", "profiles", "does not go", "DEM-E-MAIL"),
        ("account:50.account_value", "profiles", "does not go", "ACC-SCOPE-PROFILES"),
        ("account:1.account_value", "emoney", "sent", ""),
        ("contact:103.first_name", "emoney", "does not go", "HH-DEPENDENT"),
        ("contact:103.first_name", "profiles", "sent", ""),
        ("household:1.name", "profiles", "sent", ""),
    ],
)
def test_a_column_of_the_crm_is_answered_with_its_fate(
    told_book: Book, column: str, vendor: str, decision: str, rule_id: str
) -> None:
    found = why(told_book, column, vendor)
    assert (found.decision, found.rule_id) == (decision, rule_id)


def test_a_name_that_both_vendors_have_is_answered_for_both(told_book: Book) -> None:
    told = tell(told_book, "H1", "account:1.holdingsValue")
    assert [one.history.vendor for one in told] == ["profiles", "emoney"]
    assert [one.answers[0].field for one in told] == [
        "assets[account:1].holdingsValue",
        "items[account:1].holdingsValue",
    ]
    (only,) = tell(told_book, "H1", "clientA.cellPhone")
    assert only.history.vendor == "profiles"


def test_emoneys_people_are_asked_for_by_their_own_names(told_book: Book) -> None:
    assert why(told_book, "spouse.cellPhone", "emoney").source == "contact_phone.number, key 10"
    found = why(told_book, "cellPhone", "emoney")
    assert (found.field, found.run_id) == ("client.cellPhone", "run-2")


def test_an_object_or_an_item_is_answered_with_all_its_fields(told_book: Book) -> None:
    (told,) = tell(told_book, "H1", "clientA.addressInfo")
    assert {one.field.rpartition(".")[2] for one in told.answers} == {
        "line1", "line2", "city", "state", "postalCode", "country",
    }  # fmt: skip
    (of_loan,) = tell(told_book, "H1", "liability:4")
    assert len(of_loan.answers) == 7


def test_without_a_field_every_value_of_the_case_is_explained(told_book: Book) -> None:
    told = {one.history.vendor: one for one in tell(told_book, "H1", None)}
    document = told_book.vendors.cases()["household:1"]["document"]
    names = {show(path) for path in flatten(document) if path[-1] != "externalSourceId"}
    assert {one.field for one in told["profiles"].answers} == names
    client = told_book.vendors.clients()["contact:101"]
    assert {f"client.{name}" for name in client["client"] if name not in ("job", "clientId")} <= {
        one.field for one in told["emoney"].answers
    }
    assert [pin.field for pin in told["profiles"].history.pins] == ["clientA.fax"]


def test_every_source_that_is_named_is_a_column_of_the_crm(told_book: Book) -> None:
    named = [
        one for told in (tell(told_book, key, None) for key in ("H1", "H2")) for each in told for one in each.answers
    ]
    assert len(named) > 100
    for one in named:
        assert not one.table or _is_column(one.table, one.column), one


def _is_column(table: str, columns: str) -> bool:
    places = [name.rpartition(".") for name in columns.split(", ")] if columns else []
    return all(name in schema.metadata.tables[other or table].columns for other, _, name in places)


def test_no_value_is_ever_shown(told_book: Book) -> None:
    out = io.StringIO()
    for key in ("H1", "H2"):
        print_answers(tell(told_book, key, None), Console(file=out, width=300))
    print_answers(tell(told_book, "H1", "clientA.cellPhone"), Console(file=out, width=300))
    for value in ("555-0109", "555-0102", "Nicholas", "Nick", "Last101", "1970", "Savings", "100000", "L-77", "1000"):
        assert value not in out.getvalue()


@pytest.mark.parametrize(
    ("unit", "name", "words"),
    [
        ("H9", None, "The ledger knows no unit H9"),
        ("X1", None, "A unit is such as H12 or C7"),
        ("C1", None, "Did you mean H1"),
        ("H1", "clientA.homPhone", "Did you mean homePhone"),
        ("H1", "liability:9.currentBalance", "H1 has no liability:9 at Profiles. Did you mean liability:4"),
        ("H1", "account:1.colour", "colour is no field"),
        ("12", None, "The household is H12, the contact C12."),
        ("1", None, "Did you mean H1?"),
        ("H1", "policy:3.policy_number", "H1 has no policy:3."),
        ("H1", "liability:99999.tax_id", "is no field"),
        ("H1", "account:2.account_value", "H1 has no account:2. Did you mean account:1 or account:50?"),
        ("H1", "contact:201.birth_date", "H1 has no contact:201. Did you mean contact:101"),
        ("H1", "contact:50.birth_date", "H1 has no contact:50."),
        (
            "H1",
            "account:99999",
            "Did you mean account:1 or account:50?\nH1 has no account:99999 at eMoney.",
        ),
        ("H1", "policy:3", "H1 has no policy:3 at Profiles. Did you mean policy:1?\nH1 has no policy:3 at eMoney."),
        ("H2", "account:1.holdingsValue", "H2 has no account:1 at Profiles. Did you mean account:2?"),
        ("H1", "assets[liability:4]", "H1 has no liability:4 at Profiles."),
        ("H1", "nonsense", "'nonsense' is no field at eMoney."),
    ],
)
def test_an_unknown_unit_or_field_is_answered_with_similar_names(
    told_book: Book, unit: str, name: str | None, words: str
) -> None:
    with pytest.raises(ParamsError) as refused:
        tell(told_book, unit, name)
    assert words in str(refused.value)


def test_a_column_of_another_household_is_not_explained_at_one_vendor_either(told_book: Book) -> None:
    with pytest.raises(ParamsError, match=r"^H1 has no account:2 at eMoney\."):
        tell(told_book, "H1", "account:2.account_value", "emoney")


def test_a_column_names_the_table_that_the_crm_has(told_book: Book) -> None:
    assert why(told_book, "account:1.account_value").source == "investment_account.account_value, key 1"


def test_a_column_of_a_held_household_is_reported_as_held(told_book: Book) -> None:
    assert why(told_book, "contact:201.birth_date", unit="H2").decision == "held: DEM-BIRTH-DATE"


def test_a_whole_record_that_does_not_go_names_the_rule(told_book: Book) -> None:
    found = why(told_book, "account:50")
    assert (found.decision, found.rule_id) == ("does not go: the whole record is left out", "ACC-SCOPE-PROFILES")
    assert found.source == "investment_account, key 50"


def test_without_recorded_lineage_what_was_sent_is_still_tied_to_the_unit(told_book: Book) -> None:
    history = replace(read_history(told_book.contexts[-1].ledger, "profiles", "H1"), rows=[])
    assert {"account:1", "liability:4", "contact:101", "household:1"} <= history.records
    found = answer_for_column(history, "account:1.account_value")
    assert found is not None
    assert found.decision == "sent"
    nothing = replace(history, bases={}, changes={})
    with pytest.raises(ParamsError, match=r"^Whether H1 has account:1 is not known: nothing of its records"):
        answer_for_column(nothing, "account:1.account_value")


def test_an_unknown_vendor_is_refused(told_book: Book) -> None:
    with pytest.raises(ParamsError, match="profiles or emoney"):
        tell(told_book, "H1", None, "naviplan")


def test_every_field_of_the_field_tables_has_a_source() -> None:
    from etl.transform.mapping import fields

    tables: dict[Any, Any] = {
        ("profiles", "assets", "account"): fields.ASSET_FIELDS,
        ("profiles", "holdings", "position"): fields.HOLDING_FIELDS,
        ("profiles", "liabilities", "liability"): fields.LIABILITY_FIELDS,
        ("profiles", "insurancePolicies", "policy"): fields.POLICY_FIELDS,
        ("emoney", "items", "account"): fields.INVESTMENT_ITEM_FIELDS,
        ("emoney", "items", "policy"): fields.POLICY_ITEM_FIELDS,
    }
    for where, table in tables.items():
        assert {name for name, _ in table} - {"holdings"} == set(ITEMS[where]), where


def test_every_source_of_the_field_tables_is_a_column_of_the_crm() -> None:
    people = [person_sources(role) for roles in ROLES.values() for role in (*roles, "dependent")]
    for field in (field for sources in (*ITEMS.values(), *people) for field in sources.values()):
        assert _is_column(field.table, field.column), field


def test_an_unchanged_night_records_no_lineage(told_book: Book) -> None:
    rows = recorded(told_book)
    assert {row["run_id"] for row in rows if row["unit_key"] == "H1" and row["vendor"] == "profiles"} == {
        "run-1",
        "run-2",
    }
    assert {row["run_id"] for row in rows if row["unit_key"] == "H2"} == {"run-1"}


def recorded(book: Book) -> list[dict[str, Any]]:
    with book.contexts[-1].ledger.read() as connection:
        return [dict(row) for row in connection.execute(sa.text("SELECT * FROM lineage_unit")).mappings()]


def test_superseded_lineage_goes_after_its_days_and_the_latest_stays(told_book: Book) -> None:
    ledger = told_book.contexts[-1].ledger
    remove_old(ledger, Keep())
    assert {row["run_id"] for row in recorded(told_book)} == {"run-1", "run-2"}
    remove_old(ledger, Keep(lineage_days=0))
    left = {(row["vendor"], row["unit_key"]): row["run_id"] for row in recorded(told_book)}
    assert left[("profiles", "H1")] == "run-2"
    assert left[("profiles", "H2")] == "run-1"
    assert why(told_book, "clientA.cellPhone").source == "contact_phone.number, key 9"


def test_the_report_of_a_run_for_few_households_shows_every_field_and_the_pins(told_book: Book) -> None:
    reports = told_book.contexts[0].data_folder / "reports"
    page = (reports / "run-2" / "why.html").read_text()
    assert "assets[account:1]" in page
    assert "holdingsValue" in page
    assert "contact_phone.number, key 9" in page
    assert "555-0109" not in page


def test_of_many_units_a_field_edited_at_emoney_is_shown_with_its_source(told_book: Book) -> None:
    outcomes = pd.DataFrame({"vendor": "emoney", "unit_key": ["H1", "H2", "H3", "H4"]})
    fields = ["cellPhone", "job.title", "spouse.cellPhone"]
    changes = pd.DataFrame({"vendor": "emoney", "unit_key": "H1", "field": fields, "decision": "kept"})
    rows = lineage_rows(told_book.contexts[-1].ledger, outcomes, changes)
    assert list(zip(rows["field"], rows["source"], strict=True)) == [
        ("client.cellPhone", "contact_phone.number, key 9"),
        ("client.job.title", "contact.job_title, key 101"),
        ("spouse.cellPhone", "contact_phone.number, key 10"),
    ]
