"""The CRM's tables: the one spelling of every column.

Portable SQLAlchemy Core metadata for the SmartOffice-shaped source, as it stands on SQLite and on PostgreSQL.
Drop-down columns hold the label a user sees; check boxes are booleans whose NULL reads as "not selected"; money is
``NUMERIC(18, 2)`` in US dollars, rates are percent per year, periods are years. ``deleted_at`` is set on a record in
*Deleted Records*; ``modified_at`` (UTC) moves whenever the row changes.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
)

metadata = MetaData()

# Numeric columns travel through the pipeline as integers scaled by 10 ** scale (money: cents). This value stands for
# a figure that is not finite in the source (NaN, infinity, unreadable); the gate holds it (ACC-MONEY).
NOT_FINITE = -(2**63) + 1

office = Table(
    "office",
    metadata,
    Column("office_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", String(120), nullable=False),
    Column("parent_office_id", BigInteger, ForeignKey("office.office_id")),
    Column("status", String(40), nullable=False),
)

crm_user = Table(
    "crm_user",
    metadata,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("office_id", BigInteger, ForeignKey("office.office_id"), nullable=False),
    Column("user_name", String(256), nullable=False, unique=True),
    Column("full_name", String(256)),
    Column("status", String(40), nullable=False),
)

user_right = Table(
    "user_right",
    metadata,
    Column("user_id", BigInteger, ForeignKey("crm_user.user_id"), primary_key=True, autoincrement=False),
    Column("right_name", String(120), primary_key=True),
)

contact = Table(
    "contact",
    metadata,
    Column("contact_id", BigInteger, primary_key=True, autoincrement=False),
    Column("office_id", BigInteger, ForeignKey("office.office_id"), nullable=False),
    Column("assigned_user_id", BigInteger, ForeignKey("crm_user.user_id")),
    Column("record_type", String(20), nullable=False),
    Column("subsystem_type", String(20), nullable=False),
    Column("contact_type", String(40)),
    Column("first_name", String(120)),
    Column("last_name", String(120)),
    Column("business_name", String(240)),
    Column("birth_date", Date),
    Column("gender", String(40)),
    Column("marital_status", String(40)),
    Column("tax_id", String(20)),
    Column("company", String(240)),
    Column("job_title", String(120)),
    Column("annual_salary", Numeric(18, 2)),
    Column("total_income", Numeric(18, 2)),
    Column("primary_advisor_id", BigInteger, ForeignKey("contact.contact_id")),
    Column("is_deceased", Boolean),
    Column("deleted_at", DateTime),
    Column("modified_at", DateTime, nullable=False),
)

contact_address = Table(
    "contact_address",
    metadata,
    Column("address_id", BigInteger, primary_key=True, autoincrement=False),
    Column("contact_id", BigInteger, ForeignKey("contact.contact_id"), nullable=False),
    Column("address_type", String(40)),
    Column("line1", String(240)),
    Column("line2", String(240)),
    Column("city", String(120)),
    Column("state", String(60)),
    Column("postal_code", String(20)),
    Column("country", String(60)),
    Column("is_preferred", Boolean),
    Column("modified_at", DateTime, nullable=False),
)

contact_phone = Table(
    "contact_phone",
    metadata,
    Column("phone_id", BigInteger, primary_key=True, autoincrement=False),
    Column("contact_id", BigInteger, ForeignKey("contact.contact_id"), nullable=False),
    Column("phone_type", String(40)),
    Column("number", String(60)),
    Column("extension", String(20)),
    Column("is_preferred", Boolean),
    Column("modified_at", DateTime, nullable=False),
)

contact_email = Table(
    "contact_email",
    metadata,
    Column("email_id", BigInteger, primary_key=True, autoincrement=False),
    Column("contact_id", BigInteger, ForeignKey("contact.contact_id"), nullable=False),
    Column("email_type", String(40)),
    Column("address", String(256)),
    Column("is_preferred", Boolean),
    Column("modified_at", DateTime, nullable=False),
)

household = Table(
    "household",
    metadata,
    Column("household_id", BigInteger, primary_key=True, autoincrement=False),
    Column("office_id", BigInteger, ForeignKey("office.office_id"), nullable=False),
    Column("name", String(240)),
    Column("head_contact_id", BigInteger, ForeignKey("contact.contact_id")),
    Column("deleted_at", DateTime),
    Column("modified_at", DateTime, nullable=False),
)

household_member = Table(
    "household_member",
    metadata,
    Column("household_id", BigInteger, ForeignKey("household.household_id"), primary_key=True, autoincrement=False),
    Column("contact_id", BigInteger, ForeignKey("contact.contact_id"), primary_key=True, autoincrement=False),
    Column("role", String(40)),
    Column("is_primary", Boolean),
    Column("modified_at", DateTime, nullable=False),
)

key_relation = Table(
    "key_relation",
    metadata,
    Column("relation_id", BigInteger, primary_key=True, autoincrement=False),
    Column("contact_id", BigInteger, ForeignKey("contact.contact_id"), nullable=False),
    Column("related_contact_id", BigInteger, ForeignKey("contact.contact_id"), nullable=False),
    Column("relation_type", String(40), nullable=False),
    Column("relation", String(60)),
    Column("modified_at", DateTime, nullable=False),
)

carrier = Table(
    "carrier",
    metadata,
    Column("carrier_id", BigInteger, primary_key=True, autoincrement=False),
    Column("office_id", BigInteger, ForeignKey("office.office_id"), nullable=False),
    Column("name", String(240), nullable=False),
    Column("naic_id", String(20)),
    Column("status", String(20)),
)

product = Table(
    "product",
    metadata,
    Column("product_id", BigInteger, primary_key=True, autoincrement=False),
    Column("carrier_id", BigInteger, ForeignKey("carrier.carrier_id"), nullable=False),
    Column("office_id", BigInteger, ForeignKey("office.office_id"), nullable=False),
    Column("plan_name", String(240), nullable=False),
    Column("insurance_type", String(40), nullable=False),
    Column("plan_type", String(60)),
    Column("calculate_benefit", Boolean),
)

policy = Table(
    "policy",
    metadata,
    Column("policy_id", BigInteger, primary_key=True, autoincrement=False),
    Column("office_id", BigInteger, ForeignKey("office.office_id"), nullable=False),
    Column("primary_contact_id", BigInteger, ForeignKey("contact.contact_id")),
    Column("product_id", BigInteger, ForeignKey("product.product_id")),
    Column("policy_number", String(60)),
    Column("status", String(60)),
    Column("policy_date", Date),
    Column("owner_contact_id", BigInteger, ForeignKey("contact.contact_id")),
    Column("primary_insured_id", BigInteger, ForeignKey("contact.contact_id")),
    Column("second_insured_id", BigInteger, ForeignKey("contact.contact_id")),
    Column("annual_premium", Numeric(18, 2)),
    Column("annualized_premium", Numeric(18, 2)),
    Column("basic_face_amount", Numeric(18, 2)),
    Column("total_death_benefit", Numeric(18, 2)),
    Column("gross_cash_value", Numeric(18, 2)),
    Column("elimination_period", String(40)),
    Column("deleted_at", DateTime),
    Column("modified_at", DateTime, nullable=False),
)

policy_beneficiary = Table(
    "policy_beneficiary",
    metadata,
    Column("policy_id", BigInteger, ForeignKey("policy.policy_id"), primary_key=True, autoincrement=False),
    Column("contact_id", BigInteger, ForeignKey("contact.contact_id"), primary_key=True, autoincrement=False),
    Column("designation", String(40)),
    Column("percentage", Numeric(7, 4)),
    Column("modified_at", DateTime, nullable=False),
)

policy_contact = Table(
    "policy_contact",
    metadata,
    Column("policy_id", BigInteger, ForeignKey("policy.policy_id"), primary_key=True, autoincrement=False),
    Column("list_name", String(40), primary_key=True),
    Column("contact_id", BigInteger, ForeignKey("contact.contact_id"), primary_key=True, autoincrement=False),
    Column("role", String(60)),
)

pending_case = Table(
    "pending_case",
    metadata,
    Column("pending_case_id", BigInteger, primary_key=True, autoincrement=False),
    Column("office_id", BigInteger, ForeignKey("office.office_id"), nullable=False),
    Column("primary_contact_id", BigInteger, ForeignKey("contact.contact_id")),
    Column("product_id", BigInteger, ForeignKey("product.product_id")),
    Column("policy_number", String(60)),
    Column("stage", String(60)),
    Column("primary_insured_id", BigInteger, ForeignKey("contact.contact_id")),
    Column("annual_premium", Numeric(18, 2)),
    Column("face_amount", Numeric(18, 2)),
    Column("deleted_at", DateTime),
    Column("modified_at", DateTime, nullable=False),
)

pending_case_contact = Table(
    "pending_case_contact",
    metadata,
    Column(
        "pending_case_id", BigInteger, ForeignKey("pending_case.pending_case_id"), primary_key=True, autoincrement=False
    ),
    Column("list_name", String(40), primary_key=True),
    Column("contact_id", BigInteger, ForeignKey("contact.contact_id"), primary_key=True, autoincrement=False),
    Column("role", String(60)),
)

investment_account = Table(
    "investment_account",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("office_id", BigInteger, ForeignKey("office.office_id"), nullable=False),
    Column("primary_contact_id", BigInteger, ForeignKey("contact.contact_id")),
    Column("account_name", String(240)),
    Column("account_number", String(60)),
    Column("account_type", String(60)),
    Column("how_held", String(60)),
    Column("is_qualified", Boolean),
    Column("is_held_away", Boolean),
    Column("is_discretionary", Boolean),
    Column("roll_up_liabilities", Boolean),
    Column("account_value", Numeric(18, 2)),
    Column("loan_balance", Numeric(18, 2)),
    Column("net_value", Numeric(18, 2)),
    Column("deleted_at", DateTime),
    Column("modified_at", DateTime, nullable=False),
)

investment_position = Table(
    "investment_position",
    metadata,
    Column("position_id", BigInteger, primary_key=True, autoincrement=False),
    Column("account_id", BigInteger, ForeignKey("investment_account.account_id"), nullable=False),
    Column("symbol", String(40)),
    Column("cusip", String(20)),
    Column("product_name", String(240)),
    Column("shares", Numeric(20, 6)),
    Column("price", Numeric(20, 6)),
    Column("market_value", Numeric(18, 2)),
    Column("modified_at", DateTime, nullable=False),
)

investment_account_contact = Table(
    "investment_account_contact",
    metadata,
    Column(
        "account_id", BigInteger, ForeignKey("investment_account.account_id"), primary_key=True, autoincrement=False
    ),
    Column("list_name", String(40), primary_key=True),
    Column("contact_id", BigInteger, ForeignKey("contact.contact_id"), primary_key=True, autoincrement=False),
    Column("role", String(60)),
)

liability = Table(
    "liability",
    metadata,
    Column("liability_id", BigInteger, primary_key=True, autoincrement=False),
    Column("office_id", BigInteger, ForeignKey("office.office_id"), nullable=False),
    Column("primary_contact_id", BigInteger, ForeignKey("contact.contact_id")),
    Column("account_id", BigInteger, ForeignKey("investment_account.account_id")),
    Column("lender", String(240)),
    Column("loan_number", String(60)),
    Column("account_name", String(240)),
    Column("payment_method", String(60)),
    Column("calculate", Boolean),
    Column("loan_balance", Numeric(18, 2)),
    Column("interest_rate", Numeric(9, 6)),
    Column("monthly_payment", Numeric(18, 2)),
    Column("balloon_period", Numeric(7, 3)),
    Column("orig_loan_date", Date),
    Column("orig_loan_amount", Numeric(18, 2)),
    Column("orig_interest_rate", Numeric(9, 6)),
    Column("orig_monthly_payment", Numeric(18, 2)),
    Column("orig_balloon_period", Numeric(7, 3)),
    Column("deleted_at", DateTime),
    Column("modified_at", DateTime, nullable=False),
)

commission = Table(
    "commission",
    metadata,
    Column("commission_id", BigInteger, primary_key=True, autoincrement=False),
    Column("policy_id", BigInteger, ForeignKey("policy.policy_id")),
    Column("pending_case_id", BigInteger, ForeignKey("pending_case.pending_case_id")),
    Column("amount", Numeric(18, 2)),
)

smartpad_note = Table(
    "smartpad_note",
    metadata,
    Column("note_id", BigInteger, primary_key=True, autoincrement=False),
    Column("contact_id", BigInteger, ForeignKey("contact.contact_id"), nullable=False),
    Column("written_at", DateTime, nullable=False),
    Column("category", String(60)),
    Column("body", Text),
)

activity = Table(
    "activity",
    metadata,
    Column("activity_id", BigInteger, primary_key=True, autoincrement=False),
    Column("contact_id", BigInteger, ForeignKey("contact.contact_id"), nullable=False),
    Column("starts_at", DateTime),
    Column("subject", String(240)),
    Column("status", String(40)),
)

letter = Table(
    "letter",
    metadata,
    Column("letter_id", BigInteger, primary_key=True, autoincrement=False),
    Column("contact_id", BigInteger, ForeignKey("contact.contact_id"), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("sent_to_contact", Boolean),
    Column("sent_at", DateTime),
    Column("subject", String(240)),
)

employee_census = Table(
    "employee_census",
    metadata,
    Column("census_id", BigInteger, primary_key=True, autoincrement=False),
    Column("business_contact_id", BigInteger, ForeignKey("contact.contact_id"), nullable=False),
    Column("employee_contact_id", BigInteger, ForeignKey("contact.contact_id")),
    Column("job_class", String(60)),
)

contact_set = Table(
    "contact_set",
    metadata,
    Column("set_id", BigInteger, primary_key=True, autoincrement=False),
    Column("office_id", BigInteger, ForeignKey("office.office_id"), nullable=False),
    Column("name", String(240), nullable=False),
)

contact_set_member = Table(
    "contact_set_member",
    metadata,
    Column("set_id", BigInteger, ForeignKey("contact_set.set_id"), primary_key=True, autoincrement=False),
    Column("contact_id", BigInteger, ForeignKey("contact.contact_id"), primary_key=True, autoincrement=False),
)

lead = Table(
    "lead",
    metadata,
    Column("lead_id", BigInteger, primary_key=True, autoincrement=False),
    Column("office_id", BigInteger, ForeignKey("office.office_id"), nullable=False),
    Column("contact_id", BigInteger, ForeignKey("contact.contact_id")),
    Column("last_name", String(120)),
)

referred_contact = Table(
    "referred_contact",
    metadata,
    Column("contact_id", BigInteger, ForeignKey("contact.contact_id"), primary_key=True, autoincrement=False),
    Column("referred_contact_id", BigInteger, ForeignKey("contact.contact_id"), primary_key=True, autoincrement=False),
)

event_invitation = Table(
    "event_invitation",
    metadata,
    Column("invitation_id", BigInteger, primary_key=True, autoincrement=False),
    Column("contact_id", BigInteger, ForeignKey("contact.contact_id"), nullable=False),
    Column("event_name", String(240)),
)

presale_activity = Table(
    "presale_activity",
    metadata,
    Column("presale_id", BigInteger, primary_key=True, autoincrement=False),
    Column("contact_id", BigInteger, ForeignKey("contact.contact_id"), nullable=False),
    Column("kind", String(40)),
)

custom_field_value = Table(
    "custom_field_value",
    metadata,
    Column("entity", String(20), primary_key=True),
    Column("entity_id", BigInteger, primary_key=True, autoincrement=False),
    Column("field_name", String(120), primary_key=True),
    Column("value", Text),
)

asset_allocation = Table(
    "asset_allocation",
    metadata,
    Column(
        "account_id", BigInteger, ForeignKey("investment_account.account_id"), primary_key=True, autoincrement=False
    ),
    Column("asset_class", String(60), primary_key=True),
    Column("percentage", Numeric(7, 4)),
)

account_performance = Table(
    "account_performance",
    metadata,
    Column(
        "account_id", BigInteger, ForeignKey("investment_account.account_id"), primary_key=True, autoincrement=False
    ),
    Column("period_end", Date, primary_key=True),
    Column("return_pct", Numeric(9, 4)),
)

Index("ix_contact_office", contact.c.office_id)
Index("ix_contact_modified", contact.c.modified_at)
Index("ix_address_contact", contact_address.c.contact_id)
Index("ix_phone_contact", contact_phone.c.contact_id)
Index("ix_email_contact", contact_email.c.contact_id)
Index("ix_household_head", household.c.head_contact_id)
Index("ix_household_member_contact", household_member.c.contact_id)
Index("ix_key_relation_contact", key_relation.c.contact_id)
Index("ix_key_relation_related", key_relation.c.related_contact_id)
Index("ix_policy_primary", policy.c.primary_contact_id)
Index("ix_pending_case_primary", pending_case.c.primary_contact_id)
Index("ix_account_primary", investment_account.c.primary_contact_id)
Index("ix_position_account", investment_position.c.account_id)
Index("ix_liability_primary", liability.c.primary_contact_id)
Index("ix_note_contact", smartpad_note.c.contact_id)
Index("ix_activity_contact", activity.c.contact_id)
Index("ix_letter_contact", letter.c.contact_id)

# By which columns the rows of a table hang on a contact.
HANGS_BY: dict[str, tuple[str, ...]] = {
    "contact": ("contact_id",),
    "contact_address": ("contact_id",),
    "contact_phone": ("contact_id",),
    "contact_email": ("contact_id",),
    "household_member": ("contact_id",),
    "key_relation": ("contact_id", "related_contact_id"),
    "policy": ("primary_contact_id", "owner_contact_id", "primary_insured_id", "second_insured_id"),
    "policy_beneficiary": ("contact_id",),
    "policy_contact": ("contact_id",),
    "pending_case": ("primary_contact_id", "primary_insured_id"),
    "pending_case_contact": ("contact_id",),
    "investment_account": ("primary_contact_id",),
    "investment_account_contact": ("contact_id",),
    "liability": ("primary_contact_id",),
    "smartpad_note": ("contact_id",),
    "activity": ("contact_id",),
    "letter": ("contact_id",),
    "employee_census": ("business_contact_id", "employee_contact_id"),
    "contact_set_member": ("contact_id",),
    "lead": ("contact_id",),
    "referred_contact": ("contact_id", "referred_contact_id"),
    "event_invitation": ("contact_id",),
    "presale_activity": ("contact_id",),
}

# By which column rows belong to a policy, case or account whose primary contact is in the set.
BELONGS_TO: tuple[tuple[str, str, str], ...] = (
    ("policy_beneficiary", "policy_id", "policy"),
    ("policy_contact", "policy_id", "policy"),
    ("commission", "policy_id", "policy"),
    ("commission", "pending_case_id", "pending_case"),
    ("pending_case_contact", "pending_case_id", "pending_case"),
    ("investment_account_contact", "account_id", "investment_account"),
    ("investment_position", "account_id", "investment_account"),
    ("asset_allocation", "account_id", "investment_account"),
    ("account_performance", "account_id", "investment_account"),
    ("liability", "account_id", "investment_account"),
)

# The values of custom_field_value.entity, and the table whose key stands beside each.
CUSTOM_FIELDS_OF: dict[str, str] = {
    "contact": "contact",
    "business": "contact",
    "policy": "policy",
    "annuity": "policy",
    "account": "investment_account",
    "position": "investment_position",
}
