"""The CRM's tables: the one spelling of every column.

Portable SQLAlchemy Core metadata for the SmartOffice-shaped source, as it stands on SQLite and on PostgreSQL.
Drop-down columns hold the label a user sees; flags are check boxes whose NULL reads as "not selected"; money is
``NUMERIC(18, 2)`` in US dollars, rates are percent per year, periods are years. ``deleted_at`` is set on a record in
*Deleted Records*; ``modified_at`` (UTC) moves whenever the row changes.

`etl.tables` says how a table is written here.
"""

from functools import partial

from sqlalchemy import MetaData, Table

from etl.tables import table

metadata = MetaData()
_table = partial(table, metadata)

# Numeric columns travel through the pipeline as integers scaled by 10 ** scale (money: cents). This value stands for
# a figure that is not finite in the source (NaN, infinity, unreadable); the gate holds it (ACC-MONEY).
NOT_FINITE = -(2**63) + 1

office = _table("""office
    office_id id key, name text(120) required, parent_office_id -> office, status text(40) required
""")

crm_user = _table("""crm_user
    user_id id key, office_id -> office required, user_name text(256) required unique, full_name text(256),
    status text(40) required
""")

user_right = _table("""user_right
    user_id -> crm_user key, right_name text(120) key
""")

contact = _table("""contact
    contact_id id key, office_id -> office required, assigned_user_id -> crm_user, record_type text(20) required,
    subsystem_type text(20) required, contact_type text(40), first_name text(120), last_name text(120),
    business_name text(240), birth_date date, gender text(40), marital_status text(40), tax_id text(20),
    company text(240), job_title text(120), annual_salary money, total_income money, primary_advisor_id -> contact,
    is_deceased flag, deleted_at time, modified_at time required,
    index ix_contact_office office_id, index ix_contact_modified modified_at
""")

contact_address = _table("""contact_address
    address_id id key, contact_id -> contact required, address_type text(40), line1 text(240), line2 text(240),
    city text(120), state text(60), postal_code text(20), country text(60), is_preferred flag,
    modified_at time required,
    index ix_address_contact contact_id
""")

contact_phone = _table("""contact_phone
    phone_id id key, contact_id -> contact required, phone_type text(40), number text(60), extension text(20),
    is_preferred flag, modified_at time required,
    index ix_phone_contact contact_id
""")

contact_email = _table("""contact_email
    email_id id key, contact_id -> contact required, email_type text(40), address text(256), is_preferred flag,
    modified_at time required,
    index ix_email_contact contact_id
""")

household = _table("""household
    household_id id key, office_id -> office required, name text(240), head_contact_id -> contact, deleted_at time,
    modified_at time required,
    index ix_household_head head_contact_id
""")

household_member = _table("""household_member
    household_id -> household key, contact_id -> contact key, role text(40), is_primary flag, modified_at time required,
    index ix_household_member_contact contact_id
""")

key_relation = _table("""key_relation
    relation_id id key, contact_id -> contact required, related_contact_id -> contact required,
    relation_type text(40) required, relation text(60), modified_at time required,
    index ix_key_relation_contact contact_id, index ix_key_relation_related related_contact_id
""")

carrier = _table("""carrier
    carrier_id id key, office_id -> office required, name text(240) required, naic_id text(20), status text(20)
""")

product = _table("""product
    product_id id key, carrier_id -> carrier required, office_id -> office required, plan_name text(240) required,
    insurance_type text(40) required, plan_type text(60), calculate_benefit flag
""")

policy = _table("""policy
    policy_id id key, office_id -> office required, primary_contact_id -> contact, product_id -> product,
    policy_number text(60), status text(60), policy_date date, owner_contact_id -> contact,
    primary_insured_id -> contact, second_insured_id -> contact, annual_premium money, annualized_premium money,
    basic_face_amount money, total_death_benefit money, gross_cash_value money, elimination_period text(40),
    deleted_at time, modified_at time required,
    index ix_policy_primary primary_contact_id
""")

policy_beneficiary = _table("""policy_beneficiary
    policy_id -> policy key, contact_id -> contact key, designation text(40), percentage number(7,4),
    modified_at time required
""")

policy_contact = _table("""policy_contact
    policy_id -> policy key, list_name text(40) key, contact_id -> contact key, role text(60)
""")

pending_case = _table("""pending_case
    pending_case_id id key, office_id -> office required, primary_contact_id -> contact, product_id -> product,
    policy_number text(60), stage text(60), primary_insured_id -> contact, annual_premium money, face_amount money,
    deleted_at time, modified_at time required,
    index ix_pending_case_primary primary_contact_id
""")

pending_case_contact = _table("""pending_case_contact
    pending_case_id -> pending_case key, list_name text(40) key, contact_id -> contact key, role text(60)
""")

investment_account = _table("""investment_account
    account_id id key, office_id -> office required, primary_contact_id -> contact, account_name text(240),
    account_number text(60), account_type text(60), how_held text(60), is_qualified flag, is_held_away flag,
    is_discretionary flag, roll_up_liabilities flag, account_value money, loan_balance money, net_value money,
    deleted_at time, modified_at time required,
    index ix_account_primary primary_contact_id
""")

investment_position = _table("""investment_position
    position_id id key, account_id -> investment_account required, symbol text(40), cusip text(20),
    product_name text(240), shares number(20,6), price number(20,6), market_value money, modified_at time required,
    index ix_position_account account_id
""")

investment_account_contact = _table("""investment_account_contact
    account_id -> investment_account key, list_name text(40) key, contact_id -> contact key, role text(60)
""")

liability = _table("""liability
    liability_id id key, office_id -> office required, primary_contact_id -> contact, account_id -> investment_account,
    lender text(240), loan_number text(60), account_name text(240), payment_method text(60), calculate flag,
    loan_balance money, interest_rate number(9,6), monthly_payment money, balloon_period number(7,3),
    orig_loan_date date, orig_loan_amount money, orig_interest_rate number(9,6), orig_monthly_payment money,
    orig_balloon_period number(7,3), deleted_at time, modified_at time required,
    index ix_liability_primary primary_contact_id
""")

commission = _table("""commission
    commission_id id key, policy_id -> policy, pending_case_id -> pending_case, amount money
""")

smartpad_note = _table("""smartpad_note
    note_id id key, contact_id -> contact required, written_at time required, category text(60), body text,
    index ix_note_contact contact_id
""")

activity = _table("""activity
    activity_id id key, contact_id -> contact required, starts_at time, subject text(240), status text(40),
    index ix_activity_contact contact_id
""")

letter = _table("""letter
    letter_id id key, contact_id -> contact required, kind text(20) required, sent_to_contact flag, sent_at time,
    subject text(240),
    index ix_letter_contact contact_id
""")

employee_census = _table("""employee_census
    census_id id key, business_contact_id -> contact required, employee_contact_id -> contact, job_class text(60)
""")

contact_set = _table("""contact_set
    set_id id key, office_id -> office required, name text(240) required
""")

contact_set_member = _table("""contact_set_member
    set_id -> contact_set key, contact_id -> contact key
""")

lead = _table("""lead
    lead_id id key, office_id -> office required, contact_id -> contact, last_name text(120)
""")

referred_contact = _table("""referred_contact
    contact_id -> contact key, referred_contact_id -> contact key
""")

event_invitation = _table("""event_invitation
    invitation_id id key, contact_id -> contact required, event_name text(240)
""")

presale_activity = _table("""presale_activity
    presale_id id key, contact_id -> contact required, kind text(40)
""")

custom_field_value = _table("""custom_field_value
    entity text(20) key, entity_id id key, field_name text(120) key, value text
""")

asset_allocation = _table("""asset_allocation
    account_id -> investment_account key, asset_class text(60) key, percentage number(7,4)
""")

account_performance = _table("""account_performance
    account_id -> investment_account key, period_end date key, return_pct number(9,4)
""")


def _references(parent: str) -> dict[str, tuple[str, ...]]:
    """By table the columns that refer to a table."""
    columns = {
        name: tuple(one.name for one in each.columns for key in one.foreign_keys if key.column.table.name == parent)
        for name, each in metadata.tables.items()
    }
    return {name: names for name, names in columns.items() if names}


# By which columns the rows of a table hang on a contact. A household hangs on its members, not on its head.
HANGS_BY = {
    "contact": ("contact_id",),
    **{name: columns for name, columns in _references("contact").items() if name not in ("contact", "household")},
}

# By which column rows belong to a policy, case or account whose primary contact is in the set.
BELONGS_TO = tuple(
    (name, column, parent)
    for parent in ("policy", "pending_case", "investment_account")
    for name, columns in _references(parent).items()
    for column in columns
)

# The tables that a refresh reads, and by which of its columns a row is found: where one of them cannot be read, nobody
# can say which units the row belongs to.
FOUND_BY: dict[Table, tuple[str, ...]] = {
    office: ("office_id",),
    crm_user: ("user_id",),
    user_right: ("user_id",),
    contact: ("contact_id",),
    contact_address: ("contact_id",),
    contact_phone: ("contact_id",),
    contact_email: ("contact_id",),
    household: ("household_id",),
    household_member: ("household_id",),
    key_relation: ("contact_id", "related_contact_id"),
    carrier: ("carrier_id",),
    product: ("product_id",),
    policy: ("primary_contact_id",),
    policy_beneficiary: ("policy_id",),
    investment_account: ("primary_contact_id",),
    investment_position: ("account_id",),
    liability: ("primary_contact_id",),
    contact_set: ("set_id",),
    contact_set_member: ("set_id", "contact_id"),
}

# The values of custom_field_value.entity, and the table whose key stands beside each.
CUSTOM_FIELDS_OF: dict[str, str] = {
    "contact": "contact",
    "business": "contact",
    "policy": "policy",
    "annuity": "policy",
    "account": "investment_account",
    "position": "investment_position",
}
