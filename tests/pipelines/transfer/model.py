"""The rules XFR-* read out loud: slow, row by row, without frames. What becomes of each row that hangs on a set.

``decide(rows, contact_ids)`` takes the rows of `books.Book` and gives decision and rule by table and
key. Nothing here is shared with the code that it is compared with but the rule book.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from etl.schema import metadata

Row = Mapping[str, Any]
Decided = tuple[str, str]
SOURCE, TARGET = 1, 2
SPOUSES = {"husband", "wife", "spouse", "domestic partner"}
COMPANIONS = {
    "contact_address": "XFR-SET", "contact_phone": "XFR-SET", "contact_email": "XFR-SET",
    "smartpad_note": "XFR-NOTES", "activity": "XFR-NOTES", "letter": "XFR-NOTES",
}  # fmt: skip
STAY_ALWAYS = ("contact_set_member", "lead", "event_invitation", "presale_activity")
PARENTS = {
    "policy_beneficiary": ("policy", "policy_id", "XFR-PARTIES"),
    "policy_contact": ("policy", "policy_id", "XFR-POLICY-LISTS"),
    "pending_case_contact": ("pending_case", "pending_case_id", "XFR-CASE-LISTS"),
    "investment_account_contact": ("investment_account", "account_id", "XFR-ACCOUNT-LISTS"),
}
PARTIES = {"policy": ("owner_contact_id", "primary_insured_id", "second_insured_id"),
           "pending_case": ("primary_insured_id",), "investment_account": (), "liability": ()}  # fmt: skip
KEY_OF = {"policy": "policy_id", "pending_case": "pending_case_id", "investment_account": "account_id",
          "liability": "liability_id"}  # fmt: skip
CUSTOM = {"contact": "contact", "business": "contact", "policy": "policy", "annuity": "policy",
          "account": "investment_account", "position": "investment_position"}  # fmt: skip


def word(value: str | None) -> str:
    return (value or "").strip().casefold()


class Model:
    """What becomes of the rows of a book when these contacts are moved from office 1 to office 2 of one database."""

    def __init__(self, rows: Mapping[str, list[Row]], contact_ids: Iterable[int], left_out: Mapping[int, str]) -> None:
        self.rows = rows
        self.left_out = left_out
        self.contacts = {row["contact_id"]: row for row in rows["contact"]}
        self.set = {contact_id for contact_id in contact_ids if contact_id in self.contacts}
        self.moving = {contact_id for contact_id in self.set if self.decide_contact(contact_id)[0] == "move"}
        self.decided: dict[tuple[str, str], Decided] = {}
        self.records: dict[tuple[str, int], Decided] = {}

    def decide(self) -> dict[tuple[str, str], Decided]:
        for contact_id in self.set:
            self.put("contact", self.contacts[contact_id], self.decide_contact(contact_id))
        self.decide_companions()
        for entity in PARTIES:
            self.decide_records(entity)
        for row in self.rows["investment_position"]:
            if row["account_id"] in self.owned("investment_account"):
                self.put("investment_position", row, self.records["investment_account", row["account_id"]])
        for entity in PARENTS:
            self.decide_entries(entity)
        self.decide_what_never_moves()
        self.decide_relations()
        self.decide_censuses()
        self.decide_households()
        self.decide_carriers()
        return self.decided

    def put(self, entity: str, row: Row, decided: Decided) -> None:
        key = ":".join(str(row[column.name]) for column in metadata.tables[entity].primary_key.columns)
        self.decided[entity, key] = decided

    def owned(self, entity: str) -> set[int]:
        """Policies, cases or accounts whose primary contact is in the set."""
        return {row[KEY_OF[entity]] for row in self.rows[entity] if row["primary_contact_id"] in self.set}

    def decide_contact(self, contact_id: int) -> Decided:
        contact = self.contacts[contact_id]
        if contact["deleted_at"] or contact["office_id"] != SOURCE:
            return "stay", "XFR-SET"
        if contact_id in self.left_out:
            return "stay", self.left_out[contact_id]
        return "move", "XFR-SET"

    def decide_companions(self) -> None:
        for entity, rule_id in COMPANIONS.items():
            for row in self.rows[entity]:
                if row["contact_id"] not in self.set:
                    continue
                decision, contacts_rule = self.decide_contact(row["contact_id"])
                if decision == "stay":
                    self.put(entity, row, ("stay", contacts_rule))
                elif entity == "letter" and not (word(row["kind"]) == "letter" and row["sent_to_contact"]):
                    self.put(entity, row, ("stay", rule_id))
                else:
                    self.put(entity, row, ("move", rule_id))

    def decide_records(self, entity: str) -> None:
        commissioned = {row["pending_case_id"] for row in self.rows["commission"]}
        for row in self.rows[entity]:
            primary = row["primary_contact_id"]
            hangs = {primary, *(row[name] for name in PARTIES[entity])} & self.set
            if entity == "liability" and row["account_id"] in self.owned("investment_account"):
                hangs.add(row["account_id"])
            if not hangs:
                continue
            if row["deleted_at"]:
                decided = ("stay", "XFR-NOT-MOVED")
            elif primary not in self.set:
                decided = ("stay", "XFR-PRIMARY")
            elif primary not in self.moving:
                decided = ("stay", self.decide_contact(primary)[1])
            elif entity == "pending_case" and row["pending_case_id"] in commissioned:
                decided = ("stay", "XFR-COMMISSION")
            else:
                decided = ("move", "XFR-PRIMARY")
            self.records[entity, row[KEY_OF[entity]]] = decided
            self.put(entity, row, decided)

    def in_target(self, contact_id: int) -> int | None:
        """XFR-PRESENT."""
        contact = self.contacts[contact_id]
        there = [row for row in self.rows["contact"] if row["office_id"] == TARGET and not row["deleted_at"]]
        found: list[int] = []
        tax_id = (contact["tax_id"] or "").strip()
        if tax_id:
            found = [row["contact_id"] for row in there if (row["tax_id"] or "").strip() == tax_id]
        if not found and word(contact["first_name"]) and word(contact["last_name"]) and contact["birth_date"]:
            names = ("first_name", "last_name", "birth_date")
            found = [
                row["contact_id"] for row in there if all(word(row[name]) == word(contact[name]) for name in names)
            ]
        return found[0] if len(found) == 1 else None

    def decide_entries(self, entity: str) -> None:
        parent, key, rule_id = PARENTS[entity]
        places: set[tuple[Any, ...]] = set()
        for row in sorted(self.rows[entity], key=lambda row: row["contact_id"]):
            contact_id = row["contact_id"]
            if row[key] not in self.owned(parent) and contact_id not in self.set:
                continue
            decision, parents_rule = self.records.get((parent, row[key]), ("stay", "XFR-PRIMARY"))
            if decision == "stay":
                self.put(entity, row, ("stay", parents_rule))
                continue
            there: Any = self.in_target(contact_id)
            if entity == "policy_beneficiary" and contact_id in self.moving:
                there = ("new", contact_id)
            place = (row[key], row.get("list_name"), there)
            self.put(entity, row, ("move" if there is not None and place not in places else "stay", rule_id))
            places.add(place)

    def decide_what_never_moves(self) -> None:
        accounts, policies = self.owned("investment_account"), self.owned("policy")
        cases = self.owned("pending_case")
        for entity in STAY_ALWAYS:
            for row in self.rows[entity]:
                if row["contact_id"] in self.set:
                    self.put(entity, row, ("stay", "XFR-NOT-MOVED"))
        for row in self.rows["referred_contact"]:
            if {row["contact_id"], row["referred_contact_id"]} & self.set:
                self.put("referred_contact", row, ("stay", "XFR-NOT-MOVED"))
        for entity in ("asset_allocation", "account_performance"):
            for row in self.rows[entity]:
                if row["account_id"] in accounts:
                    self.put(entity, row, ("stay", "XFR-NOT-MOVED"))
        for row in self.rows["commission"]:
            if row["policy_id"] in policies or row["pending_case_id"] in cases:
                self.put("commission", row, ("stay", "XFR-COMMISSION"))
        self.decide_custom_fields(accounts, policies)

    def decide_custom_fields(self, accounts: set[int], policies: set[int]) -> None:
        positions = {row["position_id"] for row in self.rows["investment_position"] if row["account_id"] in accounts}
        keys = {
            "contact": self.set,
            "policy": policies,
            "investment_account": accounts,
            "investment_position": positions,
        }
        for row in self.rows["custom_field_value"]:
            if row["entity_id"] in keys.get(CUSTOM.get(row["entity"], ""), ()):
                self.put("custom_field_value", row, ("stay", "XFR-NOT-MOVED"))

    def named_by(self, contact_id: int) -> set[int]:
        """All contacts that the key relations of a contact name, but for those in Deleted Records."""
        found = set()
        for row in self.rows["key_relation"]:
            ends = [row["contact_id"], row["related_contact_id"]]
            if contact_id in ends and not any(self.contacts[end]["deleted_at"] for end in ends):
                found.add(ends[1] if ends[0] == contact_id else ends[0])
        return found

    def relation_moves(self, row: Row) -> bool:
        ends = (row["contact_id"], row["related_contact_id"])
        return all(end in self.moving and self.named_by(end) <= self.moving for end in ends)

    def decide_relations(self) -> None:
        for row in self.rows["key_relation"]:
            if {row["contact_id"], row["related_contact_id"]} & self.set:
                self.put("key_relation", row, ("move" if self.relation_moves(row) else "stay", "XFR-RELATIONS"))

    def decide_censuses(self) -> None:
        for row in self.rows["employee_census"]:
            business, employee = row["business_contact_id"], row["employee_contact_id"]
            if not {business, employee} & self.set:
                continue
            if business in self.set and business not in self.moving:
                self.put("employee_census", row, ("stay", self.decide_contact(business)[1]))
                continue
            moves = business in self.moving and employee is not None and self.in_target(employee) is not None
            self.put("employee_census", row, ("move" if moves else "stay", "XFR-CENSUS"))

    def has_moving_spouse(self, head: int) -> bool:
        return any(
            head in (row["contact_id"], row["related_contact_id"])
            and word(row["relation_type"]) == "family"
            and word(row["relation"]) in SPOUSES
            and self.relation_moves(row)
            for row in self.rows["key_relation"]
        )

    def decide_households(self) -> None:
        members = [row for row in self.rows["household_member"] if row["contact_id"] in self.set]
        rebuilt: dict[int, Decided] = {}
        for row in self.rows["household"]:
            head = row["head_contact_id"]
            if row["household_id"] not in {each["household_id"] for each in members} and head not in self.set:
                continue
            decided = ("stay", "XFR-HOUSEHOLD")
            if row["deleted_at"]:
                decided = ("stay", "XFR-NOT-MOVED")
            elif head in self.moving and self.has_moving_spouse(head):
                decided = ("recreate", "XFR-HOUSEHOLD")
            rebuilt[row["household_id"]] = decided
            self.put("household", row, decided)
        for row in members:
            if row["contact_id"] not in self.moving:
                self.put("household_member", row, ("stay", self.decide_contact(row["contact_id"])[1]))
            else:
                self.put("household_member", row, rebuilt[row["household_id"]])

    def decide_carriers(self) -> None:
        products = {row["product_id"]: row for row in self.rows["product"]}
        carriers = {row["carrier_id"]: row for row in self.rows["carrier"]}
        listed, needed = set(), set()
        for entity in ("policy", "pending_case"):
            for row in self.rows[entity]:
                decided = self.records.get((entity, row[KEY_OF[entity]]))
                if decided and row["product_id"]:
                    listed.add(row["product_id"])
                    needed |= {row["product_id"]} if decided[0] == "move" else set()
        new = {product_id for product_id in needed if self.product_in_target(products[product_id], carriers) is None}
        of_new = {products[product_id]["carrier_id"] for product_id in new}
        for product_id in listed:
            self.put("product", products[product_id], ("recreate" if product_id in new else "stay", "XFR-CARRIER"))
            carrier = carriers[products[product_id]["carrier_id"]]
            is_new = carrier["carrier_id"] in of_new and self.carrier_in_target(carrier) is None
            self.put("carrier", carrier, ("recreate" if is_new else "stay", "XFR-CARRIER"))

    def carrier_in_target(self, carrier: Row) -> int | None:
        if carrier["office_id"] == TARGET:
            return int(carrier["carrier_id"])
        alike = [row["carrier_id"] for row in self.rows["carrier"] if row["office_id"] == TARGET
                 and all(word(row[name]) == word(carrier[name]) for name in ("name", "naic_id"))]  # fmt: skip
        return min(alike, default=None)

    def product_in_target(self, product: Row, carriers: Mapping[int, Row]) -> int | None:
        if product["office_id"] == TARGET:
            return int(product["product_id"])
        carrier_id = self.carrier_in_target(carriers[product["carrier_id"]])
        names = ("plan_name", "insurance_type", "plan_type")
        alike = [
            row["product_id"]
            for row in self.rows["product"]
            if row["office_id"] == TARGET
            and row["carrier_id"] == carrier_id
            and all(word(row[name]) == word(product[name]) for name in names)
        ]
        return min(alike, default=None)
