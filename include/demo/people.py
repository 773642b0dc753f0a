"""People and how to reach them: contact rows, work and income, addresses, phones and e-mails."""

from typing import Any

from include.demo.book import Row, day
from include.demo.desk import Desk, Office
from include.demo.dice import weigh
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


def add_person(desk: Desk, office: Office, user_id: int | None, female: bool, birth: int, **more: Any) -> Row:
    """A person's contact row, a client's unless `more` says otherwise; `birth` is an ordinal."""
    dice, names = desk.dice, desk.names
    columns: Row = {
        "office_id": office.office_id,
        "assigned_user_id": user_id,
        "record_type": "Contact",
        "subsystem_type": "Contact",
        "contact_type": "Client",
        "first_name": dice.pick(names.female if female else names.male),
        "last_name": dice.pick(names.last),
        "birth_date": day(birth),
        "gender": dice.pick(_GENDERS[female]),
        **more,
    }
    person = desk.book.add("contact", **columns)
    if dice.chance(0.8):
        person["tax_id"] = tax_id(person["contact_id"])
    return person


def give_work(desk: Desk, person: Row, age: float) -> None:
    """Employer, job title and income of a grown person: a salary while at work, total income in retirement."""
    dice = desk.dice
    if age < _RETIREMENT_AGE and dice.chance(0.88):
        person["company"] = dice.pick(desk.names.companies)
        person["job_title"] = dice.pick(desk.names.jobs)
        person["annual_salary"] = (
            dice.whole(32, 310) * 1000.0 if dice.chance(0.8) else dice.whole(32_00, 310_00) * 10.01
        )
        person["annual_salary"] = round(person["annual_salary"], 2)
        if dice.chance(0.25):
            person["total_income"] = round(person["annual_salary"] + dice.whole(1, 40) * 500, 2)
    elif dice.chance(0.85):
        person["total_income"] = dice.whole(1_800_000, 14_000_000) / 100


def phone_number(dice: Any) -> str:
    """A number of the 555-01xx range, which belongs to nobody."""
    return f"({dice.pick(_AREA_CODES)}) 555-01{dice.digits(2)}"


def add_phone(
    desk: Desk, person: Row, phone_type: str, preferred: bool | None = None, extension: str | None = None
) -> Row:
    return desk.book.add(
        "contact_phone",
        contact_id=person["contact_id"],
        phone_type=desk.dice.label(phone_type),
        number=phone_number(desk.dice),
        extension=extension,
        is_preferred=preferred,
    )


def add_address(
    desk: Desk, person: Row, address_type: str, place: tuple[str, str, str], preferred: bool | None = None
) -> Row:
    dice = desk.dice
    city, state, postal_code = place
    return desk.book.add(
        "contact_address",
        contact_id=person["contact_id"],
        address_type=dice.label(address_type),
        line1=dice.pick(desk.names.streets),
        line2=f"Apt. {dice.whole(1, 90)}" if dice.chance(0.12) else None,
        city=city,
        state=state,
        postal_code=postal_code,
        country="USA" if dice.chance(0.7) else None,
        is_preferred=preferred,
    )


def add_email(desk: Desk, person: Row, email_type: str, preferred: bool | None = None) -> Row:
    first, last = plain(person["first_name"]), plain(person["last_name"])
    tail = ".work" if email_type == "Business" else ""
    return desk.book.add(
        "contact_email",
        contact_id=person["contact_id"],
        email_type=desk.dice.label(email_type),
        address=f"{first}.{last}.{person['contact_id']}{tail}@example.com",
        is_preferred=preferred,
    )


def give_ways_to_reach(desk: Desk, person: Row, as_client: bool) -> None:
    """Addresses, phones and e-mails: full for a client, fewer for a spouse; some types twice, not always preferred."""
    dice = desk.dice
    place = dice.pick(desk.names.places)
    if as_client or dice.chance(0.4):
        add_address(desk, person, "Residence", place, dice.flag(0.6))
        if dice.chance(0.07):
            add_address(desk, person, "Residence", dice.pick(desk.names.places), dice.flag(0.3))
    if as_client and dice.chance(0.15):
        add_address(desk, person, dice.pick(("Mailing", "Vacation Home")), dice.pick(desk.names.places))
    if person["company"] and dice.chance(0.5):
        add_address(desk, person, "Business", place)
        add_phone(desk, person, "Business", None, dice.digits(3) if dice.chance(0.4) else None)
        if dice.chance(0.2):
            add_phone(desk, person, "Business Fax")
    if as_client and dice.chance(0.75):
        add_phone(desk, person, "Home", dice.flag(0.3))
    if dice.chance(0.93 if as_client else 0.8):
        add_phone(desk, person, "Mobile", dice.flag(0.5))
        if dice.chance(0.1):
            add_phone(desk, person, "Mobile", dice.flag(0.5))
    if as_client and dice.chance(0.08):
        add_phone(desk, person, "Fax")
    if as_client and dice.chance(0.92):
        add_email(desk, person, "Personal", dice.flag(0.4))
    if dice.chance(0.25):
        add_email(desk, person, "Business", dice.flag(0.15))
