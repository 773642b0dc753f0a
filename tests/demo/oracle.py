"""A second reading of the rule book, straight from the database, one unit at a time: slow, plain, and independent.

It checks the list of broken rules that the generator writes. It knows the rules that are critical or warnings.
"""

import re
from datetime import date
from typing import Any, NamedTuple

from tests.demo.crm import SPOUSE_WORDS, Crm, Row, word

CHILD_WORDS = {"child", "son", "daughter", "stepson", "stepdaughter"}
MARRIED_WORDS = {"married", "domestic partner", "domestic partnership", "civil union"}
IN_FORCE = {"inforce", "inforce, but not administered"}
ACCOUNT_TYPES = {
    *("individual", "joint", "joint tenants with rights of survivorship", "brokerage", "mutual fund", "trust"),
    *("ira", "traditional ira", "rollover ira", "roth ira", "sep ira", "simple ira", "401(k)", "roth 401(k)", "403(b)"),
    *("457(b)", "keogh", "pension", "profit sharing", "529 plan", "coverdell esa", "utma", "ugma", "hsa", "checking"),
    *("savings", "money market", "certificate of deposit"),
}
HOW_HELD = {"variable annuity", "bank", "brokerage account", "direct", "custodian", "retirement plan", "trust"}


class Finding(NamedTuple):
    unit_key: str
    vendor: str
    rule_id: str
    entity: str
    entity_id: int


def find(crm: Crm, as_of: date) -> set[Finding]:
    """Every critical or warning rule that a unit breaks at a vendor."""
    clients = {client_id: key for key, _, client_id in crm.units() if client_id}
    found: set[Finding] = set()
    for key, household, client_id in crm.units():
        client = crm.contacts.get(client_id or 0)
        entity = ("household", household["household_id"]) if household else ("contact", client_id or 0)
        if client_id is None or client is None or client["deleted_at"] or client["record_type"] != "Contact":
            found |= {Finding(key, vendor, "HH-HEAD", *entity) for vendor in ("profiles", "emoney")}
            continue
        members = crm.members[household["household_id"]] if household else []
        others = [row for row in members if row["contact_id"] != client_id]
        by_role = {row["contact_id"] for row in others if word(row["role"]) in SPOUSE_WORDS}
        by_relation = crm.spouses[client_id]
        unit = Unit(crm, as_of, key, entity, client, others, clients)
        if household and not any(row["is_primary"] for row in members if row["contact_id"] == client_id):
            unit.both("HH-PRIMARY")
        unit.check_vendor("profiles", by_role, by_relation)
        unit.check_vendor("emoney", by_relation, by_role)
        found |= unit.found
    return found


class Unit:
    def __init__(
        self,
        crm: Crm,
        as_of: date,
        key: str,
        entity: tuple[str, int],
        client: Row,
        others: list[Row],
        clients: dict[int, str],
    ) -> None:
        self.crm, self.as_of, self.key, self.entity = crm, as_of, key, entity
        self.client, self.others, self.clients = client, others, clients
        self.found: set[Finding] = set()

    def both(self, rule_id: str) -> None:
        self.found |= {Finding(self.key, vendor, rule_id, *self.entity) for vendor in ("profiles", "emoney")}

    def add(self, vendor: str, rule_id: str, entity: str | None = None, entity_id: int = 0) -> None:
        named = (entity, entity_id) if entity else self.entity
        self.found.add(Finding(self.key, vendor, rule_id, *named))

    def living(self, candidates: set[int]) -> set[int]:
        people = [self.crm.contacts[each] for each in candidates]
        return {row["contact_id"] for row in people if not row["is_deceased"] and row["deleted_at"] is None}

    def check_vendor(self, vendor: str, candidates: set[int], other_source: set[int]) -> None:
        alive = self.living(candidates)
        spouse_id = next(iter(alive)) if len(alive) == 1 and self.client["contact_id"] not in alive else None
        status = word(self.client["marital_status"])
        if self.client["is_deceased"]:
            self.add(vendor, "HH-DECEASED-HEAD")
        if len(alive) > 1 or self.client["contact_id"] in alive:
            self.add(vendor, "HH-SPOUSE-AMBIGUOUS")
        elif candidates and not alive:
            self.add(vendor, "HH-SPOUSE-GONE")
        if status in MARRIED_WORDS and not candidates:
            self.add(vendor, "HH-SPOUSE-ROLE-MISSING" if vendor == "profiles" else "HH-SPOUSE-RELATION-MISSING")
        if not status and vendor == "profiles":
            self.add(vendor, "HH-MARITAL-STATUS-PROFILES")
        if not status and vendor == "emoney" and spouse_id:
            self.add(vendor, "HH-MARITAL-STATUS")
        if alive != self.living(other_source):
            self.add(vendor, "HH-ROLE-RELATION")
        if spouse_id in self.clients and self.clients[spouse_id] != self.key:
            self.add(vendor, "HH-COUPLE-TWICE")
        people = [self.client] + ([self.crm.contacts[spouse_id]] if spouse_id else [])
        self.check_people(vendor, people)
        sent = {row["contact_id"] for row in people}
        self.check_accounts(vendor, sent)
        self.check_policies(vendor, sent)
        if vendor == "profiles":
            self.check_dependents(sent)
            self.check_liabilities(sent)

    def check_people(self, vendor: str, people: list[Row]) -> None:
        for row in people:
            if not word(row["first_name"]) or not word(row["last_name"]):
                self.add(vendor, "DEM-NAME", "contact", row["contact_id"])
            if row["birth_date"] is None or not date(1900, 1, 1) <= row["birth_date"] <= self.as_of:
                self.add(vendor, "DEM-BIRTH-DATE", "contact", row["contact_id"])
            if vendor == "profiles" and not word(row["gender"]):
                self.add(vendor, "DEM-GENDER", "contact", row["contact_id"])
            if self.is_sparse(row):
                self.add(vendor, "DEM-SPARSE", "contact", row["contact_id"])
        emails = sorted(
            self.crm.emails[self.client["contact_id"]], key=lambda row: (not row["is_preferred"], row["email_id"])
        )
        if emails and word(emails[0]["address"]) and not re.fullmatch(r"[^@\s]+@[^@\s]+", emails[0]["address"].strip()):
            self.add(vendor, "DEM-E-MAIL", "contact", self.client["contact_id"])

    def is_sparse(self, row: Row) -> bool:
        """No home or business address, nothing to call, no employer, or no income."""
        addresses = [one for one in self.crm.addresses[row["contact_id"]] if word(one["line1"])]
        phones = [one for one in self.crm.phones[row["contact_id"]] if word(one["number"])]
        reached = {word(one["address_type"]) for one in addresses}, {word(one["phone_type"]) for one in phones}
        has_income = row["annual_salary"] is not None or row["total_income"] is not None
        has_both = reached[0] & {"residence", "business"} and reached[1] & {"home", "mobile", "business"}
        return not (has_both and word(row["company"]) and has_income)

    def check_dependents(self, sent: set[int]) -> None:
        for member in self.others:
            row = self.crm.contacts[member["contact_id"]]
            is_dependent = word(member["role"]) in CHILD_WORDS or row["subsystem_type"] == "Dependent"
            if not is_dependent or row["deleted_at"] or row["contact_id"] in sent:
                continue
            if not word(row["first_name"]) or not word(row["last_name"]) or row["birth_date"] is None:
                self.add("profiles", "DEM-DEPENDENT", "contact", row["contact_id"])

    def check_accounts(self, vendor: str, sent: set[int]) -> None:
        numbers = {
            (row["primary_contact_id"], bare(row["policy_number"]))
            for contact_id in sent
            for row in self.crm.owned["policy"][contact_id]
            if self.policy_goes(vendor, row)
        }
        for row in [row for contact_id in sent for row in self.crm.owned["investment_account"][contact_id]]:
            name = ("account", row["account_id"])
            positions = self.crm.positions[row["account_id"]]
            if vendor == "profiles":
                self.check_category(row, positions)
                for position in positions:
                    if is_bad(position["market_value"]):
                        self.add(vendor, "ACC-MONEY", "position", position["position_id"])
            if is_bad(row["account_value"]):
                self.add(vendor, "ACC-MONEY", *name)
            elif row["net_value"] is not None:
                slip = row["account_value"] - (row["loan_balance"] or 0) - row["net_value"]
                if abs(slip) > 1 / 100:
                    self.add(vendor, "ACC-NET", *name)
            if bare(row["account_number"]) and (row["primary_contact_id"], bare(row["account_number"])) in numbers:
                self.add(vendor, "ACC-TWICE", *name)

    def check_category(self, row: Row, positions: list[Row]) -> None:
        account_type, how_held = word(row["account_type"]), word(row["how_held"])
        if how_held == "variable annuity":
            if not positions:
                self.add("profiles", "ACC-VARIABLE-ANNUITY-EMPTY", "account", row["account_id"])
        elif not account_type and not how_held:
            self.add("profiles", "ACC-CATEGORY-MISSING", "account", row["account_id"])
        elif account_type not in ACCOUNT_TYPES and how_held not in HOW_HELD:
            self.add("profiles", "ACC-CATEGORY-UNKNOWN", "account", row["account_id"])

    def policy_goes(self, vendor: str, row: Row) -> bool:
        product = self.crm.products.get(row["product_id"])
        sold = product is None or product["insurance_type"] in ("Life", "Disability", "LTC", "Annuity")
        if word(row["status"]) not in IN_FORCE or not sold:
            return False
        is_annuity = product is not None and product["insurance_type"] == "Annuity"
        insured = row["primary_insured_id"]
        return vendor == "emoney" or is_annuity or insured is None or insured in self.couple_at("profiles")

    def couple_at(self, vendor: str) -> set[int]:
        by_role = {row["contact_id"] for row in self.others if word(row["role"]) in SPOUSE_WORDS}
        alive = self.living(by_role if vendor == "profiles" else self.crm.spouses[self.client["contact_id"]])
        return {self.client["contact_id"]} | (alive if len(alive) == 1 else set())

    def check_policies(self, vendor: str, sent: set[int]) -> None:
        for row in [row for contact_id in sent for row in self.crm.owned["policy"][contact_id]]:
            product = self.crm.products.get(row["product_id"])
            name = ("policy", row["policy_id"])
            is_sold = product is None or product["insurance_type"] in ("Life", "Disability", "LTC")
            if is_sold and word(row["status"]) in IN_FORCE and not self.policy_goes(vendor, row):
                self.add(vendor, "POL-INSURED-OTHER", *name)
            if not self.policy_goes(vendor, row):
                continue
            if product is None:
                self.add(vendor, "POL-NAME-MISSING", *name)
            figures = ("annual_premium", "annualized_premium", "basic_face_amount", "gross_cash_value")
            if any(is_bad(row[figure]) for figure in figures):
                self.add(vendor, "ACC-MONEY", *name)
            if vendor == "profiles" and product:
                self.check_profiles_policy(row, product)

    def check_profiles_policy(self, row: Row, product: Row) -> None:
        name = ("policy", row["policy_id"])
        if product["insurance_type"] == "Annuity":
            if product["plan_type"] == "VA":
                self.add("profiles", "ACC-FIXED-ANNUITY-VA", *name)
            return
        if row["annual_premium"] is None and row["annualized_premium"] is None:
            self.add("profiles", "POL-PREMIUM-MISSING", *name)
        period = word(row["elimination_period"])
        if (
            product["insurance_type"] != "Life"
            and period
            and not re.fullmatch(r"\d+\s*(day|week|month|year)s?", period)
        ):
            self.add("profiles", "POL-ELIMINATION-TEXT", *name)

    def check_liabilities(self, sent: set[int]) -> None:
        for row in [row for contact_id in sent for row in self.crm.owned["liability"][contact_id]]:
            name = ("liability", row["liability_id"])
            if not any(word(row[column]) for column in ("lender", "loan_number", "account_name")):
                self.add("profiles", "LIA-NAME-MISSING", *name)
            current = ("loan_balance", "interest_rate", "monthly_payment", "balloon_period")
            origin = tuple(row[f"orig_{each}"] for each in ("loan_amount", "interest_rate", "balloon_period"))
            computed = computed_balance(row, self.as_of)
            if row["calculate"]:
                rate = row["orig_interest_rate"] if row["interest_rate"] is None else row["interest_rate"]
                complete = all(row[each] is not None for each in current) or computed is not None
            else:
                rate, complete = row["orig_interest_rate"], None not in origin
                if any(row[each] is not None for each in current):
                    self.add("profiles", "LIA-NOT-CALCULATED", *name)
            if not complete:
                self.add("profiles", "LIA-INCOMPLETE", *name)
            if rate is not None and not 0 <= rate <= 50:
                self.add("profiles", "LIA-RATE", *name)
            recorded = row["loan_balance"] if row["calculate"] else None
            if recorded is not None and computed is not None:
                drift = abs(float(recorded) - computed) / float(row["orig_loan_amount"])
                if drift > 0.05:
                    self.add("profiles", "LIA-DRIFT", *name)


def bare(number: str | None) -> str:
    return re.sub(r"[^0-9a-z]", "", (number or "").lower())


def is_bad(figure: Any) -> bool:
    return figure is not None and (not figure.is_finite() or figure < 0)


def computed_balance(row: Row, as_of: date) -> float | None:
    """Month by month: interest on what is owed, less the payment."""
    if None in (row["orig_loan_date"], row["orig_loan_amount"], row["orig_interest_rate"], row["orig_balloon_period"]):
        return None
    months, monthly = round(row["orig_balloon_period"] * 12), float(row["orig_interest_rate"]) / 1200
    owed = float(row["orig_loan_amount"])
    level = owed * monthly / (1 - (1 + monthly) ** -months) if monthly else owed / months
    payment = level if row["orig_monthly_payment"] is None else float(row["orig_monthly_payment"])
    start = row["orig_loan_date"]
    elapsed = (as_of.year - start.year) * 12 + as_of.month - start.month - (as_of.day < start.day)
    for _ in range(elapsed):
        owed = owed * (1 + monthly) - payment
    return max(owed, 0.0)
