"""XFR: moving contacts to another office. What is critical about the request refuses it; about a contact, it holds the
contact together with all that move in one group with it."""

from expectations.rules.types import TRANSFER_ONLY, Check, Rule, Severity

RIGHTS = "User Accounts › the user › User Rights"
SET = "Sets › the set › Members"


def _stays(rule_id: str, severity: Severity, message: str, remedy: str, label: str) -> Rule:
    """A rule by which records of a contact that moves stay behind or arrive as others: told once for each contact."""
    told = Check(TRANSFER_ONLY, "leavings", "is_not", ("rule_id",), (label,), arguments={"value": rule_id})
    return Rule(rule_id, severity, message, remedy, (told,))


REQUEST_RULES: tuple[Rule, ...] = (
    Rule(
        "LIC-EXPORT",
        "critical",
        "The user who asks for the transfer may not export contacts: {export_missing} is missing.",
        f"{RIGHTS}: select Data Export and Export contacts to another office - Button for an enabled user of the source"
        " office.",
        (Check(TRANSFER_ONLY, "requests", "is_absent", ("export_missing",), ("User Rights",)),),
    ),
    Rule(
        "LIC-IMPORT",
        "critical",
        "The receiving user may not import contacts: {import_missing} is missing.",
        f"{RIGHTS}: select Data Import for an enabled user of the target office.",
        (Check(TRANSFER_ONLY, "requests", "is_absent", ("import_missing",), ("User Rights",)),),
    ),
    Rule(
        "XFR-OFFICE",
        "critical",
        "The target office cannot receive: it is not active, or it is the source office itself.",
        "Office Setup › Status: choose Active; or name another target office.",
        (
            Check(TRANSFER_ONLY, "requests", "is_selected", ("target_is_active",), ("Status",)),
            Check(TRANSFER_ONLY, "requests", "is_selected", ("offices_differ",), ("Office",)),
        ),
    ),
)

MOVER_RULES: tuple[Rule, ...] = (
    Rule(
        "XFR-SET",
        "critical",
        "The record cannot be moved from this office: it belongs to another one, is deleted, or is neither a contact"
        " nor a business.",
        f"{SET}: take it out of the set; or restore it from Deleted Records.",
        (
            Check(TRANSFER_ONLY, "movers", "is_selected", ("is_in_source",), ("Office",)),
            Check(TRANSFER_ONLY, "movers", "is_selected", ("may_move",), ("Record Type",)),
        ),
    ),
    Rule(
        "XFR-BUSY",
        "critical",
        "The contact is in another transfer: {busy_with}.",
        "Wait until that transfer has ended, or cancel it.",
        (Check(TRANSFER_ONLY, "movers", "is_absent", ("busy_with",), ("Contact",)),),
    ),
    Rule(
        "XFR-PRESENT",
        "critical",
        "The target office has this person already, as contact {present_contact_id}.",
        "In the target office, delete that contact if it may go; else leave this one out of the set and enter there"
        " what is missing.",
        (Check(TRANSFER_ONLY, "movers", "is_absent", ("present_contact_id",), ("Tax ID, Name, Birth Date",)),),
    ),
    Rule(
        "XFR-PRESENT-AMBIGUOUS",
        "warning",
        "The target office has {present_count} contacts who could be the same person: none is taken for it.",
        "In the target office, Contacts › Duplicate Records: merge them.",
        (
            Check(
                TRANSFER_ONLY,
                "movers",
                "is_at_most",
                ("present_count",),
                ("Tax ID, Name, Birth Date",),
                arguments={"highest": 1},
            ),
            Check(
                TRANSFER_ONLY,
                "leavings",
                "is_not",
                ("rule_id",),
                ("Lists, Owner, Insured, Beneficiaries",),
                arguments={"value": "XFR-PRESENT-AMBIGUOUS"},
                message="Entries that are left out ({records}): more than one contact of the target office could be"
                " meant.",
            ),
        ),
    ),
)

STAYING_RULES: tuple[Rule, ...] = (
    Rule(
        "XFR-HOUSEHOLD",
        "warning",
        "Households of the source office that would be left without their head: {headless_households}.",
        "Household › Household Members › Head of Household: choose another head; or add all members to the set.",
        (
            Check(
                TRANSFER_ONLY,
                "movers",
                "is_at_most",
                ("headless_households",),
                ("Head of Household",),
                arguments={"highest": 0},
            ),
        ),
    ),
    _stays(
        "XFR-RELATIONS",
        "warning",
        "Key relations that do not move ({records}): not everybody whom they tie together is in the set.",
        f"{SET}: add the contacts of the closure list, or start the transfer with “Add related contacts”.",
        "Key Relations",
    ),
    _stays(
        "XFR-PRIMARY",
        "warning",
        "Records that name this contact and stay ({records}): their primary contact is somebody else, or nobody.",
        "Policy, Pending Case or Investment Account › Primary Contact: choose the contact, if it is theirs.",
        "Primary Contact",
    ),
    _stays(
        "XFR-PARTIES",
        "warning",
        "Owners, insured or beneficiaries who are left out ({records}): they neither move nor are in the target"
        " office.",
        f"{SET}: add them to the set; or add them to the policy in the target office afterwards.",
        "Owner, Insured, Beneficiaries",
    ),
    _stays(
        "XFR-CENSUS",
        "info",
        "Census records that stay ({records}): the employee was not in the target office before.",
        "Nothing to do if that is meant; else move the employees first and the business afterwards.",
        "Employee Census",
    ),
    _stays(
        "XFR-POLICY-LISTS",
        "info",
        "Entries of policies' lists that stay ({records}): the contact was not in the target office before.",
        "In the target office, Policy › Advisors, Relationships, Important Contacts: enter those who belong there.",
        "Policy Advisor, Policy Relationship, Important Contact",
    ),
    _stays(
        "XFR-CASE-LISTS",
        "info",
        "Entries of pending cases' lists that stay ({records}): the contact was not in the target office before.",
        "In the target office, Pending Case › Advisors, Annuitants, Relationships: enter those who belong there.",
        "Policy Advisor, Policy Annuitant, Policy Relationship, Important Contact",
    ),
    _stays(
        "XFR-ACCOUNT-LISTS",
        "info",
        "Entries of investment accounts' lists that stay ({records}): the contact was not in the target office before.",
        "In the target office, Investment Account › Interested Parties, Advisor Relationships: enter those who belong"
        " there.",
        "Interested Party, Advisor Relationship",
    ),
    _stays(
        "XFR-CARRIER",
        "info",
        "Carriers or products that are made anew in the target office, which does not own them: {records}.",
        "Nothing to do if that is meant; else let the target office own them before the transfer.",
        "Carrier, Plan Name",
    ),
    _stays(
        "XFR-ADVISOR",
        "info",
        "The primary advisor does not move.",
        "In the target office, Contact › Advisors › Primary Advisor: choose one.",
        "Primary Advisor",
    ),
    _stays(
        "XFR-NOTES",
        "info",
        "Letters, documents or e-mails that stay ({records}): only letters that were sent to the contact move.",
        "Nothing to do: they are in the archive of the contact.",
        "Letters",
    ),
    _stays(
        "XFR-COMMISSION",
        "warning",
        "Commissions that stay, and with them the pending cases that they belong to: {records}.",
        "Nothing to do if that is meant: the pending case is finished in the source office.",
        "Commissions",
    ),
    _stays(
        "XFR-NOT-MOVED",
        "info",
        "Records that stay by their kind ({records}): leads, referrals, sets, events, custom fields, presale"
        " activities, asset allocation, performance.",
        "Nothing to do: they are in the archive of the contact.",
        "Custom Fields, Sets, Events",
    ),
)

TRANSFER_RULES: tuple[Rule, ...] = (*REQUEST_RULES, *MOVER_RULES, *STAYING_RULES)
