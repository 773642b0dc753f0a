"""What a run did to a case is taken back field by field, and only where nobody was at it since."""

import copy
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from etl.load.profiles.document import flatten, show
from etl.load.profiles.merge import Merged, is_same, merge
from etl.load.profiles.revert import Footprint, PutBack, is_done, put_back
from tests.growth import growth
from tests.load.documents import DOCUMENTS, Document, address, asset, document, edited, holding, person, policy


def intent_of(merged: Merged) -> dict[str, Any]:
    """What a load keeps in the ledger of a merge that it writes."""
    return {
        "base": merged.base,
        "written": [[one.path, one.old, one.new] for one in merged.written],
        "added": list(merged.added),
    }


def ran(before: Document, ours: Document, base: Document | None = None) -> tuple[Document, Footprint]:
    """The case after a run over a case that nobody edited, and the run's footprint."""
    merged = merge(before if base is None else base, before, ours)
    return merged.document, Footprint.of([intent_of(merged)])


def values(some: Document) -> dict[Any, Any]:
    return {path: value for path, value in flatten(some).items() if value not in (None, [])}


def same(one: Document, other: Document) -> bool:
    ones, others = values(one), values(other)
    return ones.keys() == others.keys() and all(is_same(path, ones[path], others[path]) for path in ones)


def stays(back: PutBack) -> dict[str, str]:
    return {show(path): why for path, why in back.conflicts.items()}


def test_a_field_goes_back_to_what_it_was() -> None:
    before = document(clientA=person(cellPhone="1"))
    after, done = ran(before, document(clientA=person(cellPhone="2")))
    back = put_back(after, done)
    assert back.document == before
    assert {show(path): pair for path, pair in back.written.items()} == {"clientA.cellPhone": ("2", "1")}


def test_a_field_that_was_changed_since_stays() -> None:
    _, done = ran(document(clientA=person(cellPhone="1")), document(clientA=person(cellPhone="2")))
    theirs = document(clientA=person(cellPhone="edited"))
    back = put_back(theirs, done)
    assert not back.changes
    assert back.document == theirs
    assert stays(back) == {"clientA.cellPhone": "changed since"}


def test_a_field_that_is_as_it_was_already_is_no_conflict() -> None:
    before = document(clientA=person(cellPhone="1"))
    _, done = ran(before, document(clientA=person(cellPhone="2")))
    back = put_back(before, done)
    assert not back.changes
    assert not back.conflicts


def test_an_added_item_is_taken_out() -> None:
    after, done = ran(document(), document(assets=[asset(5, holdings=[holding(9)])]))
    back = put_back(after, done)
    assert back.document == document()


def test_an_added_item_stays_where_somebody_was_at_it() -> None:
    after, done = ran(document(), document(assets=[asset(5, holdings=[holding(9)])]))
    touches: list[dict[str, Any]] = [
        {"cashBalance": 7},
        {"remark": "mine"},
        {"holdings": [*after["assets"][0]["holdings"], {"holdingName": "typed in"}]},
        {"holdings": []},
    ]
    for touch in touches:
        theirs = document(assets=[{**after["assets"][0], **touch}])
        back = put_back(theirs, done)
        assert back.document == theirs
        assert stays(back) == {"assets[account:5]": "changed since it was added"}


def test_a_holding_that_was_added_to_an_account_is_taken_out_alone() -> None:
    before = document(assets=[asset(5, holdings=[holding(8)])])
    after, done = ran(before, document(assets=[asset(5, holdings=[holding(8), holding(9)])]))
    assert put_back(after, done).document == before


def test_a_field_of_an_item_that_an_advisor_deleted_stays_deleted() -> None:
    _, done = ran(document(assets=[asset(5)]), document(assets=[asset(5, holdingsValue=7)]))
    back = put_back(document(), done)
    assert back.document == document()
    assert stays(back) == {"assets[account:5].holdingsValue": "its item is not there any more"}


def test_an_address_that_was_null_is_null_again() -> None:
    before = document(clientA=person(addressInfo=None))
    after, done = ran(before, document(clientA=person(addressInfo=address(city="Salem"))))
    assert put_back(after, done).document == before


def test_a_client_b_whom_the_run_added_leaves_as_a_whole() -> None:
    before = document()
    after, done = ran(before, document(clientB=person(firstName="Bea", cellPhone="1")))
    assert put_back(after, done).document == before


def test_a_client_b_whom_an_advisor_edited_since_stays_as_a_whole() -> None:
    after, done = ran(document(), document(clientB=person(firstName="Bea", cellPhone="1")))
    for touch in ({"cellPhone": "2"}, {"hobby": "golf"}):
        theirs = {**after, "clientB": {**after["clientB"], **touch}}
        back = put_back(theirs, done)
        assert back.document == theirs
        assert "clientB.firstName" in stays(back)


def test_a_client_b_who_owns_something_stays() -> None:
    after, done = ran(document(), document(clientB=person(firstName="Bea")))
    theirs = {**after, "assets": [{"accountName": "typed in", "owner": "clientB"}]}
    assert put_back(theirs, done).document == theirs


def test_a_client_b_whom_the_run_took_out_comes_back_as_a_whole() -> None:
    before = document(clientB=person(firstName="Bea", cellPhone="1", addressInfo=None))
    after, done = ran(before, document())
    assert after["clientB"] is None
    assert put_back(after, done).document == before
    with_another = document(clientB=person(firstName="Cid"))
    assert put_back(with_another, done).document == with_another


def test_an_owner_who_is_gone_does_not_come_back() -> None:
    before = document(clientB=person(firstName="Bea"), assets=[asset(5, owner="clientB")])
    after, done = ran(before, document(clientB=person(firstName="Bea"), assets=[asset(5)]))
    theirs = {**after, "clientB": None}
    back = put_back(theirs, done)
    assert back.document == theirs
    assert stays(back) == {"assets[account:5].owner": "it names a Client B, who is not there any more"}


def test_a_dependent_whom_a_policy_names_stays() -> None:
    child = {"externalSourceId": "contact:7", "firstName": "Dot", "lastName": "Lee", "birthDate": "2010-01-31"}
    after, done = ran(document(), document(dependents=[child]))
    theirs = {**after, "insurancePolicies": [policy(3, beneficiaries=["dependent:contact:7"])]}
    assert stays(put_back(theirs, done)) == {"dependents[contact:7]": "a policy names it"}
    assert put_back(after, done).document == document()


def test_of_two_writes_of_one_run_the_first_before_and_the_last_after_count() -> None:
    writes = [{"base": {}, "written": [["clientA.fax", old, new]]} for old, new in (("1", "2"), ("2", "3"))]
    done = Footprint.of(writes)
    assert put_back(document(clientA=person(fax="3")), done).document["clientA"]["fax"] == "1"
    there_and_back = Footprint.of([*writes, {"base": {}, "written": [["clientA.fax", "3", "1"]]}])
    assert not there_and_back.written


def test_an_undo_can_be_undone() -> None:
    before = document(clientA=person(cellPhone="1"), assets=[asset(6)])
    after, done = ran(before, document(clientA=person(cellPhone="2"), assets=[asset(5), asset(6, holdingsValue=3)]))
    back = put_back(after, done)
    again = put_back(back.document, Footprint.of([back.as_values()]))
    assert same(again.document, after)
    assert same(put_back(again.document, Footprint.of([again.as_values()])).document, before)


def test_an_item_that_came_back_by_itself_is_not_put_in_twice() -> None:
    after, done = ran(document(), document(assets=[asset(5)]))
    undo = Footprint.of([put_back(after, done).as_values()])
    assert not put_back(after, undo).changes


def test_whether_a_lost_write_was_done_is_seen_in_the_case() -> None:
    after, done = ran(document(clientA=person(fax="1")), document(clientA=person(fax="2"), assets=[asset(5)]))
    back = put_back(after, done)
    assert is_done(back.as_values(), back.document)
    assert not is_done(back.as_values(), after)
    assert is_done(back.as_values(), {**back.document, "clientA": person(fax="edited")})


@given(DOCUMENTS, DOCUMENTS, st.data())
def test_a_run_is_taken_back_to_the_value(base: Document, ours: Document, data: st.DataObject) -> None:
    theirs = data.draw(edited(base))
    merged = merge(base, theirs, ours)
    back = put_back(merged.document, Footprint.of([intent_of(merged)]))
    assert not back.conflicts
    assert same(back.document, theirs)
    again = put_back(back.document, Footprint.of([back.as_values()]))
    assert same(again.document, merged.document)


@given(DOCUMENTS, DOCUMENTS, st.data())
def test_what_an_advisor_did_since_stays(before: Document, ours: Document, data: st.DataObject) -> None:
    after, done = ran(before, ours)
    theirs = data.draw(edited(after))
    kept_theirs = copy.deepcopy(theirs)
    back = put_back(theirs, done)
    assert theirs == kept_theirs
    was, now, end = flatten(after), flatten(theirs), flatten(back.document)
    edits = [path for path in now if not is_same(path, now[path], was.get(path))]
    original = flatten(before)
    for path in edits:
        assert path not in end or is_same(path, end.get(path), now[path]), show(path)
        assert path in end or now[path] is None or is_same(path, now[path], original.get(path)), show(path)
    typed_in = [item for item in theirs["assets"] if "externalSourceId" not in item]
    assert [item for item in back.document["assets"] if "externalSourceId" not in item] == typed_in


def test_the_time_of_an_undo_grows_with_what_the_run_wrote_and_not_with_its_square() -> None:
    def undo_of(size: int) -> Callable[[], PutBack]:
        before = document(assets=[asset(number) for number in range(size)])
        ours = document(assets=[asset(number, holdingsValue=20) for number in range(2 * size)])
        merged = merge(before, before, ours)
        return lambda: put_back(merged.document, Footprint.of([intent_of(merged)]))

    back = undo_of(200)()
    assert len(back.written) == len(back.taken_out) == 200
    assert growth(undo_of, 200, 800) < 8
