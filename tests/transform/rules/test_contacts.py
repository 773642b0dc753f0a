"""DEM-*: which address, phone and e-mail goes, and how values are written."""

import pytest

from tests.builders import Office, person
from tests.transform.reading import batch_of, case, client_file, fact


def client_a(office: Office, client: int) -> dict:
    return case(office, f"C{client}")["clientA"]


def test_the_preferred_row_is_picked(office, client):
    office.phone(client, number="1")
    office.phone(client, number="2", is_preferred=True)
    office.phone(client, number="3", is_preferred=True)
    assert client_a(office, client)["homePhone"] == "2"


def test_without_a_preferred_row_the_lowest_id_is_picked(office, client):
    office.phone(client, phone_id=9, number="9")
    office.phone(client, phone_id=7, number="7", phone_type=" HOME")
    assert client_a(office, client)["homePhone"] == "7"


def test_a_picked_blank_is_null_and_no_other_row_stands_in(office, client):
    office.phone(client, number=" ", is_preferred=True)
    office.phone(client, number="2")
    assert client_a(office, client)["homePhone"] is None


@pytest.mark.parametrize(
    ("number", "extension", "expected"),
    [(" 555 ", None, "555"), ("555", " 12 ", "555 x12"), ("555", "\u00a0", "555"), (None, "12", None)],
)
def test_a_phone_is_its_number_and_its_extension(office, client, number, extension, expected):
    office.phone(client, number=number, extension=extension)
    assert client_a(office, client)["homePhone"] == expected


@pytest.mark.parametrize(
    ("phone_type", "field"),
    [
        ("Home", "homePhone"),
        ("Mobile", "cellPhone"),
        ("Fax", "fax"),
        ("Business", "workPhone"),
        ("Business Fax", "workFax"),
    ],
)
def test_each_phone_type_has_its_field(office, client, phone_type, field):
    office.phone(client, phone_type=phone_type, number="1")
    person_ = client_a(office, client)
    assert {name for name in ("homePhone", "cellPhone", "fax", "workPhone", "workFax") if person_[name]} == {field}


def test_an_address_whose_fields_are_all_blank_is_null(office, client):
    office.address(client, line1=" ", city=None, state="", postal_code=None, country="\u00a0")
    assert client_a(office, client)["addressInfo"] is None


def test_an_address_goes_as_six_fields(office, client):
    office.address(client, line2=" Apt 4 ", city=None)
    assert client_a(office, client)["addressInfo"] == {
        "line1": "1 Quay Street", "line2": "Apt 4", "city": None, "state": "NH", "postalCode": "00001",
        "country": "USA",
    }  # fmt: skip


@pytest.mark.parametrize(
    "address", ["ann", "ann@", "@example.com", "a@b@example.com", "an n@example.com", "ann@exa\u00a0mple.com", "a@\tb"]
)
def test_what_is_no_email_is_not_sent_and_reported_as_it_is(office, client, address):
    office.email(client, address=address)
    assert client_a(office, client)["email"] is None
    assert client_file(office, f"C{client}")["client"]["email"] is None
    assert fact(batch_of(office, "profiles"), "people", client)["email"] == address


def test_the_email_is_picked_over_all_types(office, client):
    office.email(client, address="one@example.com", email_type="Business")
    office.email(client, address=" two@example.com", email_type=None, is_preferred=True)
    assert client_a(office, client)["email"] == "two@example.com"


def test_text_goes_code_point_for_code_point(office):
    name = "Zoe\u0301 \u202eM\u00fcller\u200d"
    contact_id = office.single(last_name=f"\u00a0{name}\t")
    assert client_a(office, contact_id)["lastName"] == name


@pytest.mark.parametrize(
    ("salary", "income", "expected"),
    [("10.50", 20, 10.5), (None, 20, 20), (0, 20, 0), (None, None, None), (float("nan"), 20, None)],
)
def test_income_is_the_salary_else_the_total_income(office, salary, income, expected):
    contact_id = office.single(annual_salary=salary, total_income=income)
    assert client_a(office, contact_id)["income"]["annualSalary"] == expected


def test_client_b_gets_only_what_the_matrix_gives(office):
    home = office.couple(spouse={"company": "Quay", "job_title": "Cook", "annual_salary": 5})
    spouse = home.members[1]
    office.email(spouse)
    for address_type in ("Residence", "Business"):
        office.address(spouse, address_type=address_type)
    for phone_type in ("Home", "Mobile", "Fax", "Business", "Business Fax"):
        office.phone(spouse, phone_type=phone_type)
    never = {"addressInfo", "homePhone", "fax", "email"}
    client_b = case(office, home.unit_key)["clientB"]
    assert {name for name, value in client_b.items() if value is None} == never
    assert client_b.keys() == case(office, home.unit_key)["clientA"].keys()
    spouse_file = client_file(office, home.unit_key)["spouse"]
    assert spouse_file.keys() == {"externalId", "firstName", "lastName", "dateOfBirth", "cellPhone", "job"}
    assert None not in spouse_file["job"].values()


def test_one_contact_in_two_units_goes_with_both(office):
    home = office.couple()
    sister = office.single()
    office.relation(sister, home.members[1])
    office.phone(home.members[1], phone_type="Mobile", number="1")
    office.account(home.members[1])
    for unit_key in (home.unit_key, f"C{sister}"):
        document = client_file(office, unit_key)
        assert document["spouse"]["cellPhone"] == "1"
        assert document["items"][0]["owner"] == "spouse"


def test_facts_of_people_are_trimmed(office):
    home = office.household(head=person(first_name=" Ann ", last_name=" ", gender=" "))
    facts = fact(batch_of(office, "profiles"), "people", home.head)
    assert (facts["person_role"], facts["first_name"], facts["last_name"], facts["gender"]) == (
        "client",
        "Ann",
        None,
        None,
    )
