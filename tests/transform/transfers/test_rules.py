"""Every rule of a transfer with what moves and what stays by it."""

import pytest

from tests.pipelines.transfer.books import ELSEWHERE, NOW, TARGET, Decided, TwoOffices, known

MOVES, STAYS, RECREATED = "move", "stay", "recreate"


class TestXfrSet:
    def test_contacts_and_businesses_of_the_set_move_with_addresses_phones_and_e_mails(self) -> None:
        book = TwoOffices()
        ann = book.contact()
        mill = book.contact(record_type="Business", subsystem_type="Business", business_name="Mill", last_name=None)
        for table in ("contact_address", "contact_phone", "contact_email"):
            book.add(table, contact_id=ann)
        decided = book.planned([ann, mill])
        assert decided.of("contact") == {"1": (MOVES, "XFR-SET"), "2": (MOVES, "XFR-SET")}
        for table in ("contact_address", "contact_phone", "contact_email"):
            assert decided.only(table) == (MOVES, "XFR-SET")

    def test_nothing_of_a_contact_outside_the_set_is_even_looked_at(self) -> None:
        book = TwoOffices()
        ann, bob = book.contact(), book.contact()
        book.add("smartpad_note", contact_id=bob)
        decided = book.planned([ann])
        assert decided.of("contact").keys() == {"1"}
        assert decided.of("smartpad_note") == {}

    @pytest.mark.parametrize(
        ("values", "reason"),
        [
            ({"office_id": ELSEWHERE}, "it belongs to office 3"),
            ({"deleted_at": NOW}, "it is in Deleted Records"),
        ],
        ids=["another office", "deleted"],
    )
    def test_a_contact_of_another_office_or_deleted_stays_with_all_its_rows(
        self, values: dict[str, object], reason: str
    ) -> None:
        book = TwoOffices()
        ann = book.contact(**values)
        book.add("smartpad_note", contact_id=ann)
        book.policy(ann)
        decided = book.planned([ann])
        assert decided.only("contact") == (STAYS, "XFR-SET")
        assert decided.reason("contact", ann) == reason
        assert decided.only("smartpad_note") == (STAYS, "XFR-SET")
        assert decided.only("policy") == (STAYS, "XFR-SET")

    def test_a_contact_that_is_left_out_stays_by_the_given_rule(self) -> None:
        book = TwoOffices()
        ann, bob = book.contact(), book.contact(first_name="Bob")
        book.account(ann)
        decided = book.planned([ann, bob], left_out=[(ann, "XFR-ACCEPT", "it was not accepted")])
        assert decided.of("contact") == {"1": (STAYS, "XFR-ACCEPT"), "2": (MOVES, "XFR-SET")}
        assert decided.only("investment_account") == (STAYS, "XFR-ACCEPT")
        assert decided.plan.groups["contact_id"].tolist() == [bob]


class TestXfrPrimary:
    def test_a_record_moves_with_its_primary_contact_and_stays_with_another(self) -> None:
        book = TwoOffices()
        ann, bob = book.contact(), book.contact()
        tables = ("policy", "pending_case", "investment_account", "liability")
        for table in tables:
            book.add(table, primary_contact_id=ann)
            book.add(table, primary_contact_id=bob)
        anns, bobs = book.planned([ann]), book.planned([bob])
        for table in tables:
            assert anns.of(table) == {"1": (MOVES, "XFR-PRIMARY")}, table
            assert bobs.of(table) == {"2": (MOVES, "XFR-PRIMARY")}, table

    def test_a_policy_of_somebody_else_stays_though_a_contact_of_the_set_owns_it_or_is_insured(self) -> None:
        book = TwoOffices()
        ann, bob = book.contact(), book.contact()
        fields = ("owner_contact_id", "primary_insured_id", "second_insured_id")
        policies = [book.policy(bob, **{field: ann}) for field in fields]
        decided = book.planned([ann])
        assert decided.of("policy") == {str(policy): (STAYS, "XFR-PRIMARY") for policy in policies}
        for policy in policies:
            assert decided.reason("policy", policy) == f"its primary contact is {bob}, who is not in the set"

    def test_a_record_without_a_primary_contact_stays(self) -> None:
        book = TwoOffices()
        ann = book.contact()
        policy = book.policy(None, owner_contact_id=ann)
        decided = book.planned([ann])
        assert decided.only("policy") == (STAYS, "XFR-PRIMARY")
        assert decided.reason("policy", policy) == "it has no primary contact"

    def test_positions_go_with_their_account(self) -> None:
        book = TwoOffices()
        ann, bob = book.contact(), book.contact(deleted_at=NOW)
        book.add("investment_position", account_id=book.account(ann))
        book.add("investment_position", account_id=book.account(bob))
        decided = book.planned([ann, bob])
        assert decided.of("investment_position") == {"1": (MOVES, "XFR-PRIMARY"), "2": (STAYS, "XFR-SET")}

    def test_records_in_deleted_records_stay_with_what_belongs_to_them(self) -> None:
        book = TwoOffices()
        ann = book.contact()
        book.add("investment_position", account_id=book.account(ann, deleted_at=NOW))
        decided = book.planned([ann])
        assert decided.only("investment_account") == (STAYS, "XFR-NOT-MOVED")
        assert decided.only("investment_position") == (STAYS, "XFR-NOT-MOVED")

    def test_a_liability_keeps_the_account_that_secures_it_only_if_that_moves_too(self) -> None:
        book = TwoOffices()
        ann, bob = book.contact(), book.contact()
        book.add("liability", primary_contact_id=ann, account_id=book.account(ann))
        book.add("liability", primary_contact_id=ann, account_id=book.account(bob))
        decided = book.planned([ann])
        assert decided.fields() == {("liability", "2", "account_id", "XFR-PRIMARY")}
        assert [row["account_id"] for row in decided.arrived("liability")] == [1_000_001, None]

    def test_a_liability_moves_with_its_primary_contact_though_the_owner_of_the_account_is_in_the_set_and_stays(
        self,
    ) -> None:
        book = TwoOffices()
        ann, bob = book.contact(), book.contact(deleted_at=NOW)
        book.add("liability", primary_contact_id=ann, account_id=book.account(bob))
        rows = book.planned([ann, bob]).plan.manifest
        (liability,) = rows[rows["entity"] == "liability"].to_dict("records")
        assert (liability["decision"], liability["contact_id"], liability["group"]) == (MOVES, ann, 1)

    def test_a_liability_of_somebody_else_is_reported_when_the_account_that_secures_it_moves(self) -> None:
        book = TwoOffices()
        ann, bob = book.contact(), book.contact()
        book.add("liability", primary_contact_id=bob, account_id=book.account(ann))
        assert book.planned([ann]).only("liability") == (STAYS, "XFR-PRIMARY")


def test_xfr_advisor_the_primary_advisor_does_not_move() -> None:
    book = TwoOffices()
    advisor = book.contact(subsystem_type="Advisor")
    ann, bob = book.contact(primary_advisor_id=advisor), book.contact()
    decided = book.planned([ann, bob, advisor])
    assert decided.fields() == {("contact", str(ann), "primary_advisor_id", "XFR-ADVISOR")}
    assert {row["primary_advisor_id"] for row in decided.arrived("contact")} == {None}


class TestXfrNotes:
    def test_notes_and_activities_move(self) -> None:
        book = TwoOffices()
        ann = book.contact()
        book.add("smartpad_note", contact_id=ann)
        book.add("activity", contact_id=ann)
        decided = book.planned([ann])
        assert decided.only("smartpad_note") == (MOVES, "XFR-NOTES")
        assert decided.only("activity") == (MOVES, "XFR-NOTES")

    def test_only_letters_that_were_sent_to_the_contact_move(self) -> None:
        book = TwoOffices()
        ann = book.contact()
        letters = (
            ("Letter", True, MOVES),
            (" letter ", True, MOVES),
            ("Letter", False, STAYS),
            ("Letter", None, STAYS),
            ("Document", True, STAYS),
            ("E-mail", True, STAYS),
        )
        expected = {}
        for kind, sent, decision in letters:
            letter = book.add("letter", contact_id=ann, kind=kind, sent_to_contact=sent)
            expected[str(letter)] = (decision, "XFR-NOTES")
        assert book.planned([ann]).of("letter") == expected


class TestXfrRelations:
    def test_a_relation_moves_if_both_ends_name_only_contacts_of_the_set(self) -> None:
        book = TwoOffices()
        ann, bob = book.contact(), book.contact(first_name="Bob")
        book.relate(ann, bob)
        decided = book.planned([ann, bob])
        assert decided.only("key_relation") == (MOVES, "XFR-RELATIONS")
        (row,) = decided.arrived("key_relation")
        assert (row["contact_id"], row["related_contact_id"]) == (1_000_001, 1_000_002)

    def test_a_relation_to_somebody_outside_the_set_stays(self) -> None:
        book = TwoOffices()
        ann, bob = book.contact(), book.contact()
        book.relate(bob, ann)
        decided = book.planned([ann])
        assert decided.only("key_relation") == (STAYS, "XFR-RELATIONS")
        assert decided.reason("key_relation", 1) == "one of the two contacts is not in the set"
        assert decided.plan.closure.to_dict("records") == [
            {"contact_id": bob, "needed_by": ann, "is_direct": True, "can_move": True}
        ]

    def test_one_attorney_left_behind_keeps_the_couples_relation_back_too(self) -> None:
        book = TwoOffices()
        ann, bob, attorney, client = (book.contact() for _ in range(4))
        book.relate(ann, bob, relation="Husband")
        book.relate(bob, attorney, relation_type="Professional", relation="Attorney")
        book.relate(client, attorney, relation_type="Professional", relation="Attorney")
        decided = book.planned([ann, bob])
        assert decided.of("key_relation") == {"1": (STAYS, "XFR-RELATIONS"), "2": (STAYS, "XFR-RELATIONS")}
        closure = decided.plan.closure
        assert closure[["contact_id", "is_direct"]].values.tolist() == [[attorney, True], [client, False]]
        everybody = book.planned([ann, bob, *closure["contact_id"]])
        assert {decision for decision, _ in everybody.of("key_relation").values()} == {MOVES}
        assert everybody.plan.closure.empty

    def test_the_closure_names_the_nearest_contact_and_not_the_first_of_the_group(self) -> None:
        book = TwoOffices()
        ann, bob, attorney, client, far = (book.contact() for _ in range(5))
        for one, other in ((ann, bob), (bob, attorney), (attorney, client), (client, far), (far, ann)):
            book.relate(one, other, relation_type="Professional", relation="Attorney")
        closure = book.planned([ann, bob]).plan.closure
        named = closure[["contact_id", "needed_by", "is_direct"]].values.tolist()
        assert named == [[attorney, bob, True], [client, ann, False], [far, ann, True]]

    def test_a_contact_that_cannot_be_added_is_marked_in_the_closure(self) -> None:
        book = TwoOffices()
        ann, far = book.contact(), book.contact(office_id=ELSEWHERE)
        book.relate(ann, far)
        assert book.planned([ann]).plan.closure["can_move"].tolist() == [False]

    def test_a_relation_to_a_deleted_contact_stays_and_breaks_no_other(self) -> None:
        book = TwoOffices()
        ann, bob, gone = book.contact(), book.contact(), book.contact(deleted_at=NOW)
        book.relate(ann, bob)
        book.relate(ann, gone)
        decided = book.planned([ann, bob])
        assert decided.of("key_relation") == {"1": (MOVES, "XFR-RELATIONS"), "2": (STAYS, "XFR-RELATIONS")}
        assert decided.plan.closure.empty

    def test_a_relation_to_a_contact_that_moved_earlier_is_rebuilt_when_the_second_arrives(self) -> None:
        book = TwoOffices()
        ann, bob = book.contact(), book.contact(deleted_at=NOW)
        there = book.contact(office_id=TARGET, first_name="Bob")
        book.relate(ann, bob)
        decided = book.planned([ann], known=known(contact={bob: there}))
        assert decided.only("key_relation") == (MOVES, "XFR-RELATIONS")
        (row,) = decided.arrived("key_relation")
        assert (row["contact_id"], row["related_contact_id"]) == (1_000_001, there)

    def test_it_joins_the_group_of_the_contact_that_moves_now(self) -> None:
        book = TwoOffices()
        bob, ann = book.contact(deleted_at=NOW), book.contact()
        there = book.contact(office_id=TARGET, first_name="Bob")
        book.relate(bob, ann)
        rows = book.planned([ann, bob], known=known(contact={bob: there})).plan.manifest
        (relation,) = rows[rows["entity"] == "key_relation"].to_dict("records")
        assert (relation["decision"], relation["contact_id"], relation["group"]) == (MOVES, ann, 1)

    def test_it_stays_where_the_new_record_was_deleted(self) -> None:
        book = TwoOffices()
        ann, bob = book.contact(), book.contact(deleted_at=NOW)
        there = book.contact(office_id=TARGET, first_name="Bob", deleted_at=NOW)
        book.relate(ann, bob)
        assert book.planned([ann], known=known(contact={bob: there})).only("key_relation")[0] == STAYS

    def test_a_relation_between_two_that_moved_earlier_is_rebuilt_when_their_last_relation_arrives(self) -> None:
        book = TwoOffices()
        ann, bob = book.contact(deleted_at=NOW), book.contact(deleted_at=NOW)
        there = [book.contact(office_id=TARGET, first_name=name) for name in ("Ann", "Bob")]
        child = book.contact(first_name="Cy")
        book.relate(ann, bob, relation="Husband")
        book.relate(ann, child, relation="Son")
        before = known(contact=dict(zip([ann, bob], there, strict=True)))
        decided = book.planned([child], known=before)
        assert decided.of("key_relation") == {"1": (MOVES, "XFR-RELATIONS"), "2": (MOVES, "XFR-RELATIONS")}
        ends = [(row["contact_id"], row["related_contact_id"]) for row in decided.arrived("key_relation")]
        assert ends == [(there[0], there[1]), (there[0], 1_000_001)]
        rebuilt = known(contact=dict(zip([ann, bob], there, strict=True)), key_relation={1: 77})
        assert book.planned([child], known=rebuilt).of("key_relation") == {"2": (MOVES, "XFR-RELATIONS")}


class TestXfrCensus:
    def test_a_census_moves_with_its_business_if_the_employee_was_in_the_target(self) -> None:
        book = TwoOffices()
        mill = book.contact(record_type="Business", business_name="Mill")
        bob = book.contact(first_name="Bob")
        there = book.twin_in_target(bob)
        book.add("employee_census", business_contact_id=mill, employee_contact_id=bob)
        decided = book.planned([mill])
        assert decided.only("employee_census") == (MOVES, "XFR-CENSUS")
        (row,) = decided.arrived("employee_census")
        assert (row["business_contact_id"], row["employee_contact_id"]) == (1_000_001, there)

    def test_it_stays_if_the_employee_only_moves_along(self) -> None:
        book = TwoOffices()
        mill, bob = book.contact(record_type="Business"), book.contact(first_name="Bob")
        book.add("employee_census", business_contact_id=mill, employee_contact_id=bob)
        assert book.planned([mill, bob]).only("employee_census") == (STAYS, "XFR-CENSUS")

    def test_it_stays_if_it_names_no_contact_or_its_business_stays(self) -> None:
        book = TwoOffices()
        mill, bob = book.contact(record_type="Business"), book.contact(first_name="Bob")
        book.twin_in_target(bob)
        book.add("employee_census", business_contact_id=mill)
        assert book.planned([mill]).only("employee_census") == (STAYS, "XFR-CENSUS")
        book.add("employee_census", business_contact_id=mill, employee_contact_id=bob)
        assert book.planned([bob]).only("employee_census") == (STAYS, "XFR-CENSUS")


LISTS = (
    ("policy_contact", "policy", "policy_id", "XFR-POLICY-LISTS", "Policy Advisor"),
    ("policy_contact", "policy", "policy_id", "XFR-POLICY-LISTS", "Policy Relationship"),
    ("policy_contact", "policy", "policy_id", "XFR-POLICY-LISTS", "Important Contact"),
    ("pending_case_contact", "pending_case", "pending_case_id", "XFR-CASE-LISTS", "Policy Annuitant"),
    ("pending_case_contact", "pending_case", "pending_case_id", "XFR-CASE-LISTS", "Policy Advisor"),
    ("investment_account_contact", "investment_account", "account_id", "XFR-ACCOUNT-LISTS", "Interested Party"),
    ("investment_account_contact", "investment_account", "account_id", "XFR-ACCOUNT-LISTS", "Advisor Relationship"),
)


def add_lists(book: TwoOffices, primary_contact_id: int, *contact_ids: int) -> list[int]:
    """Every list there is, on a record of its own, with an entry for each of these contacts; gives the records."""
    records = []
    for table, parent, key, _, list_name in LISTS:
        record = book.add(parent, primary_contact_id=primary_contact_id)
        for contact_id in contact_ids:
            book.add(table, **{key: record}, contact_id=contact_id, list_name=list_name)
        records.append(record)
    return records


def by_list(decided: Decided, contact_id: int) -> list[tuple[str, str]]:
    """Decision and rule of this contact's entry in each of the lists."""
    found = {}
    for table in {table for table, *_ in LISTS}:
        for entry, decision in decided.of(table).items():
            _, list_name, contact = entry.split(":")
            found[table, list_name, contact] = decision
    return [found[table, list_name, str(contact_id)] for table, *_, list_name in LISTS]


class TestXfrLists:
    def test_an_entry_moves_if_its_contact_was_in_the_target(self) -> None:
        book = TwoOffices()
        ann, bob = book.contact(), book.contact(first_name="Bob")
        there = book.twin_in_target(bob)
        records = add_lists(book, ann, bob)
        decided = book.planned([ann])
        assert by_list(decided, bob) == [(MOVES, rule_id) for *_, rule_id, _ in LISTS]
        arrived = {table: decided.arrived(table) for table in {table for table, *_ in LISTS}}
        for record, (table, _, key, _, list_name) in zip(records, LISTS, strict=True):
            (row,) = [row for row in arrived[table] if row["list_name"] == list_name]
            assert (row[key], row["contact_id"]) == (1_000_000 + record, there)

    def test_it_stays_if_its_contact_only_moves_along(self) -> None:
        book = TwoOffices()
        ann, bob = book.contact(), book.contact(first_name="Bob")
        add_lists(book, ann, bob)
        assert by_list(book.planned([ann, bob]), bob) == [(STAYS, rule_id) for *_, rule_id, _ in LISTS]

    def test_it_stays_with_its_record(self) -> None:
        book = TwoOffices()
        ann, bob = book.contact(), book.contact(first_name="Bob")
        book.twin_in_target(bob)
        add_lists(book, ann, bob)
        assert by_list(book.planned([bob]), bob) == [(STAYS, "XFR-PRIMARY")] * len(LISTS)

    def test_two_entries_that_name_one_person_of_the_target_become_one(self) -> None:
        book = TwoOffices()
        ann = book.contact()
        bob, again = (book.contact(first_name="Bob", tax_id="900-00-0001") for _ in range(2))
        book.twin_in_target(bob)
        add_lists(book, ann, again, bob)
        decided = book.planned([ann])
        assert by_list(decided, bob) == [(MOVES, rule_id) for *_, rule_id, _ in LISTS]
        assert by_list(decided, again) == [(STAYS, rule_id) for *_, rule_id, _ in LISTS]


class TestXfrParties:
    @pytest.mark.parametrize(
        ("table", "field"),
        [
            ("policy", "owner_contact_id"),
            ("policy", "primary_insured_id"),
            ("policy", "second_insured_id"),
            ("pending_case", "primary_insured_id"),
        ],
    )
    def test_owner_and_insured_are_kept_if_they_move_or_were_there_and_else_left_out(
        self, table: str, field: str
    ) -> None:
        book = TwoOffices()
        ann, moving, there, neither = (book.contact(first_name=name) for name in ("Ann", "Bob", "Cy", "Di"))
        twin = book.twin_in_target(there)
        for contact_id in (moving, there, neither):
            book.add(table, primary_contact_id=ann, **{field: contact_id})
        decided = book.planned([ann, moving])
        assert decided.fields() == {(table, "3", field, "XFR-PARTIES")}
        assert [row[field] for row in decided.arrived(table)] == [1_000_002, twin, None]
        assert decided.plan.groups["group"].tolist() == [1, 1], "who is party to what moves is of its group"

    def test_beneficiaries_likewise(self) -> None:
        book = TwoOffices()
        ann, moving, there, neither = (book.contact(first_name=name) for name in ("Ann", "Bob", "Cy", "Di"))
        book.twin_in_target(there)
        policy = book.policy(ann)
        for contact_id in (moving, there, neither):
            book.add("policy_beneficiary", policy_id=policy, contact_id=contact_id)
        decided = book.planned([ann, moving])
        decisions = [decision for _, decision in sorted(decided.of("policy_beneficiary").items())]
        assert decisions == [(MOVES, "XFR-PARTIES"), (MOVES, "XFR-PARTIES"), (STAYS, "XFR-PARTIES")]

    def test_a_beneficiary_on_a_policy_of_somebody_else_stays_there(self) -> None:
        book = TwoOffices()
        ann, bob = book.contact(), book.contact()
        book.add("policy_beneficiary", policy_id=book.policy(bob), contact_id=ann)
        assert book.planned([ann]).only("policy_beneficiary") == (STAYS, "XFR-PRIMARY")


class TestXfrCarrier:
    def test_carrier_and_product_of_another_office_are_recreated_once_for_all_policies(self) -> None:
        book = TwoOffices()
        ann, bob = book.contact(), book.contact(first_name="Bob")
        product = book.product()
        for contact_id in (ann, bob):
            book.policy(contact_id, product_id=product)
        decided = book.planned([ann, bob])
        assert decided.only("product") == decided.only("carrier") == (RECREATED, "XFR-CARRIER")
        (carrier,), (made,) = decided.arrived("carrier"), decided.arrived("product")
        assert (carrier["office_id"], made["office_id"], made["carrier_id"]) == (TARGET, TARGET, carrier["carrier_id"])
        assert {row["product_id"] for row in decided.arrived("policy")} == {made["product_id"]}
        assert decided.plan.groups["group"].tolist() == [1, 2], "a product ties nobody together"

    def test_what_the_target_office_owns_is_taken_as_it_is(self) -> None:
        book = TwoOffices()
        ann = book.contact()
        carrier = book.add("carrier", office_id=TARGET)
        product = book.add("product", office_id=TARGET, carrier_id=carrier)
        book.policy(ann, product_id=product)
        decided = book.planned([ann])
        assert decided.only("product") == decided.only("carrier") == (STAYS, "XFR-CARRIER")
        assert decided.arrived("policy")[0]["product_id"] == product

    def test_the_same_numbers_in_another_database_are_another_office(self) -> None:
        book = TwoOffices()
        ann = book.contact()
        carrier = book.add("carrier", office_id=TARGET)
        book.policy(ann, product_id=book.add("product", office_id=TARGET, carrier_id=carrier))
        decided = book.planned([ann], same_database=False)
        assert decided.only("product") == (STAYS, "XFR-CARRIER"), "it reads like one that the target has"
        book.rows["product"][0]["office_id"] = book.rows["carrier"][0]["office_id"] = ELSEWHERE
        assert book.planned([ann], same_database=False).only("product") == (RECREATED, "XFR-CARRIER")

    def test_an_office_of_the_same_number_in_another_database_does_not_own_it(self) -> None:
        book = TwoOffices()
        ann = book.contact()
        carrier = book.add("carrier", office_id=TARGET)
        book.policy(ann, product_id=book.add("product", office_id=TARGET, carrier_id=carrier))
        decided = book.planned([ann], there=TwoOffices(), same_database=False)
        assert decided.only("product") == decided.only("carrier") == (RECREATED, "XFR-CARRIER")

    def test_one_that_reads_the_same_in_the_target_is_taken(self) -> None:
        book = TwoOffices()
        ann = book.contact()
        book.policy(ann, product_id=book.product())
        twin = book.add("carrier", office_id=TARGET, name=" HARBOR life")
        own = book.add("product", office_id=TARGET, carrier_id=twin, plan_name="term 20")
        decided = book.planned([ann])
        assert decided.of("product") == {"1": (STAYS, "XFR-CARRIER")}
        assert decided.arrived("policy")[0]["product_id"] == own

    def test_a_new_product_of_a_carrier_that_the_target_has_goes_under_that(self) -> None:
        book = TwoOffices()
        ann = book.contact()
        book.policy(ann, product_id=book.product(plan_name="Whole Life"))
        twin = book.add("carrier", office_id=TARGET)
        decided = book.planned([ann])
        assert decided.only("product") == (RECREATED, "XFR-CARRIER")
        assert decided.only("carrier") == (STAYS, "XFR-CARRIER")
        assert decided.arrived("product")[0]["carrier_id"] == twin

    def test_one_that_an_earlier_transfer_recreated_is_not_recreated_again(self) -> None:
        book = TwoOffices()
        ann = book.contact()
        book.policy(ann, product_id=book.product())
        made = book.add("carrier", office_id=TARGET, name="Renamed since")
        product = book.add("product", office_id=TARGET, carrier_id=made, plan_name="Renamed too")
        decided = book.planned([ann], known=known(carrier={1: made}, product={1: product}))
        assert decided.only("product") == decided.only("carrier") == (STAYS, "XFR-CARRIER")
        assert decided.arrived("policy")[0]["product_id"] == product

    def test_products_of_what_stays_are_not_recreated(self) -> None:
        book = TwoOffices()
        ann, bob = book.contact(), book.contact()
        book.policy(bob, owner_contact_id=ann, product_id=book.product())
        decided = book.planned([ann])
        assert decided.only("product") == decided.only("carrier") == (STAYS, "XFR-CARRIER")


class TestXfrCommission:
    def test_a_commission_on_a_policy_stays_and_the_policy_moves(self) -> None:
        book = TwoOffices()
        ann = book.contact()
        book.add("commission", policy_id=book.policy(ann))
        decided = book.planned([ann])
        assert decided.only("commission") == (STAYS, "XFR-COMMISSION")
        assert decided.only("policy") == (MOVES, "XFR-PRIMARY")

    def test_a_pending_case_with_a_commission_stays_with_its_lists_and_one_without_moves(self) -> None:
        book = TwoOffices()
        ann, bob = book.contact(), book.contact(first_name="Bob")
        book.twin_in_target(bob)
        case = book.add("pending_case", primary_contact_id=ann)
        book.add("pending_case", primary_contact_id=ann)
        book.add("commission", pending_case_id=case)
        book.add("pending_case_contact", pending_case_id=case, contact_id=bob)
        decided = book.planned([ann])
        assert decided.of("pending_case") == {"1": (STAYS, "XFR-COMMISSION"), "2": (MOVES, "XFR-PRIMARY")}
        assert decided.only("pending_case_contact") == (STAYS, "XFR-COMMISSION")


def test_xfr_not_moved_is_listed_row_by_row() -> None:
    book = TwoOffices()
    ann, bob = book.contact(), book.contact()
    account, policy = book.account(ann), book.policy(ann)
    position = book.add("investment_position", account_id=account)
    book.add("contact_set_member", set_id=book.add("contact_set"), contact_id=ann)
    book.add("lead", contact_id=ann)
    book.add("referred_contact", contact_id=ann, referred_contact_id=bob)
    book.add("referred_contact", contact_id=bob, referred_contact_id=ann)
    book.add("event_invitation", contact_id=ann)
    book.add("presale_activity", contact_id=ann)
    book.add("asset_allocation", account_id=account)
    book.add("account_performance", account_id=account)
    custom = {
        "contact": ann,
        "business": ann,
        "policy": policy,
        "annuity": policy,
        "account": account,
        "position": position,
    }
    for entity, entity_id in custom.items():
        book.add("custom_field_value", entity=entity, entity_id=entity_id)
    book.add("custom_field_value", entity="contact", entity_id=bob)
    decided = book.planned([ann])
    counts = {
        "contact_set_member": 1, "lead": 1, "referred_contact": 2, "event_invitation": 1, "presale_activity": 1,
        "asset_allocation": 1, "account_performance": 1, "custom_field_value": 6,
    }  # fmt: skip
    for table, count in counts.items():
        assert list(decided.of(table).values()) == [(STAYS, "XFR-NOT-MOVED")] * count, table
    rows = decided.plan.manifest[decided.plan.manifest["entity"].isin(counts)]
    assert set(rows["contact_id"]) == {ann}


class TestXfrHousehold:
    def test_the_household_of_a_couple_that_moves_with_its_relation_is_rebuilt(self) -> None:
        book = TwoOffices()
        ann, bob, child = (book.contact(first_name=name) for name in ("Ann", "Bob", "Cy"))
        book.relate(bob, ann, relation=" wife ")
        household = book.home(ann, husband=bob, son=child)
        decided = book.planned([ann, bob, child])
        assert decided.only("household") == (RECREATED, "XFR-HOUSEHOLD")
        assert set(decided.of("household_member").values()) == {(RECREATED, "XFR-HOUSEHOLD")}
        (row,) = decided.arrived("household")
        assert (row["head_contact_id"], row["name"], row["office_id"]) == (1_000_001, "Harbor Family", TARGET)
        assert [row["role"] for row in decided.arrived("household_member")] == ["Head", "Husband", "Son"]
        assert decided.plan.groups["group"].tolist() == [1, 1, 1]
        assert decided.plan.households.to_dict("records") == [
            {"household_id": household, "head_contact_id": ann, "is_rebuilt": True, "group": 1,
             "loses_its_head": False, "is_emptied": True}
        ]  # fmt: skip

    def test_a_member_who_stays_is_not_in_the_rebuilt_household(self) -> None:
        book = TwoOffices()
        ann, bob, child = (book.contact(first_name=name) for name in ("Ann", "Bob", "Cy"))
        book.relate(ann, bob, relation="Husband")
        book.home(ann, husband=bob, son=child)
        decided = book.planned([ann, bob])
        assert sorted(decided.of("household_member")) == ["1:1", "1:2"]
        assert decided.plan.households[["is_rebuilt", "loses_its_head", "is_emptied"]].values.tolist() == [
            [True, True, False]
        ]

    def test_no_household_is_rebuilt_without_a_spouse_by_key_relation(self) -> None:
        book = TwoOffices()
        for relation, relation_type in (("Ex-Wife", "Family"), ("Partner", "Family"), ("Spouse", "Business")):
            ann, bob = book.contact(), book.contact(first_name="Bob")
            book.relate(ann, bob, relation=relation, relation_type=relation_type)
            book.home(ann, husband=bob)
        decided = book.planned(range(1, 7))
        assert decided.of("household") == dict.fromkeys("123", (STAYS, "XFR-HOUSEHOLD"))
        assert list(decided.of("household_member").values()) == [(STAYS, "XFR-HOUSEHOLD")] * 6

    def test_nor_where_the_relation_itself_stays(self) -> None:
        book = TwoOffices()
        ann, bob, attorney = (book.contact() for _ in range(3))
        book.relate(ann, bob, relation="Husband")
        book.relate(ann, attorney, relation_type="Professional")
        book.home(ann, husband=bob)
        assert book.planned([ann, bob]).only("household") == (STAYS, "XFR-HOUSEHOLD")

    def test_a_household_stays_where_its_head_does_and_is_reported_where_the_head_leaves_it(self) -> None:
        book = TwoOffices()
        ann, bob = book.contact(), book.contact(first_name="Bob")
        book.relate(ann, bob, relation="Husband")
        book.home(ann, husband=bob)
        columns = ["is_rebuilt", "loses_its_head", "is_emptied"]
        assert book.planned([bob]).plan.households[columns].values.tolist() == [[False, False, False]]
        assert book.planned([ann]).plan.households[columns].values.tolist() == [[False, True, False]]

    def test_a_deleted_household_stays_without_further_ado(self) -> None:
        book = TwoOffices()
        ann = book.contact()
        household = book.home(ann)
        book.rows["household"][0]["deleted_at"] = NOW
        decided = book.planned([ann])
        assert decided.of("household") == {str(household): (STAYS, "XFR-NOT-MOVED")}
        assert decided.plan.households.empty


class TestXfrPresent:
    def present(self, book: TwoOffices, contact_id: int, **arguments: object) -> tuple[object, ...]:
        present = book.planned([contact_id], **arguments).plan.present.set_index("contact_id")
        found = present.loc[contact_id, ["target_contact_id", "matched_by", "matches"]]
        return tuple(None if value is None or value != value else value for value in found.fillna(None))

    def test_by_tax_id_under_any_name(self) -> None:
        book = TwoOffices()
        ann = book.contact(tax_id=" 900-00-0001")
        there = book.twin_in_target(ann, tax_id="900-00-0001 ", first_name="Anna")
        assert self.present(book, ann) == (there, "tax id", 1)

    def test_else_by_names_in_any_case_composed_or_decomposed_and_birth_date(self) -> None:
        book = TwoOffices()
        ann = book.contact(tax_id="900-00-0001", first_name="ÉVA ")
        there = book.twin_in_target(ann, tax_id=None, first_name="e\u0301va", last_name="HARBOR")
        assert self.present(book, ann) == (there, "name and birth date", 1)

    def test_not_by_less(self) -> None:
        book = TwoOffices()
        ann = book.contact()
        for values in (
            {"birth_date": "1970-05-02"},
            {"birth_date": None},
            {"last_name": "Quay"},
            {"first_name": None},
            {"deleted_at": NOW},
            {"office_id": ELSEWHERE},
        ):
            book.twin_in_target(ann, **values)
        assert self.present(book, ann) == (None, None, 0)

    def test_blanks_match_nobody(self) -> None:
        book = TwoOffices()
        ann = book.contact(tax_id=" ", first_name="", last_name=None)
        book.twin_in_target(ann)
        assert self.present(book, ann) == (None, None, 0)

    @pytest.mark.parametrize("tax_id", ["900-00-0001", None])
    def test_two_matches_mean_none_and_are_reported(self, tax_id: str | None) -> None:
        book = TwoOffices()
        ann = book.contact(tax_id=tax_id)
        for _ in range(2):
            book.twin_in_target(ann)
        assert self.present(book, ann)[0] is None
        assert self.present(book, ann)[2] == 2

    def test_the_id_map_knows_a_contact_that_moved_earlier(self) -> None:
        book = TwoOffices()
        ann = book.contact(first_name=None)
        there = book.contact(office_id=TARGET)
        assert self.present(book, ann, known=known(contact={ann: there})) == (there, "id map", 1)
