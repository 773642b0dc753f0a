"""Everything that can go wrong, sorted by what follows from it.

::

    PlanbridgeError
    ├── RetryLater             nothing is wrong with the data: the same call may succeed later
    │   ├── SourceUnavailable      the CRM cannot be reached
    │   ├── LedgerUnavailable      the ledger cannot be reached or written
    │   ├── LedgerBusy             the ledger must be upgraded, and a run is writing
    │   ├── UnitsBusy              a run is writing units at a vendor that a transfer is about to move
    │   └── VendorUnavailable      a vendor is down or its circuit breaker is open; surely nothing was written
    ├── StopRun                a person has to act before this run can go on
    │   ├── SettingsError          a setting is misspelt or out of range
    │   ├── ParamsError            the run was asked for something that does not exist
    │   ├── LedgerTooNew           the ledger was made by newer code
    │   ├── SchemaMismatch         the CRM lacks a table or column, or one has another type
    │   ├── SourceUnreadable       the CRM refuses a statement: the same one would be refused again
    │   ├── StagingError           a staged file is missing or is not what was staged
    │   ├── GateBroken             a check could not run: nothing that it is about may be loaded
    │   ├── GuardTripped           too much would change at once
    │   ├── BooksUnbalanced        units in scope and outcomes differ
    │   └── CredentialsRefused     a vendor refuses the log-in: that vendor's load stops
    └── SetAside               one household cannot go now; all others do
        ├── InDoubt                the vendor may or may not have written: read before sending again
        ├── CaseOpen               an advisor has the case open
        ├── VersionConflict        the case changed between our read and our write
        ├── Rejected               the vendor refuses the document (4xx): it comes back when the data change
        ├── Gone                   the linked record no longer exists at the vendor
        ├── Ambiguous              several vendor records match: never pick
        ├── LockLost               another run took the household over
        └── MovedAway              a transfer has moved the household to another office

Messages carry keys, ids, statuses and the way out; never names, birth dates, addresses, account or policy numbers.
"""

# The vendors as people write them.
VENDOR_NAMES = {"profiles": "Profiles", "emoney": "eMoney"}


class PlanbridgeError(Exception):
    """The root of all errors that Planbridge raises on purpose."""


class RetryLater(PlanbridgeError):
    """Nothing is wrong with the data; the same call may succeed later."""


class SourceUnavailable(RetryLater):
    """The CRM cannot be reached."""


class LedgerUnavailable(RetryLater):
    """The ledger cannot be reached or written."""


class LedgerBusy(RetryLater):
    """The ledger must be upgraded, and a run is writing."""


class UnitsBusy(RetryLater):
    """A run is writing units at a vendor that a transfer is about to move."""


class VendorUnavailable(RetryLater):
    """A vendor is down; surely nothing was written by this call."""


class StopRun(PlanbridgeError):
    """A person has to act before this run can go on."""


class SettingsError(StopRun):
    """A setting is misspelt or out of range."""


class ParamsError(StopRun):
    """The run was asked for something that does not exist."""


class LedgerTooNew(StopRun):
    """The ledger was made by newer code."""


class SchemaMismatch(StopRun):
    """The CRM lacks a table or a column, or one has another type."""


class SourceUnreadable(StopRun):
    """The CRM refuses a statement: the same one would be refused again."""


class StagingError(StopRun):
    """A staged file is missing or is not what was staged."""


class GateBroken(StopRun):
    """A check could not run: nothing may be loaded."""


class GuardTripped(StopRun):
    """Too much would change at once."""


class BooksUnbalanced(StopRun):
    """Units in scope and outcomes differ."""


class CredentialsRefused(StopRun):
    """A vendor refuses the log-in: that vendor's load stops."""


class SetAside(PlanbridgeError):
    """One household cannot go now; all others do."""


class InDoubt(SetAside):
    """The vendor may or may not have written: read before sending again."""


class CaseOpen(SetAside):
    """An advisor has the case open."""

    def __init__(self, message: str, opened_by: str | None = None, opened_at: str | None = None) -> None:
        super().__init__(message)
        self.opened_by = opened_by
        self.opened_at = opened_at


class VersionConflict(SetAside):
    """The case changed between our read and our write."""


class Rejected(SetAside):
    """The vendor refuses the document: it comes back when the data change."""

    def __init__(self, message: str, fields: tuple[str, ...] = (), status: int | None = None) -> None:
        super().__init__(message)
        self.fields = fields
        self.status = status


class Gone(SetAside):
    """The linked record no longer exists at the vendor."""


class Ambiguous(SetAside):
    """Several vendor records match: never pick."""

    def __init__(self, message: str, candidates: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.candidates = candidates


class LockLost(SetAside):
    """Another run took the household over."""


class MovedAway(SetAside):
    """A transfer has moved the household to another office."""
