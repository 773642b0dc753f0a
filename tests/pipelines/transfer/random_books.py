"""Random offices for transfers: every table, everybody tied to anybody, nothing plausible about it."""

from __future__ import annotations

import random
from typing import Any

from tests.pipelines.transfer.books import ELSEWHERE, NOW, SOURCE, TARGET, TwoOffices

NAMES = ("Ann", "ann ", "Bob", "", None)
RELATIONS = ("Husband", "wife", "Spouse", "Ex-Wife", "Partner", "Son", None)


class Maker:
    """A book under the hands of chance: the same seed, the same book."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.book = TwoOffices()
        self.people: list[int] = []

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def pick(self, *values: Any) -> Any:
        return self.random.choice(values)

    def someone(self, or_nobody: float = 0.0) -> int | None:
        return None if self.chance(or_nobody) else self.random.choice(self.people)

    def times(self, most: int) -> range:
        return range(self.random.randint(0, most))

    def make(self) -> TwoOffices:
        for _ in range(self.random.randint(2, 14)):
            self.people.append(self.make_contact())
        self.make_stock()
        self.make_records()
        self.make_paperwork()
        self.make_households()
        for table, rows in self.book.rows.items():
            if "deleted_at" in rows[0] if rows else False:
                for row in rows:
                    row["deleted_at"] = NOW if self.chance(0.06) else None
            self.random.shuffle(self.book.rows[table])
        return self.book

    def make_contact(self) -> int:
        kind = self.pick("Contact", "Contact", "Business")
        return self.book.contact(
            office_id=self.pick(SOURCE, SOURCE, SOURCE, TARGET, ELSEWHERE),
            assigned_user_id=self.pick(1, None),
            record_type=kind,
            first_name=self.pick(*NAMES),
            last_name=self.pick("Harbor", "HARBOR", "Quay"),
            birth_date=self.pick("1970-05-01", "1980-01-31", None),
            tax_id=self.pick(None, None, "", "900-00-0001", "900-00-0002 "),
            annual_salary=self.pick(None, "1234.56", "0.00"),
            is_deceased=self.pick(None, True, False),
            primary_advisor_id=self.someone(0.6) if self.people else None,
        )

    def make_stock(self) -> None:
        for _ in range(3):
            self.book.add(
                "carrier", office_id=self.pick(SOURCE, TARGET), name=self.pick("Harbor Life", "harbor life", "Q")
            )
        for _ in range(5):
            self.book.product(
                carrier_id=self.pick(1, 2, 3), office_id=self.pick(SOURCE, TARGET), plan_name=self.pick("Term", "Whole")
            )

    def make_records(self) -> None:
        book = self.book
        for _ in self.times(6):
            parties = ("owner_contact_id", "primary_insured_id", "second_insured_id")
            named = {name: self.someone(0.6) for name in parties}
            book.policy(self.someone(0.1), product_id=self.pick(1, 2, 3, 4, 5, None), **named)
        for _ in self.times(4):
            book.add("pending_case", primary_contact_id=self.someone(0.1), primary_insured_id=self.someone(0.5),
                     product_id=self.pick(1, None))  # fmt: skip
        for _ in self.times(5):
            book.account(
                self.someone(0.1),
                account_value=self.pick("0.10", "99999999.99", None),
                is_qualified=self.pick(None, True),
            )
        accounts = len(book.rows["investment_account"])
        for _ in self.times(4):
            account_id = self.random.randint(1, accounts) if accounts and self.chance(0.5) else None
            book.add("liability", primary_contact_id=self.someone(0.1), account_id=account_id)
        self.make_lists()

    def make_lists(self) -> None:
        book = self.book
        parents = (("policy", "policy_id", "policy_beneficiary"), ("policy", "policy_id", "policy_contact"),
                   ("pending_case", "pending_case_id", "pending_case_contact"),
                   ("investment_account", "account_id", "investment_account_contact"))  # fmt: skip
        for parent, key, table in parents:
            for record_id in range(1, len(book.rows[parent]) + 1):
                for contact_id in self.random.sample(self.people, self.random.randint(0, min(4, len(self.people)))):
                    book.add(table, **{key: record_id}, contact_id=contact_id)
        for record_id in range(1, len(book.rows["investment_account"]) + 1):
            for _ in self.times(2):
                book.add("investment_position", account_id=record_id)
            if self.chance(0.4):
                book.add("asset_allocation", account_id=record_id)
                book.add("account_performance", account_id=record_id)
        for parent, key in (("policy", "policy_id"), ("pending_case", "pending_case_id")):
            for record_id in range(1, len(book.rows[parent]) + 1):
                if self.chance(0.3):
                    book.add("commission", **{key: record_id})

    def make_paperwork(self) -> None:
        book = self.book
        simple = ("contact_address", "contact_phone", "contact_email", "smartpad_note", "activity", "event_invitation",
                  "presale_activity", "lead")  # fmt: skip
        for table in simple:
            for _ in self.times(4):
                book.add(table, contact_id=self.someone())
        for _ in self.times(5):
            book.add("letter", contact_id=self.someone(), kind=self.pick("Letter", "letter ", "E-mail", "Document"),
                     sent_to_contact=self.pick(True, False, None))  # fmt: skip
        for _ in self.times(4):
            book.add("employee_census", business_contact_id=self.someone(), employee_contact_id=self.someone(0.2))
        pairs = {(self.someone(), self.someone()) for _ in self.times(3)}
        for one, other in sorted(pairs, key=str):
            book.add("referred_contact", contact_id=one, referred_contact_id=other)
        for _ in self.times(len(self.people)):
            ends = self.random.choices(self.people, k=2)
            kind = self.pick("Family", "Family", "Business")
            book.relate(*ends, relation=self.pick(*RELATIONS), relation_type=kind)
        for entity in ("contact", "business", "policy", "annuity", "account", "position", "other"):
            for entity_id in range(1, 4):
                if self.chance(0.3):
                    book.add("custom_field_value", entity=entity, entity_id=entity_id)
        book.add("contact_set")
        for contact_id in self.people:
            if self.chance(0.3):
                book.add("contact_set_member", set_id=1, contact_id=contact_id)

    def make_households(self) -> None:
        for _ in self.times(3):
            household_id = self.book.add("household", head_contact_id=self.someone(0.1))
            for contact_id in self.random.sample(self.people, self.random.randint(0, min(4, len(self.people)))):
                self.book.add(
                    "household_member", household_id=household_id, contact_id=contact_id, role=self.pick("Son", None)
                )
