"""Sends what has to be sent, through Airflow's notifier for e-mail."""

from __future__ import annotations

import logging
import smtplib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from etl.errors import RetryLater, SettingsError
from etl.load.ledger.desk import notices
from etl.load.ledger.store import Ledger
from include import ROOT
from include.pipelines.notices.changes import HORIZON, changes_of_state, digests
from include.pipelines.notices.mail import Mail, compose
from include.runtime.notice_addresses import read_addresses
from include.runtime.settings import Settings

log = logging.getLogger(__name__)

# Airflow's own name for the connection of its mail server.
CONNECTION = "smtp_default"


class NotSent(RetryLater):
    """The mail server did not take some notices; they are sent with the next run."""


@dataclass(frozen=True)
class NoticesContext:
    """What notices need: the settings, the ledger, and the address of the desk."""

    settings: Settings
    ledger: Ledger
    desk_url: str


def send_notices(context: NoticesContext) -> dict[str, int]:
    """Notes what is new, and sends what waits. Gives how many mails were sent.

    Raises `NotSent` where some could not be sent, and `SettingsError` for a wrong file of addresses.
    """
    setting = context.settings.notices
    if setting.addresses_file is None:
        raise SettingsError("Notices are off: set PLANBRIDGE__NOTICES__ADDRESSES_FILE to the file of addresses.")
    addresses = read_addresses(ROOT / setting.addresses_file)
    _note(context, addresses)
    sent, failed = 0, []
    for notice_id, one in notices.read_waiting(context.ledger, context.ledger.now() - HORIZON).items():
        if one.recipient not in addresses or not notices.begin(context.ledger, notice_id):
            continue
        why = _send(addresses[one.recipient], compose(one.content, context.desk_url))
        notices.end(context.ledger, notice_id, is_sent=why is None)
        sent += why is None
        failed += [f"{one.about} ({why})"] if why else []
    if failed:
        raise NotSent(f"{len(failed)} notices could not be sent: {'; '.join(failed[:5])}. Check {CONNECTION}.")
    return {"sent": sent}


def _note(context: NoticesContext, addresses: Mapping[str, Sequence[str]]) -> None:
    ledger, timezone = context.ledger, context.settings.refresh.timezone
    notices.note(ledger, list(changes_of_state(ledger, addresses, timezone)))
    for digest in list(digests(ledger, addresses, timezone, context.settings.notices.digest_at)):
        notices.forget_digests(ledger, digest.recipient, but=digest.about)
        notices.note(ledger, [digest])


def _send(to: Sequence[str], mail: Mail) -> str | None:
    """Why the mail server did not take the mail; None: it did.

    The notifier is not called as a callback: Airflow would take braces in a subject or page for a template.
    """
    from airflow.providers.smtp.notifications.smtp import SmtpNotifier
    from airflow.sdk.exceptions import AirflowException

    notifier = SmtpNotifier(to=list(to), subject=mail.subject, html_content=mail.html, smtp_conn_id=CONNECTION)
    try:
        notifier.notify({})
    except (smtplib.SMTPException, OSError, AirflowException, ValueError) as error:
        log.warning("A notice was not sent: %s", type(error).__name__)
        return type(error).__name__
    return None
