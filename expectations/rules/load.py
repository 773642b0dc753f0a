"""Rules whose findings come from the load: matching, life events, the vendors' own answers, licenses."""

from expectations.rules.types import Rule, critical, info, warning

USER_LICENSES = "User Accounts › the user › Licenses"

LOAD_RULES: tuple[Rule, ...] = (
    warning(
        "SCP-CLOCK",
        "The time of the last change (modified_at) is ahead of the CRM's own clock, or is no time: it cannot say when"
        " the record was changed, so that the household is looked at every night.",
        "Open the record in SmartOffice and save it, so that it gets the time of now; where there are many, have the"
        " clock or the import that wrote them put right.",
    ),
    critical(
        "MATCH-AMBIGUOUS",
        "More than one record at the vendor matches: nothing was written.",
        "Merge or delete the duplicates at the vendor, or run the household by hand and choose the case.",
    ),
    warning(
        "SCP-GONE",
        "A unit that has a record at the vendor is no unit in SmartOffice any more: its record stays as it is.",
        "If the client has left, close the record at the vendor and end the link by hand (Unlink); else restore the"
        " household or the contact from Deleted Records, or set Contact › Personal › Type to Client.",
    ),
    critical(
        "MATCH-MERGED",
        "A contact whom the vendor has was deleted or merged, and nobody can tell who has its record now.",
        "Contact › Personal › Tax ID, First Name, Last Name, Birth Date: if both are one person, let those of the"
        " living contact agree with those in Deleted Records, or link the household by hand (Link to). If they are two"
        " people, run it by hand and say so with the reason (Two people).",
    ),
    critical(
        "MATCH-TWICE",
        "One person is in two units: only one of them goes to the vendor.",
        "Contacts › Duplicate Records: merge the two contacts, or delete the household that is one too many. If they"
        " are two people, run the household by hand and say so with the reason (Two people).",
    ),
    critical(
        "MATCH-GONE",
        "The linked record no longer exists at the vendor: nothing was written and nothing is created in its place.",
        "Restore the record at the vendor, or run the household by hand and choose another record or a new one.",
    ),
    info(
        "MATCH-LAST-NAME",
        "Only records with the same last name were found at the vendor; they were not written to.",
        "If one of them is this client, run the household by hand and choose it; then delete the new record.",
    ),
    critical(
        "LIFE-EVENT",
        "The head or the spouse is not who was last sent: nothing is written until somebody confirms the change.",
        "If the change is right, run the household by hand and confirm the life event; else correct Household ›"
        " Household Members › Role or Contact › Key Relations.",
    ),
    info(
        "PROFILES-KEPT",
        "Profiles and SmartOffice differ here: it stays as it is in Profiles.",
        "If Profiles is right, enter its value in SmartOffice; else correct it in the case.",
    ),
    warning(
        "PROFILES-STALE",
        "Sent once and no longer in SmartOffice: it stays in the case.",
        "If it has ended, delete it in the case; else restore it from Deleted Records in SmartOffice.",
    ),
    info(
        "EMY-NEW",
        "New at eMoney: waiting to be linked.",
        "In eMoney, link and classify the account or policy; or run the household by hand with its links.",
    ),
    warning(
        "EMY-LINK",
        "Was to be linked at eMoney and is not.",
        "Run the household by hand with the link again once eMoney lists the account or policy, or link and classify it"
        " there.",
    ),
    warning(
        "EMY-OVERWRITTEN",
        "Changed in SmartOffice, and edited at eMoney too.",
        "Ask the advisor which value is right and enter it in SmartOffice; PLANBRIDGE__EMONEY__KEEP names the fields"
        " that stay as they were edited at eMoney.",
    ),
    warning(
        "EMY-GONE",
        "No longer in SmartOffice: eMoney keeps its last value.",
        "In eMoney, close the account or policy if it has ended; or restore it from Deleted Records in SmartOffice.",
    ),
    warning(
        "EMY-REFRESH",
        "eMoney rejected the line of this client in its feed.",
        "In eMoney, check that the SmartOffice connection of the client is active; the line goes again with the next"
        " refresh.",
    ),
    critical(
        "VENDOR-REJECTED",
        "The vendor rejected the document: nothing of it was written.",
        "Correct the fields that the message names in SmartOffice; the household goes again when they change.",
    ),
    warning(
        "LIC-PROFILES",
        "The user in whose name the run is made lacks the license for Profiles.",
        f"{USER_LICENSES}: select Profiles Professional - Web, or assign the client to a user who has it.",
    ),
    warning(
        "LIC-EMONEY",
        "The user in whose name the run is made lacks the license for eMoney.",
        f"{USER_LICENSES}: select eMoney, or assign the client to a user who has it.",
    ),
    warning(
        "LIC-EMONEY-POLICIES",
        "Policies are not sent: the user lacks a license for them.",
        f"{USER_LICENSES}: select Policy Tracking and Pending Case & Policy Setup Administrator.",
    ),
    warning(
        "LIC-EMONEY-INVESTMENTS",
        "Investments are not sent: the user lacks a license for them.",
        f"{USER_LICENSES}: select Investment Tracking.",
    ),
    warning(
        "LIC-ACTING",
        "The run was triggered in the name of another user, without the right to act for others.",
        "Leave requested_by empty, or have the run triggered by an Airflow user who is named in"
        " PLANBRIDGE__SERVICE__MAY_ACT_FOR_OTHERS.",
    ),
    warning(
        "LIC-ENABLED",
        "The account of the user in whose name the run is made is not enabled.",
        "User Accounts › the user › User Account Status: choose Enabled, or assign the client to another user.",
    ),
)
