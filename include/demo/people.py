"""People: contact rows, work and income, addresses, phones and e-mails, and relations between them."""

from typing import Any

from include.demo.draft import Draft, Office, Rng, Row, weigh
from include.demo.names import plain

_GENDERS = {True: weigh((("Female", 9), ("F", 1))), False: weigh((("Male", 9), ("M", 1)))}
_AREA_CODES = ("212", "312", "415", "508", "614", "713", "802", "907")
_RETIREMENT_AGE = 66


def is_female(person: Row) -> bool:
    return str(person["gender"]).startswith("F")


def tax_id(contact_id: int) -> str | None:
    """An id of the 900 range, which is never given out; no two contacts below a million share one."""
    mixed = contact_id * 387_311 % 1_000_000
    return f"900-{mixed // 10_000:02d}-{mixed % 10_000:04d}" if contact_id < 1_000_000 else None


def add_person(office: Office, user_id: int | None, female: bool, days_old: int, **more: Any) -> Row:
    """A person's contact row; a client's unless `more`, further columns, says otherwise."""
    draft, rng, names = office.draft, office.draft.rng, office.draft.names
    columns: Row = {
        "assigned_user_id": user_id,
        "record_type": "Contact",
        "subsystem_type": "Contact",
        "contact_type": "Client",
        "first_name": rng.pick(names.female if female else names.male),
        "last_name": rng.pick(names.last),
        "birth_date": draft.days_ago(days_old),
        "gender": rng.pick(_GENDERS[female]),
    }
    person = draft.add("contact", office.row, **{**columns, **more})
    if rng.chance(0.8):
        person["tax_id"] = tax_id(person["contact_id"])
    return person


def add_business(office: Office, name: str, subsystem_type: str = "Business", **more: Any) -> Row:
    """The contact row of a business, a trust or another firm; `more` are further columns."""
    columns = {"record_type": "Business", "subsystem_type": subsystem_type, "business_name": name}
    return office.draft.add("contact", office.row, **columns, **more)


def relate(draft: Draft, contact: Row, related: Row, relation: str | None, relation_type: str = "Family") -> Row:
    """A key relation: what `related` is to `contact`."""
    related_id = related["contact_id"]
    return draft.add(
        "key_relation", contact, related_contact_id=related_id, relation_type=relation_type, relation=relation
    )


def give_work(draft: Draft, person: Row, age: float) -> None:
    """Employer, job title and income of a grown person: a salary while at work, total income in retirement."""
    rng = draft.rng
    if age < _RETIREMENT_AGE and rng.chance(0.88):
        person["company"] = rng.pick(draft.names.companies)
        person["job_title"] = rng.pick(draft.names.jobs)
        salary = rng.whole(32, 310) * 1000.0 if rng.chance(0.8) else rng.whole(32_00, 310_00) * 10.01
        person["annual_salary"] = round(salary, 2)
        if rng.chance(0.25):
            person["total_income"] = round(person["annual_salary"] + rng.whole(1, 40) * 500, 2)
    elif rng.chance(0.85):
        person["total_income"] = rng.whole(1_800_000, 14_000_000) / 100


def phone_number(rng: Rng) -> str:
    """A number of the 555-01xx range, which belongs to nobody."""
    return f"({rng.pick(_AREA_CODES)}) 555-01{rng.digits(2)}"


def add_phone(
    draft: Draft, person: Row, phone_type: str, preferred: bool | None = None, extension: str | None = None
) -> None:
    phone_type, number = draft.rng.label(phone_type), phone_number(draft.rng)
    draft.add(
        "contact_phone", person, phone_type=phone_type, number=number, extension=extension, is_preferred=preferred
    )


def add_address(
    draft: Draft, person: Row, address_type: str, place: tuple[str, str, str], preferred: bool | None = None
) -> None:
    rng = draft.rng
    city, state, postal_code = place
    draft.add(
        "contact_address",
        person,
        address_type=rng.label(address_type),
        line1=rng.pick(draft.names.streets),
        line2=f"Apt. {rng.whole(1, 90)}" if rng.chance(0.12) else None,
        city=city,
        state=state,
        postal_code=postal_code,
        country="USA" if rng.chance(0.7) else None,
        is_preferred=preferred,
    )


def add_email(draft: Draft, person: Row, email_type: str, preferred: bool | None = None) -> None:
    first, last = plain(person["first_name"]), plain(person["last_name"])
    tail = ".work" if email_type == "Business" else ""
    address = f"{first}.{last}.{person['contact_id']}{tail}@example.com"
    email_type = draft.rng.label(email_type)
    draft.add("contact_email", person, email_type=email_type, address=address, is_preferred=preferred)


def give_ways_to_reach(draft: Draft, person: Row, as_client: bool) -> None:
    """Addresses, phones and e-mails: full for a client, fewer for a spouse; some types twice, not always preferred."""
    rng, places = draft.rng, draft.names.places
    place = rng.pick(places)
    if as_client or rng.chance(0.4):
        add_address(draft, person, "Residence", place, rng.flag(0.6))
        if rng.chance(0.07):
            add_address(draft, person, "Residence", rng.pick(places), rng.flag(0.3))
    if as_client and rng.chance(0.15):
        add_address(draft, person, rng.pick(("Mailing", "Vacation Home")), rng.pick(places))
    if person["company"] and rng.chance(0.5):
        add_address(draft, person, "Business", place)
        add_phone(draft, person, "Business", None, rng.digits(3) if rng.chance(0.4) else None)
        if rng.chance(0.2):
            add_phone(draft, person, "Business Fax")
    if as_client and rng.chance(0.75):
        add_phone(draft, person, "Home", rng.flag(0.3))
    if rng.chance(0.93 if as_client else 0.8):
        add_phone(draft, person, "Mobile", rng.flag(0.5))
        if rng.chance(0.1):
            add_phone(draft, person, "Mobile", rng.flag(0.5))
    if as_client and rng.chance(0.08):
        add_phone(draft, person, "Fax")
    if as_client and rng.chance(0.92):
        add_email(draft, person, "Personal", rng.flag(0.4))
    if rng.chance(0.25):
        add_email(draft, person, "Business", rng.flag(0.15))
