"""What a further case of a client takes over from the one before it: all the rest is the CRM's.

A field that is pinned to Profiles, or that an undo put back and that is still another than was last sent, is Profiles'
own in the new case too: it has the old case's value there and keeps the old merge base, so that later runs treat it as
they did. An item of that kind which the old case lacks is not made; an item that is new arrives whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from etl.errors import Gone
from etl.load.delivery import Standing
from etl.load.job import Job, LoadFinding, Payload, entity_of
from etl.load.ledger import intents, links
from etl.load.ledger.changes import Change
from etl.load.ledger.links import Link
from etl.load.ledger.story import UNDO_STEP
from etl.load.profiles.client import ProfilesClient
from etl.load.profiles.document import KEY, Document, FlatDocument, Path, flatten, show, unflatten
from etl.load.profiles.merge import is_same
from etl.load.profiles.pins import Pins, pins_in_force
from etl.load.profiles.revert import Footprint, holders_of, rewritten
from etl.load.profiles.update import VENDOR


@dataclass(frozen=True)
class NewCase:
    """The document of a new case, its merge base, and what in it is other than the CRM says."""

    document: Document = field(repr=False)
    base: Document = field(repr=False)
    changes: tuple[Change, ...] = ()

    def findings(self, payload: Payload) -> tuple[LoadFinding, ...]:
        """What is other than the CRM says, until an advisor changes it; a pin is somebody's word, and no finding."""
        kept = [change.field for change in self.changes if change.decision == "kept"]
        return tuple(LoadFinding("PROFILES-KEPT", *entity_of(payload.unit_key), name, "undone") for name in kept)


def new_case_of(client: ProfilesClient, job: Job, payload: Payload, standing: Standing) -> NewCase:
    """The case that goes on after the linked one, if there is one. Raises `VendorUnavailable`.

    Of an old case that is not there any more nothing is known: what would be taken over is left out.
    """
    ours = payload.read()["document"]
    pins, link = pins_in_force(job, standing), standing.link
    undone = _undone(job, link) if link is not None else set()
    if link is None or link.vendor_case_id is None or not (undone or "profiles" in pins.sides.values()):
        return NewCase(ours, ours)
    try:
        theirs = client.read_case(link.vendor_case_id).document
    except Gone:
        theirs = {}
    base = links.find_base(job.ledger, link.vendor_case_id)
    return carry_over(base, theirs, ours, pins, undone)


def carry_over(base: Document | None, theirs: Document, ours: Document, pins: Pins, undone: set[Path]) -> NewCase:
    """Ours, with what of the old case (``theirs``, last sent: ``base``) stays. Pure."""
    was, now, new = flatten(base), flatten(theirs), flatten(ours)
    there = {*_items(now)}

    def stays(path: Path) -> bool:
        side = pins.side(path)
        return side == "profiles" or (side is None and path in undone)

    left_out: list[Path] = []
    for item in _items(new):
        if item not in there and stays(item) and not holders_of(item[:-2]) & {*left_out}:
            left_out.append(item)
    kept = {path for path in new if path[-1] != KEY and holders_of(path) <= there and stays(path)}
    kept = {path for path in kept if pins.side(path) or not is_same(path, now.get(path), was.get(path))}
    differing = {path: (new[path], now.get(path)) for path in new if path in kept}
    differing = {path: pair for path, pair in differing.items() if not is_same(path, *pair)}
    apart = {path for path in new if path in kept or holders_of(path) & {*left_out}}
    changes = (
        *(Change(show(path), _word(path, pins), theirs, ours) for path, (ours, theirs) in differing.items()),
        *(Change(show(item), _word(item, pins)) for item in left_out),
    )
    new_base = {path: value for path, value in new.items() if path not in apart}
    new_base |= {path: was[path] for path in apart if path in was}
    return NewCase(rewritten(ours, differing, {}, left_out), unflatten(new_base), changes)


def _undone(job: Job, link: Link) -> set[Path]:
    """The fields and items of the unit's case that undos have taken back."""
    undos = intents.confirmed_steps(job.ledger, VENDOR, link.unit_key, UNDO_STEP)
    done = Footprint.of(one.values for one in reversed(undos) if one.values["case"] == link.vendor_case_id)
    return {*done.written, *done.put_in, *done.taken_out}


def _items(values: FlatDocument) -> list[Path]:
    return [path[:-1] for path in values if path[-1] == KEY]


def _word(path: Path, pins: Pins) -> str:
    return "pinned" if pins.side(path) else "kept"
