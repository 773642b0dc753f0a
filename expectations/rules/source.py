"""SCP: what is wrong with the rows of the CRM's database, before any rule asks what they say."""

from expectations.rules.types import BOTH, Rule, critical, warning

SOURCE_RULES: tuple[Rule, ...] = (
    critical(
        "SCP-CELL",
        "{source_cell} of {source_record} cannot be read: it {reason}.",
        "Open the record in SmartOffice, enter the field anew and save it. Where an import or another program writes"
        " the CRM's database, correct the cell there: the message names table, column and key.",
    ).listed_in("faults", BOTH, "Record"),
    critical(
        "SCP-KEY-TWICE",
        "{source_cell}: {source_record} {reason}, so nobody can say which record is meant.",
        "Delete the copy in the CRM's database, or give it a key of its own; a primary key on the table keeps it from"
        " coming back. SmartOffice itself never gives a key twice: look at how the database is filled.",
    ).listed_in("faults", BOTH, "Record"),
    warning(
        "SCP-STRAY",
        "Nobody can say which household these rows of the CRM's database belong to: nothing of them is sent.",
        "Investment Account, Policy or Liability › Primary Contact: choose the owner. Of other rows correct the keys in"
        " the CRM's database: the message names table and column, and the first rows. Look at the import or the program"
        " that wrote them; a foreign key on the column keeps them from coming back.",
    ),
)
