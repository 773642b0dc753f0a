"""XFR: moving contacts to another office.

A critical finding about the request refuses the transfer. One about a contact holds the contact's whole group.
"""

from expectations.rules.types import TRANSFER_ONLY, Rule, checks_on, critical, info, warning

RIGHTS = "User Accounts › the user › User Rights"
SET = "Sets › the set › Members"

requests, movers = checks_on("requests"), checks_on("movers")

REQUEST_RULES: tuple[Rule, ...] = (
    critical(
        "LIC-EXPORT",
        "The user who asks for the transfer may not export contacts: {export_missing} is missing.",
        f"{RIGHTS}: select Data Export and Export contacts to another office - Button for an enabled user of the source"
        " office.",
        requests(TRANSFER_ONLY, "is_absent", "export_missing", "User Rights"),
    ),
    critical(
        "LIC-IMPORT",
        "The receiving user may not import contacts: {import_missing} is missing.",
        f"{RIGHTS}: select Data Import for an enabled user of the target office.",
        requests(TRANSFER_ONLY, "is_absent", "import_missing", "User Rights"),
    ),
    critical(
        "XFR-OFFICE",
        "The target office cannot receive: it is not active, or it is the source office itself.",
        "Office Setup › Status: choose Active; or name another target office.",
        requests(TRANSFER_ONLY, "is_selected", "target_is_active", "Status"),
        requests(TRANSFER_ONLY, "is_selected", "offices_differ", "Office"),
    ),
)

MOVER_RULES: tuple[Rule, ...] = (
    critical(
        "XFR-SET",
        "The record cannot be moved from this office: it belongs to another one, is deleted, or is neither a contact"
        " nor a business.",
        f"{SET}: take it out of the set; or restore it from Deleted Records.",
        movers(TRANSFER_ONLY, "is_selected", "is_in_source", "Office"),
        movers(TRANSFER_ONLY, "is_selected", "may_move", "Record Type"),
    ),
    critical(
        "XFR-BUSY",
        "The contact is in another transfer: {busy_with}.",
        "Wait until that transfer has ended, or cancel it.",
        movers(TRANSFER_ONLY, "is_absent", "busy_with", "Contact"),
    ),
    critical(
        "XFR-PRESENT",
        "The target office has this person already, as contact {present_contact_id}.",
        f"In the target office, delete that contact if it may go; else {SET}: take this one out of the set, and enter"
        " what is missing in the target office.",
        movers(TRANSFER_ONLY, "is_absent", "present_contact_id", "Tax ID, Name, Birth Date"),
    ),
    warning(
        "XFR-PRESENT-AMBIGUOUS",
        "The target office has {present_count} contacts who could be the same person: none is taken for it.",
        "In the target office, Contacts › Duplicate Records: merge them.",
        movers(TRANSFER_ONLY, "is_at_most", "present_count", "Tax ID, Name, Birth Date", highest=1),
    ).listed_in(
        "leavings",
        TRANSFER_ONLY,
        "Lists, Owner, Insured, Beneficiaries",
        message="Entries that are left out ({records}): more than one contact of the target office could be meant.",
    ),
)

STAYING_RULES: tuple[Rule, ...] = (
    warning(
        "XFR-HOUSEHOLD",
        "Households of the source office that would be left without their head: {headless_households}.",
        "Household › Household Members › Head of Household: choose another head; or add all members to the set.",
        movers(TRANSFER_ONLY, "is_at_most", "headless_households", "Head of Household", highest=0),
    ),
    warning(
        "XFR-RELATIONS",
        "Key relations that do not move ({records}): not everybody whom they tie together is in the set.",
        f"{SET}: add the contacts of the closure list, or start the transfer with “Add related contacts”.",
    ).listed_in("leavings", TRANSFER_ONLY, "Key Relations"),
    warning(
        "XFR-PRIMARY",
        "Records that name this contact and stay ({records}): their primary contact is somebody else, or nobody.",
        "Policy, Pending Case or Investment Account › Primary Contact: choose the contact, if it is theirs.",
    ).listed_in("leavings", TRANSFER_ONLY, "Primary Contact"),
    warning(
        "XFR-PARTIES",
        "Owners, insured or beneficiaries who are left out ({records}): they neither move nor are in the target"
        " office.",
        f"{SET}: add them to the set; or add them to the policy in the target office afterwards.",
    ).listed_in("leavings", TRANSFER_ONLY, "Owner, Insured, Beneficiaries"),
    info(
        "XFR-CENSUS",
        "Census records that stay ({records}): the employee was not in the target office before.",
        "Nothing to do if that is meant; else move the employees first and the business afterwards.",
    ).listed_in("leavings", TRANSFER_ONLY, "Employee Census"),
    info(
        "XFR-POLICY-LISTS",
        "Entries of policies' lists that stay ({records}): the contact was not in the target office before.",
        "In the target office, Policy › Advisors, Relationships, Important Contacts: enter those who belong there.",
    ).listed_in("leavings", TRANSFER_ONLY, "Policy Advisor, Policy Relationship, Important Contact"),
    info(
        "XFR-CASE-LISTS",
        "Entries of pending cases' lists that stay ({records}): the contact was not in the target office before.",
        "In the target office, Pending Case › Advisors, Annuitants, Relationships: enter those who belong there.",
    ).listed_in("leavings", TRANSFER_ONLY, "Policy Advisor, Policy Annuitant, Policy Relationship, Important Contact"),
    info(
        "XFR-ACCOUNT-LISTS",
        "Entries of investment accounts' lists that stay ({records}): the contact was not in the target office before.",
        "In the target office, Investment Account › Interested Parties, Advisor Relationships: enter those who belong"
        " there.",
    ).listed_in("leavings", TRANSFER_ONLY, "Interested Party, Advisor Relationship"),
    info(
        "XFR-CARRIER",
        "Carriers or products that are made anew in the target office, which does not own them: {records}.",
        "Nothing to do if that is meant; else let the target office own them before the transfer.",
    ).listed_in("leavings", TRANSFER_ONLY, "Carrier, Plan Name"),
    info(
        "XFR-ADVISOR",
        "The primary advisor does not move.",
        "In the target office, Contact › Advisors › Primary Advisor: choose one.",
    ).listed_in("leavings", TRANSFER_ONLY, "Primary Advisor"),
    info(
        "XFR-NOTES",
        "Letters, documents or e-mails that stay ({records}): only letters that were sent to the contact move.",
        "Nothing to do: they are in the archive of the contact.",
    ).listed_in("leavings", TRANSFER_ONLY, "Letters"),
    warning(
        "XFR-COMMISSION",
        "Commissions that stay, and with them the pending cases that they belong to: {records}.",
        "Nothing to do if that is meant: the pending case is finished in the source office.",
    ).listed_in("leavings", TRANSFER_ONLY, "Commissions"),
    info(
        "XFR-NOT-MOVED",
        "Records that stay by their kind ({records}): leads, referrals, sets, events, custom fields, presale"
        " activities, asset allocation, performance.",
        "Nothing to do: they are in the archive of the contact.",
    ).listed_in("leavings", TRANSFER_ONLY, "Custom Fields, Sets, Events"),
)

TRANSFER_RULES: tuple[Rule, ...] = (*REQUEST_RULES, *MOVER_RULES, *STAYING_RULES)
