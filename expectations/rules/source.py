"""SCP: what is wrong with the rows of the CRM's database, before any rule asks what they say."""

from expectations.rules.types import BOTH, Check, Rule

SOURCE_RULES: tuple[Rule, ...] = (
    Rule(
        "SCP-CELL",
        "critical",
        "{source_cell} of {source_record} cannot be read: it {reason}.",
        "Open the record in SmartOffice, enter the field anew and save it. Where an import or another program writes"
        " the CRM's database, correct the cell there: the message names table, column and key.",
        (Check(BOTH, "faults", "is_not", ("rule_id",), ("Record",), arguments={"value": "SCP-CELL"}),),
    ),
    Rule(
        "SCP-KEY-TWICE",
        "critical",
        "{source_cell}: {source_record} {reason}, so nobody can say which record is meant.",
        "Delete the copy in the CRM's database, or give it a key of its own; a primary key on the table keeps it from"
        " coming back. SmartOffice itself never gives a key twice: look at how the database is filled.",
        (Check(BOTH, "faults", "is_not", ("rule_id",), ("Record",), arguments={"value": "SCP-KEY-TWICE"}),),
    ),
    Rule(
        "SCP-STRAY",
        "warning",
        "Nobody can say which household these rows of the CRM's database belong to: nothing of them is sent.",
        "Correct the keys there: the message names table and column, and the first rows. Look at the import or the"
        " program that wrote them; a foreign key on the column keeps them from coming back.",
    ),
)
