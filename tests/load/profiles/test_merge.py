"""The three-way merge of Profiles documents."""

import copy
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.load.http.strict_json import canonical
from etl.load.profiles.document import DOCUMENT, Group, Items, flatten, show
from etl.load.profiles.merge import Merged, confirm, merge
from tests.growth import growth
from tests.load.documents import DOCUMENTS, Document, address, asset, document, edited, holding, person, policy, text


def written(merged: Merged) -> dict[str, Any]:
    return {entry.path: entry.new for entry in merged.written}


def kept(merged: Merged) -> dict[str, bool]:
    return {entry.path: entry.differs for entry in merged.kept}


def same(one: Document, other: Document) -> bool:
    """Whether two documents say the same: numbers by value, lists of items in any order, null objects as empty."""
    ones, others = flatten(one), flatten(other)
    return {p: text(p, v) for p, v in ones.items() if v not in (None, [])} == {
        p: text(p, v) for p, v in others.items() if v not in (None, [])
    }


def test_a_field_that_nobody_touched_takes_the_value_of_the_crm() -> None:
    before, ours = document(clientA=person(cellPhone="555-0101")), document(clientA=person(cellPhone="555-0102"))
    merged = merge(before, before, ours)
    assert merged.document["clientA"]["cellPhone"] == "555-0102"
    assert written(merged) == {"clientA.cellPhone": "555-0102"}
    assert [(change.old, change.new) for change in merged.written] == [("555-0101", "555-0102")]


def test_a_field_that_an_advisor_edited_stays_and_is_reported() -> None:
    base, ours = document(clientA=person(cellPhone="555-0101")), document(clientA=person(cellPhone="555-0102"))
    theirs = document(clientA=person(cellPhone="555-0199"))
    merged = merge(base, theirs, ours)
    assert merged.document == theirs
    assert kept(merged) == {"clientA.cellPhone": True}
    assert flatten(merged.base)[("clientA", "cellPhone")] == "555-0101"
    assert not merged.changes


def test_an_advisor_who_typed_what_the_crm_says_now_is_reported_without_a_difference() -> None:
    base, same_now = document(), document(clientA=person(cellPhone="555-0102"))
    merged = merge(base, same_now, copy.deepcopy(same_now))
    assert kept(merged) == {"clientA.cellPhone": False}
    assert flatten(merged.base)[("clientA", "cellPhone")] is None


def test_without_a_base_what_is_there_stays_and_what_is_null_is_filled() -> None:
    theirs = document(clientA=person(firstName="Anne", jobTitle=None))
    ours = document(clientA=person(firstName="Ann", jobTitle="Baker"))
    merged = merge(None, theirs, ours)
    assert written(merged) == {"clientA.jobTitle": "Baker"}
    assert kept(merged)["clientA.firstName"] is True
    assert kept(merged)["clientA.lastName"] is False
    assert merged.base == {"clientA": {"jobTitle": "Baker"}}


def test_a_field_that_we_never_wrote_has_no_base_even_where_it_is_equal() -> None:
    theirs = document(assets=[asset(5)])
    merged = merge(None, theirs, copy.deepcopy(theirs))
    assert merged.base == {}
    assert merged.document == theirs


def test_an_address_is_merged_field_by_field() -> None:
    base = document(clientA=person(addressInfo=address(line1="1 Elm St", city="Salem")))
    theirs = document(clientA=person(addressInfo=address(line1="1 Elm Street", city="Salem", county="Essex")))
    ours = document(clientA=person(addressInfo=address(line1="9 Oak St", city="Boston")))
    merged = merge(base, theirs, ours)
    assert merged.document["clientA"]["addressInfo"] == address(line1="1 Elm Street", city="Boston", county="Essex")
    assert written(merged) == {"clientA.addressInfo.city": "Boston"}
    assert kept(merged) == {"clientA.addressInfo.line1": True}


def test_an_address_appears_where_there_was_none() -> None:
    ours = document(clientA=person(addressInfo=address()))
    merged = merge(document(), document(), ours)
    assert merged.document == ours


def test_an_address_that_the_crm_lost_becomes_null_as_a_whole() -> None:
    before = document(clientA=person(addressInfo=address()))
    assert merge(before, before, document()).document == document()


def test_an_address_that_the_crm_lost_keeps_what_the_contract_does_not_know() -> None:
    base = document(clientA=person(addressInfo=address()))
    theirs = document(clientA=person(addressInfo=address(county="Essex")))
    merged = merge(base, theirs, document())
    assert merged.document["clientA"]["addressInfo"] == {**dict.fromkeys(address()), "county": "Essex"}


def test_an_income_is_a_field_of_its_own() -> None:
    base = document(clientA=person(income={"annualSalary": 50000}))
    theirs = document(clientA=person(income={"annualSalary": 50000.00, "bonus": 1}))
    merged = merge(base, theirs, document(clientA=person(income={"annualSalary": Decimal("60000.5")})))
    assert merged.document["clientA"]["income"] == {"annualSalary": Decimal("60000.5"), "bonus": 1}


def test_an_elimination_period_is_one_value() -> None:
    base = document(insurancePolicies=[policy(3, eliminationPeriod={"count": 90, "unit": "Days"})])
    theirs = document(insurancePolicies=[policy(3, eliminationPeriod={"count": 90, "unit": "Weeks"})])
    ours = document(insurancePolicies=[policy(3, eliminationPeriod={"count": 60, "unit": "Days"})])
    assert merge(base, theirs, ours).document == theirs
    assert kept(merge(base, theirs, ours)) == {"insurancePolicies[policy:3].eliminationPeriod": True}
    assert merge(base, base, ours).document == ours


def test_beneficiaries_are_compared_as_a_set() -> None:
    base = document(insurancePolicies=[policy(3, beneficiaries=["clientA", "dependent:contact:8"])])
    turned = document(insurancePolicies=[policy(3, beneficiaries=["dependent:contact:8", "clientA"])])
    ours = document(insurancePolicies=[policy(3, beneficiaries=["clientA"])])
    assert merge(base, turned, copy.deepcopy(base)).document == turned
    assert not merge(base, turned, copy.deepcopy(base)).kept
    assert merge(base, turned, ours).document == ours


def test_no_beneficiaries_are_null_and_an_empty_list_alike() -> None:
    theirs = document(insurancePolicies=[policy(3, beneficiaries=None)])
    merged = merge(None, theirs, document(insurancePolicies=[policy(3, beneficiaries=["clientA"])]))
    assert written(merged) == {"insurancePolicies[policy:3].beneficiaries": ["clientA"]}


def test_holdings_are_matched_inside_their_asset() -> None:
    base = document(assets=[asset(5, holdings=[holding(9), holding(8)])])
    theirs = document(assets=[asset(5, holdings=[holding(8), {"ticker": "TYPED"}, holding(9, ticker="EDITED")])])
    ours = document(assets=[asset(5, holdings=[holding(9, ticker="NEW", holdingsValue=12), holding(7), holding(8)])])
    merged = merge(base, theirs, ours)
    assert merged.document["assets"][0]["holdings"] == [
        holding(8),
        {"ticker": "TYPED"},
        holding(9, ticker="EDITED", holdingsValue=12),
        holding(7),
    ]
    assert written(merged) == {"assets[account:5].holdings[position:9].holdingsValue": 12}
    assert merged.added == ("assets[account:5].holdings[position:7]",)


def test_a_new_item_is_appended_with_its_holdings_and_becomes_the_base() -> None:
    ours = document(assets=[asset(5), asset(6, holdings=[holding(9)])])
    merged = merge(document(assets=[asset(5)]), document(assets=[asset(5), {"accountName": "typed in"}]), ours)
    assert merged.document["assets"] == [asset(5), {"accountName": "typed in"}, asset(6, holdings=[holding(9)])]
    assert merged.added == ("assets[account:6]",)
    assert merged.written == ()
    assert same(merged.base, ours)


def test_an_item_that_an_advisor_deleted_is_not_made_again() -> None:
    base = document(assets=[asset(5, holdings=[holding(9)])])
    ours = document(assets=[asset(5, holdings=[holding(9, holdingsValue=12), holding(8)])])
    merged = merge(base, document(), ours)
    assert merged.document == document()
    assert merged.removed_by_advisor == ("assets[account:5]",)
    again = merge(merged.base, merged.document, ours)
    assert again.removed_by_advisor == ("assets[account:5]",)
    assert not again.changes


def test_an_item_that_left_the_crm_stays_and_is_stale() -> None:
    base = document(assets=[asset(5, holdings=[holding(9)]), asset(6, holdings=[holding(7)])])
    merged = merge(base, base, document(assets=[asset(6)]))
    assert merged.document == base
    assert merged.stale == ("assets[account:5]", "assets[account:6].holdings[position:7]")
    assert merge(merged.base, merged.document, document(assets=[asset(6)])).stale == merged.stale


def test_an_item_that_left_the_crm_and_was_never_sent_is_not_stale() -> None:
    theirs = document(assets=[asset(5)])
    assert merge(document(), theirs, document()).stale == ()


def test_an_account_type_goes_through_the_same_rule() -> None:
    base, theirs = document(assets=[asset(5)]), document(assets=[asset(5, accountType="Roth IRA")])
    merged = merge(base, theirs, document(assets=[asset(5, accountType="403(b)")]))
    assert merged.document["assets"][0]["accountType"] == "Roth IRA"
    assert kept(merged) == {"assets[account:5].accountType": True}
    changed = merge(base, base, document(assets=[asset(5, accountType="403(b)")]))
    assert written(changed) == {"assets[account:5].accountType": "403(b)"}


def test_a_marriage_brings_client_b_as_a_whole() -> None:
    ours = document(clientB=person(firstName="Bea", employerAddress=address()))
    merged = merge(document(), document(), ours)
    assert merged.document == ours
    assert not merge(merged.base, merged.document, ours).changes


def test_a_divorce_takes_client_b_away_where_nobody_touched_her() -> None:
    before = document(clientB=person(firstName="Bea", employerAddress=address()))
    merged = merge(before, before, document())
    assert merged.document == document()
    assert merged.changes
    assert not merge(merged.base, merged.document, document()).changes


@pytest.mark.parametrize(
    "theirs",
    [
        pytest.param(document(clientB=person(firstName="Bea", cellPhone="555-0150")), id="an edited field"),
        pytest.param(document(clientB=person(firstName="Bea", risk="high")), id="an unknown field"),
        pytest.param(document(clientB=person(firstName="Bea"), assets=[{"owner": "clientB"}]), id="an owner"),
        pytest.param(
            document(clientB=person(firstName="Bea"), insurancePolicies=[{"insured": "clientB"}]), id="an insured"
        ),
        pytest.param(
            document(clientB=person(firstName="Bea"), insurancePolicies=[{"beneficiaries": ["clientB"]}]),
            id="a beneficiary",
        ),
    ],
)
def test_client_b_stays_whole_while_something_of_the_advisors_hangs_on_her(theirs: Document) -> None:
    merged = merge(document(clientB=person(firstName="Bea")), theirs, document())
    assert merged.document == theirs
    assert any(path.startswith("clientB") for path, differs in kept(merged).items() if differs)


def test_client_b_stays_while_a_stale_item_is_hers() -> None:
    before = document(clientB=person(firstName="Bea"), assets=[asset(5, owner="clientB")])
    merged = merge(before, before, document())
    assert merged.document == before
    assert merged.stale == ("assets[account:5]",)
    assert kept(merged) == {"clientB": True}


def test_client_b_leaves_once_her_items_are_not_hers_any_more() -> None:
    before = document(clientB=person(firstName="Bea"), assets=[asset(5, owner="clientB")])
    merged = merge(before, before, document(assets=[asset(5, owner="clientA")]))
    assert merged.document == document(assets=[asset(5, owner="clientA")])


def test_a_client_b_whom_an_advisor_removed_is_not_brought_back_in_parts() -> None:
    base, ours = document(clientB=person(firstName="Bea")), document(clientB=person(firstName="Bea", fax="555-0111"))
    merged = merge(base, document(), ours)
    assert merged.document == document()
    assert kept(merged)["clientB.firstName"] is True
    assert kept(merged)["clientB"] is True


def test_notes_and_unknown_fields_stay() -> None:
    theirs = document(notes={"any": 1}, goals=[1])
    ours = document(clientA=person(cellPhone="555-0101"))
    assert merge(document(), theirs, ours).document == {**ours, "notes": {"any": 1}, "goals": [1]}


@pytest.mark.parametrize("one", [5, 5.0, Decimal("5"), Decimal("5.00"), Decimal("0.5e1")])
@pytest.mark.parametrize("other", [5, 5.0, Decimal("5.00")])
def test_numbers_are_compared_by_value(one: Any, other: Any) -> None:
    base, theirs = document(assets=[asset(5, cashBalance=one)]), document(assets=[asset(5, cashBalance=other)])
    assert not merge(base, theirs, copy.deepcopy(base)).changes
    assert not merge(base, theirs, copy.deepcopy(base)).kept


@pytest.mark.parametrize(
    ("one", "other"), [(0.1, Decimal("0.1")), (-0.0, 0), (1e22, Decimal("1E+22")), (0.07, Decimal("0.070"))]
)
def test_a_float_means_the_digits_it_is_written_with(one: float, other: Any) -> None:
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("5", 5), (True, 1), (None, ""), ("Ann", "ann"), ("é", "e\u0301"), (0.1, Decimal("0.11")), (None, 0)],
)
def test_what_is_not_the_same_is_not_taken_for_the_same(one: Any, other: Any) -> None:
    assert canonical(one) != canonical(other)


def test_the_largest_money_keeps_its_cents() -> None:
    largest = Decimal("9999999999999999.99")
    ours = document(assets=[asset(5, holdingsValue=largest)])
    merged = merge(document(), document(), ours)
    assert merged.document["assets"][0]["holdingsValue"] == largest
    cent_less = document(assets=[asset(5, holdingsValue=largest - Decimal("0.01"))])
    assert merge(merged.base, cent_less, ours).document == cent_less


@pytest.mark.parametrize(
    "wrong",
    [
        document(hobbies=[]),
        document(clientA=person(nickname="A")),
        document(assets=[asset(5, color="red")]),
        document(assets=[asset(5), asset(5)]),
        document(assets=[{"accountName": "no key"}]),
    ],
)
def test_a_field_of_ours_that_the_contract_does_not_know_is_an_error(wrong: Document) -> None:
    with pytest.raises(ValueError, match=r"is no field|has no externalSourceId"):
        merge(None, document(), wrong)


def test_client_data_do_not_show_in_the_texts_of_results() -> None:
    merged = merge(None, document(), document(clientA=person(cellPhone="555-0101"), assets=[asset(5)]))
    assert "555-0101" not in repr(merged)
    assert "clientA.cellPhone" in repr(merged)


@given(DOCUMENTS, DOCUMENTS)
def test_without_edits_the_result_is_ours_and_what_is_stale(base: Document, ours: Document) -> None:
    merged = merge(base, base, ours)
    assert not [entry for entry in merged.kept if entry.path != "clientB"]
    if ours["clientB"] is not None or base["clientB"] is None:
        expected = copy.deepcopy(ours)
        stale = {
            show(path[:-1])
            for path in flatten(merged.document).keys() - flatten(expected).keys()
            if path[-1] == "externalSourceId"
        }
        assert stale >= set(merged.stale)
        remaining = without_items(merged.document, stale)
        assert same(remaining, expected)


def without_items(full: Document, stale: set[str]) -> Document:
    rest = copy.deepcopy(full)
    for name in ("assets", "insurancePolicies"):
        rest[name] = [item for item in rest[name] if f"{name}[{item['externalSourceId']}]" not in stale]
    for one in rest["assets"]:
        at = f"assets[{one['externalSourceId']}].holdings"
        one["holdings"] = [item for item in one["holdings"] if f"{at}[{item['externalSourceId']}]" not in stale]
    return rest


@given(st.data(), DOCUMENTS, DOCUMENTS)
def test_what_an_advisor_changed_survives(data: st.DataObject, base: Document, ours: Document) -> None:
    theirs = data.draw(edited(base))
    merged = merge(base, theirs, ours)
    was, now, result = flatten(base), flatten(theirs), flatten(merged.document)
    for path, value in now.items():
        if text(path, value) != text(path, was.get(path)):
            assert text(path, result.get(path)) == text(path, value), show(path)


@given(st.data(), DOCUMENTS, DOCUMENTS)
def test_nothing_that_an_advisor_added_disappears(data: st.DataObject, base: Document, ours: Document) -> None:
    theirs = data.draw(edited(base))
    merged = merge(base, theirs, ours)
    assert not lost(theirs, merged.document, DOCUMENT)


def lost(before: Any, after: Any, group: Group) -> list[str]:
    """Names of unknown fields, and items without a key, that are in ``before`` and not in ``after``."""
    missing: list[str] = []
    for name, value in (before or {}).items():
        shape = group.fields.get(name)
        if shape is None:
            missing += [] if (after or {}).get(name) == value else [name]
        elif isinstance(shape, Group):
            missing += lost(value, (after or {}).get(name), shape)
        elif isinstance(shape, Items):
            by_key = {item.get("externalSourceId"): item for item in after[name]}
            for item in value:
                if "externalSourceId" in item:
                    missing += lost(item, by_key.get(item["externalSourceId"]), shape.item)
                else:
                    missing += [] if item in after[name] else [name]
    return missing


@given(st.data(), DOCUMENTS, DOCUMENTS)
def test_their_items_keep_their_order(data: st.DataObject, base: Document, ours: Document) -> None:
    theirs = data.draw(edited(base))
    merged = merge(base, theirs, ours)
    for name in ("assets", "insurancePolicies"):
        keys = [item.get("externalSourceId") for item in theirs[name]]
        assert [item.get("externalSourceId") for item in merged.document[name]][: len(keys)] == keys


@given(st.data(), st.none() | DOCUMENTS, DOCUMENTS, DOCUMENTS)
def test_a_second_merge_of_the_same_writes_nothing(
    data: st.DataObject, base: Document | None, seen: Document, ours: Document
) -> None:
    first = merge(base, data.draw(edited(seen)), ours)
    second = merge(first.base, first.document, ours)
    assert not second.changes
    assert second.document == first.document
    assert second.base == first.base


@given(st.none() | DOCUMENTS, DOCUMENTS, DOCUMENTS)
def test_where_nothing_is_written_the_document_is_theirs(
    base: Document | None, theirs: Document, ours: Document
) -> None:
    merged = merge(base, theirs, ours)
    assert merged.changes or merged.document == theirs


@given(st.none() | DOCUMENTS, DOCUMENTS, DOCUMENTS)
def test_a_merge_leaves_its_arguments_alone(base: Document | None, theirs: Document, ours: Document) -> None:
    before = copy.deepcopy((base, theirs, ours))
    merged = merge(base, theirs, ours)
    merged.document["clientA"]["income"] = "changed afterwards"
    for one in merged.document["assets"]:
        one["holdings"] = "changed afterwards"
    assert (base, theirs, ours) == before


@given(st.none() | DOCUMENTS, DOCUMENTS, DOCUMENTS)
def test_every_field_of_ours_is_written_kept_equal_or_in_an_item_left_out(
    base: Document | None, theirs: Document, ours: Document
) -> None:
    merged = merge(base, theirs, ours)
    result = flatten(merged.document)
    accounted = {entry.path for entry in merged.kept}
    for path, value in flatten(ours).items():
        shown = show(path)
        left_out = any(shown.startswith(item) for item in merged.removed_by_advisor)
        person_kept = path[0] in accounted
        assert left_out or person_kept or shown in accounted or text(path, result.get(path)) == text(path, value)


@given(st.none() | DOCUMENTS, DOCUMENTS, DOCUMENTS)
def test_confirming_a_write_that_happened_gives_the_intended_base(
    base: Document | None, theirs: Document, ours: Document
) -> None:
    merged = merge(base, theirs, ours)
    assert confirm(base, merged.base, merged.document) == merged.base


@given(st.none() | DOCUMENTS, DOCUMENTS, DOCUMENTS)
def test_confirming_a_write_that_did_not_happen_writes_the_same_again(
    base: Document | None, theirs: Document, ours: Document
) -> None:
    merged = merge(base, theirs, ours)
    after = merge(confirm(base, merged.base, theirs), theirs, ours)
    assert after.document == merged.document
    assert after.written == merged.written


def test_confirming_takes_for_ours_only_what_has_our_value() -> None:
    base, ours = document(), document(clientA=person(cellPhone="555-0101", fax="555-0102"), assets=[asset(5), asset(6)])
    intended = merge(base, document(), ours).base
    now = document(clientA=person(cellPhone="555-0101", fax="555-0199"), assets=[asset(5, accountName="Mine")])
    confirmed = flatten(confirm(base, intended, now))
    assert confirmed[("clientA", "cellPhone")] == "555-0101"
    assert confirmed[("clientA", "fax")] is None
    assert ("assets", "account:5", "accountName") not in confirmed
    assert confirmed[("assets", "account:5", "holdingsValue")] == 10
    assert not [path for path in confirmed if "account:6" in path]


def test_the_time_of_a_merge_grows_with_the_case_and_not_with_its_square() -> None:
    """Half of the accounts are new, of the others each has another value; four times as many may take eight times."""

    def merged_case_of(size: int) -> Callable[[], Merged]:
        before = document(assets=[asset(number, holdings=[holding(number)]) for number in range(size)])
        ours = document(assets=[asset(n, holdingsValue=20, holdings=[holding(n)]) for n in range(2 * size)])
        return lambda: merge(before, before, ours)

    merged = merged_case_of(300)()
    assert len(merged.written) == len(merged.added) == 300
    assert growth(merged_case_of, 300, 1_200) < 8
