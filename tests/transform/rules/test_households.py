"""HH-*: head, spouse by role and by relation, dependents, case name."""

import json

import pytest

from tests.builders import Office, person
from tests.transform.reading import batch_of, case, client_file, fact, left_out


def households_fact(office: Office, vendor: str, entity_id: int) -> dict:
    return fact(batch_of(office, vendor), "households", entity_id)


@pytest.mark.parametrize("role", ["Husband", "wife", " SPOUSE ", "Domestic Partner\u00a0"])
def test_a_spouse_role_makes_client_b(role):
    office = Office()
    home = office.household(partner=person(first_name="Eve", role=role))
    assert case(office, home.unit_key)["clientB"]["firstName"] == "Eve"


@pytest.mark.parametrize("role", ["Ex-Wife", "Fiance", "Partner", "Son", None])
def test_other_roles_make_no_client_b(role):
    office = Office()
    home = office.household(partner=person(role=role))
    assert case(office, home.unit_key)["clientB"] is None


def test_a_head_with_a_spouse_role_is_not_their_own_spouse():
    office = Office()
    home = office.household(head=person(role="Husband"))
    assert households_fact(office, "profiles", home.household_id)["spouse_candidates"] == 0


@pytest.mark.parametrize("is_turned", [False, True])
def test_emoney_finds_the_spouse_relation_from_either_side(is_turned):
    office = Office()
    client, spouse = office.single(), office.contact(first_name="Eve")
    office.relation(*((spouse, client) if is_turned else (client, spouse)), relation="husband ")
    document = client_file(office, f"C{client}")
    assert document["spouse"]["externalId"] == f"contact:{spouse}"
    assert document["client"]["maritalStatus"] == "Married"


def test_a_relation_stored_from_both_sides_names_one_candidate():
    office = Office()
    client, spouse = office.single(), office.contact()
    office.relation(client, spouse)
    office.relation(spouse, client)
    assert households_fact(office, "emoney", client)["spouse_candidates"] == 1


@pytest.mark.parametrize("values", [{"relation_type": "Business"}, {"relation": "Partner"}, {"relation": None}])
def test_other_relations_name_no_spouse(values):
    office = Office()
    client, other = office.single(), office.contact()
    office.relation(client, other, **values)
    document = client_file(office, f"C{client}")
    assert document["spouse"] is None
    assert document["client"]["maritalStatus"] == "Single"


def test_each_vendor_keeps_its_own_source_of_the_spouse():
    office = Office()
    home = office.household(wife=person(first_name="Eve"))
    other = office.contact(first_name="Ida")
    office.relation(home.head, other)
    assert case(office, home.unit_key)["clientB"]["firstName"] == "Eve"
    assert client_file(office, home.unit_key)["spouse"]["firstName"] == "Ida"
    for vendor in ("profiles", "emoney"):
        assert households_fact(office, vendor, home.household_id)["spouse_difference"] != "same"


@pytest.mark.parametrize(
    ("status", "by_role", "by_relation", "difference"),
    [
        ("Married", "Married", None, "no_relation"),
        (None, "Married", None, "no_relation"),
        ("Divorced", "Divorced", None, "old_role"),
        ("Married", None, "Married", "no_role"),
        ("Widowed", None, "Single", "old_relation"),
        ("Married", "Divorced", "Married", "other_role"),
        ("Married", "Married", "Divorced", "other_relation"),
        ("Married", "Married", "Married", "unclear"),
        ("Married", None, None, "same"),
    ],
)
def test_where_role_and_relation_differ_the_facts_say_which_to_mend(status, by_role, by_relation, difference):
    office = Office()
    wife = {"wife": person(marital_status=by_role, gender="Female")} if by_role else {}
    home = office.household(head=person(marital_status=status), **wife)
    if by_relation:
        office.relation(home.head, office.contact(marital_status=by_relation, gender="Male"))
    for vendor in ("profiles", "emoney"):
        facts = households_fact(office, vendor, home.household_id)
        assert facts["spouse_difference"] == difference
        assert facts["spouse_word"] == ("Wife" if by_role else "Husband" if by_relation else "Spouse")


def test_where_a_source_names_several_it_is_unclear_which_to_mend():
    office = Office()
    home = office.household(head=person(marital_status="Married"), wife=person(), husband=person())
    office.relation(home.head, office.contact(marital_status="Married"))
    assert households_fact(office, "profiles", home.household_id)["spouse_difference"] == "unclear"


def test_two_living_candidates_are_ambiguous_and_none_is_sent():
    office = Office()
    home = office.household(wife=person(), husband=person())
    assert case(office, home.unit_key)["clientB"] is None
    facts = households_fact(office, "profiles", home.household_id)
    assert (facts["spouse_candidates"], facts["has_spouse"]) == (2, False)


@pytest.mark.parametrize("gone", [{"is_deceased": True}, {"is_deleted": True}])
def test_a_candidate_who_is_gone_leaves_the_living_one(gone):
    office = Office()
    home = office.household(wife=person(**gone), spouse=person(first_name="Eve"))
    assert case(office, home.unit_key)["clientB"]["firstName"] == "Eve"
    facts = households_fact(office, "profiles", home.household_id)
    assert (facts["spouse_candidates"], facts["spouse_candidates_gone"]) == (1, 1)


def test_a_client_who_is_their_own_spouse_is_reported():
    office = Office()
    client = office.single()
    office.relation(client, client)
    facts = households_fact(office, "emoney", client)
    assert (facts["spouse_is_client"], facts["has_spouse"], facts["spouse_candidates"]) == (True, False, 1)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("Married", True),
        (" domestic PARTNERSHIP", True),
        ("Civil Union", True),
        ("Divorced", False),
        (" ", False),
        (None, False),
    ],
)
def test_counts_as_married_by_a_table(status, expected):
    office = Office()
    client = office.single(marital_status=status)
    facts = households_fact(office, "profiles", client)
    assert facts["counts_as_married"] is expected
    assert facts["marital_status"] == ((status or "").strip() or None)


def test_the_primary_flag_is_the_heads():
    office = Office()
    flagged = office.household(head=person(is_primary=True), wife=person(is_primary=False))
    cleared = office.household(head=person(is_primary=False), wife=person(is_primary=True))
    client = office.single()
    expected = {flagged.household_id: True, cleared.household_id: False, client: True}
    assert {key: households_fact(office, "profiles", key)["is_primary_household"] for key in expected} == expected


def test_a_spouse_who_is_a_client_elsewhere_names_the_other_unit():
    office = Office()
    home = office.couple()
    office.add("client_of", contact_id=home.members[1], unit_key="H99")
    for vendor in ("profiles", "emoney"):
        assert households_fact(office, vendor, home.household_id)["spouse_unit_key"] == "H99"


def test_of_several_units_whose_client_the_spouse_is_the_first_by_key_is_named():
    office = Office()
    home = office.couple()
    for unit_key in ("H99", "H98"):
        office.add("client_of", contact_id=home.members[1], unit_key=unit_key)
    assert households_fact(office, "profiles", home.household_id)["spouse_unit_key"] == "H98"


def test_dependents_are_children_by_role_and_dependents_by_type():
    office = Office()
    home = office.household(
        stepson=person(first_name="Bo"),
        niece=person(first_name="Di", subsystem_type="dependent "),
        uncle=person(first_name="Cy"),
        son=person(first_name="Ed", is_deleted=True),
        daughter=person(first_name="Flo", is_deceased=True),
    )
    names = [dependent["firstName"] for dependent in case(office, home.unit_key)["dependents"]]
    assert names == ["Bo", "Di", "Flo"]


@pytest.mark.parametrize("column", ["first_name", "last_name", "birth_date"])
def test_an_incomplete_dependent_is_left_out(column):
    office = Office()
    home = office.household(son=person(**{column: None}))
    assert case(office, home.unit_key)["dependents"] == []
    assert left_out(batch_of(office, "profiles")) == {("contact", home.members[1], "DEM-DEPENDENT")}


def test_emoney_has_no_dependents():
    office = Office()
    home = office.household(son=person())
    assert client_file(office, home.unit_key).keys() == {"client", "spouse", "items"}
    assert left_out(batch_of(office, "emoney")) == set()


@pytest.mark.parametrize(
    ("name", "expected"),
    [(" The Harbors ", "The Harbors"), (" ", "Ann Harbor"), ("é" * 60, "é" * 49), ("🙂" * 50, "🙂" * 49)],
)
def test_a_case_is_named_after_the_household_and_cut(name, expected):
    office = Office()
    home = office.household(name=name)
    documents = batch_of(office, "profiles").documents
    assert f'"case_name":"{expected}"' in documents["document"].iloc[0].decode(), home.unit_key


def test_a_case_without_any_name_is_named_after_nobody_and_the_next_one_after_its_own_client():
    office = Office()
    for first_name, last_name in ((None, None), ("Ann", None), (None, "Harbor")):
        office.household(person(first_name=first_name, last_name=last_name), name=None)
    names = [json.loads(document)["case_name"] for document in batch_of(office, "profiles").documents["document"]]
    assert names == ["", "Ann", "Harbor"]


@pytest.mark.parametrize("head", [{"is_deleted": True}, {"record_type": "Business"}])
def test_a_head_who_is_no_usable_person_is_reported(head):
    office = Office()
    home = office.household(head=person(**head))
    assert households_fact(office, "profiles", home.household_id)["head_is_person"] is False


def test_a_deceased_head_is_reported_and_still_has_a_document():
    office = Office()
    home = office.household(head=person(is_deceased=True))
    assert households_fact(office, "profiles", home.household_id)["client_deceased"] is True
    assert case(office, home.unit_key)["clientA"]["firstName"] == "Ann"


def test_documents_name_client_and_spouse():
    office = Office()
    home, client = office.couple(), office.single()
    rows = batch_of(office, "profiles").documents.set_index("unit_key")
    assert rows.loc[home.unit_key, ["client_contact_id", "spouse_contact_id"]].tolist() == list(home.members[:2])
    assert rows.loc[f"C{client}"].isna().tolist() == [False, True, False, False]
