"""One rich household, with something of everything, for the golden files and the laws."""

from datetime import date

from tests.builders import Home, Office, person


def rich_office() -> tuple[Office, Home]:
    """A couple with two children, and beside it a couple, a lone client and a household without a usable head."""
    office = Office()
    user_id = office.user("advisor")
    home = office.couple(
        head={
            "first_name": " Ann ", "last_name": "O’Harbor", "gender": "Female", "company": "Quay & Sons",
            "job_title": "Engineer", "annual_salary": "120000.50", "total_income": 1, "assigned_user_id": user_id,
        },
        spouse={"first_name": "Zoë", "total_income": 88000, "company": " ", "job_title": "Teacher"},
        son=person(first_name="Bo", birth_date=date(2012, 2, 29)),
        niece=person(first_name="Di", subsystem_type="Dependent", birth_date=date(2015, 7, 1)),
        uncle=person(first_name="Cy", last_name=None),
    )  # fmt: skip
    head, spouse, son, _, uncle = home.members
    _add_reach(office, head, spouse, uncle)
    _add_accounts(office, head, spouse, son)
    _add_liabilities(office, head, spouse, uncle)
    _add_policies(office, head, spouse, son, uncle)
    other = office.couple(name="")
    office.account(other.head, account_type=None)
    office.single(first_name="Solo", marital_status=" ")
    office.household(head=person(is_deleted=True), wife=person())
    return office, home


def _add_reach(office: Office, head: int, spouse: int, uncle: int) -> None:
    office.address(head)
    office.address(head, line1="2 Hill Road", line2="Apt 4", is_preferred=True)
    office.address(head, address_type="Business", line1="Pier 7", country=None)
    office.address(spouse, address_type="business", line1=" ", line2="Room 2")
    office.address(spouse, address_type="Residence")
    office.address(uncle, address_type="Mailing")
    office.phone(head, extension="12")
    office.phone(head, phone_type="Mobile", number=" 603-555-0101 ")
    office.phone(head, phone_type="Mobile", number="603-555-0102")
    office.phone(head, phone_type="Business Fax", number="603-555-0103", extension=" ")
    office.phone(spouse, phone_type="MOBILE", number="603-555-0104")
    office.phone(spouse, phone_type="Fax", number="603-555-0105")
    office.phone(spouse, phone_type="Business", number=" ")
    office.phone(uncle, phone_type="Pager", number="603-555-0106")
    office.email(head, email_type="Business", address="ann@example.com ")
    office.email(head, address="second@example.com")
    office.email(spouse, address="zoe@example.com")


def _add_accounts(office: Office, head: int, spouse: int, son: int) -> None:
    brokerage = office.account(head, account_value="250000.25", loan_balance="-1000.10", net_value="251000.35")
    office.position(brokerage, market_value="150000.25")
    office.position(brokerage, symbol=" ", product_name="Harbor Fund", market_value=100000)
    annuity = office.account(spouse, account_name="VA", how_held="Variable Annuity", is_qualified=True)
    office.position(annuity, symbol=None, product_name="Subaccount One")
    office.account(spouse, account_type="Odd Type", how_held=" trust ", is_held_away=True, is_discretionary=True)
    office.account(head, account_type=" ", account_number="POL-000-1234", account_value="99999999999.99")
    office.position(office.account(son))


def _add_liabilities(office: Office, head: int, spouse: int, uncle: int) -> None:
    originated = {
        "orig_loan_amount": 200000, "orig_interest_rate": 6, "orig_balloon_period": 30,
        "orig_loan_date": date(2020, 1, 31),
    }  # fmt: skip
    office.liability(head, loan_number="L-1", payment_method="Monthly", **originated)
    office.liability(spouse, loan_balance=None, monthly_payment=None, interest_rate=None, balloon_period=None,
                     lender=" ", loan_number=None, account_name="Mortgage", **originated)  # fmt: skip
    office.liability(head, calculate=None, orig_monthly_payment=1250, **originated)
    office.liability(uncle)


def _add_policies(office: Office, head: int, spouse: int, son: int, uncle: int) -> None:
    life = office.policy(head, primary_insured_id=spouse, annual_premium=None, annualized_premium="1200.10")
    for contact_id in (son, spouse, uncle):
        office.beneficiary(life, contact_id)
    office.policy(head, insurance_type="Disability", elimination_period="90 Days", annualized_premium=5)
    office.policy(spouse, insurance_type="LTC", elimination_period="a while", gross_cash_value=7, policy_number=" 12 ")
    annuity = office.policy(spouse, insurance_type="Annuity", plan_type="VA", gross_cash_value="75000.75")
    office.beneficiary(annuity, head)
    office.policy(head, status="Lapsed")
    office.policy(head, insurance_type="Auto")
    office.policy(head, primary_insured_id=uncle, owner_contact_id=uncle)
    office.policy(uncle)
