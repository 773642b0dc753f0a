"""A mail server on this machine, of the standard library: it takes mails as RFC 5321 says, or refuses them."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import cast


@dataclass
class MailServer:
    """The mails that have arrived; ``refuses``: recipients whose mail is refused."""

    port: int = 0
    mails: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)

    @property
    def connection(self) -> str:
        """Airflow's connection to it."""
        return (
            f'{{"conn_type": "smtp", "host": "127.0.0.1", "port": {self.port}, "extra": {{"disable_ssl": true, '
            '"disable_tls": true, "from_email": "planbridge@example.com", "retry_limit": 0, "timeout": 10}}'
        )

    def to(self, address: str) -> list[EmailMessage]:
        return [mail for people, mail in self.mails if address in people]


class _Session(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        server: MailServer = self.server.mail_server  # type: ignore[attr-defined]
        people: list[str] = []
        self.say("220 ready")
        while line := self.rfile.readline():
            verb, _, rest = line.decode().strip().partition(" ")
            match verb.upper():
                case "RCPT":
                    address = rest.partition("<")[2].partition(">")[0]
                    is_refused = address in server.refuses
                    self.say("550 unknown" if is_refused else "250 ok")
                    people += [] if is_refused else [address]
                case "DATA":
                    self.say("354 go on")
                    server.mails.append((people, self.content()))
                    self.say("250 taken")
                    people = []
                case "QUIT":
                    self.say("221 bye")
                    return
                case _:
                    self.say("250 ok")

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def content(self) -> EmailMessage:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        return cast(EmailMessage, message_from_bytes(b"".join(lines), policy=policy.default))


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """A running server on a free port."""
    made = MailServer()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Session) as server:
        server.daemon_threads = True
        server.mail_server = made  # type: ignore[attr-defined]
        made.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()
