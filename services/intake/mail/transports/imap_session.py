"""One signed-in look into a mailbox: blocking calls, each made in a thread by the watcher."""

import imaplib
import ssl
from collections.abc import Callable

from imap_tools import BaseMailBox, ImapToolsError, MailBox, MailBoxStartTls, MailBoxUnencrypted

from services.intake.mail.settings import Mailbox

TIMEOUT = 30.0
"""Seconds for one command."""
IDLE_SECONDS = 60.0
"""How long to wait for news before looking all the same: some servers forget to tell."""
BROKEN = (OSError, imaplib.IMAP4.error, ImapToolsError, ssl.SSLError, ValueError, LookupError)
"""Everything that means: this connection is of no more use."""


class ImapSession:
    """A connection to a mailbox, its folder chosen."""

    def __init__(self, mailbox: Mailbox, access_token: str | None) -> None:
        self._mailbox = mailbox
        self._box = _connected(mailbox)
        secret = mailbox.password.get_secret_value() if mailbox.password else ""
        if access_token is None:
            self._box.login(mailbox.user, secret, initial_folder=mailbox.folder)
        else:
            self._box.xoauth2(mailbox.user, access_token, initial_folder=mailbox.folder)

    def waiting(self) -> list[str]:
        """The UIDs of the mails that are not ours yet, oldest first."""
        criteria = "UNSEEN UNDELETED" if self._mailbox.after == "seen" else "UNDELETED"
        return sorted(self._box.uids(criteria, charset=None), key=int)

    def size(self, uid: str) -> int:
        """Bytes of a mail, as the server says."""
        answer = self._uid("FETCH", uid, "(RFC822.SIZE)")
        line = next((part for part in answer if isinstance(part, bytes)), b"")
        return int(line.rpartition(b"RFC822.SIZE")[2].strip(b" )").split()[0])

    def fetch(self, uid: str) -> bytes | None:
        """A mail as it came, left unread; None if it is gone."""
        parts = self._uid("FETCH", uid, "(BODY.PEEK[])")
        return next((bytes(part[1]) for part in parts if isinstance(part, tuple)), None)

    def put_away(self, uid: str) -> None:
        """Marks, moves or deletes a mail that is ours now; of other mails nothing is expunged if that can be helped."""
        match self._mailbox.after:
            case "seen":
                self._uid("STORE", uid, "+FLAGS.SILENT", r"(\Seen)")
            case "move":
                self._box.move(uid, self._mailbox.move_to)
            case "delete":
                self._uid("STORE", uid, "+FLAGS.SILENT", r"(\Deleted)")
                if "UIDPLUS" in self._box.client.capabilities:
                    self._uid("EXPUNGE", uid)
                else:
                    self._box.expunge()

    def make_folder(self) -> None:
        """Sees to it that there is a folder to move to."""
        if self._mailbox.after == "move" and not self._box.folder.exists(self._mailbox.move_to):
            self._box.folder.create(self._mailbox.move_to)

    @property
    def can_idle(self) -> bool:
        """Whether the server tells of new mail by itself."""
        return "IDLE" in self._box.client.capabilities

    def idle(self) -> None:
        """Returns when something happened in the folder, or after a minute."""
        self._box.idle.wait(timeout=IDLE_SECONDS)

    def close(self) -> None:
        """Ends the connection, whatever is under way on it."""
        self._box.client.shutdown()

    def _uid(self, command: str, *arguments: str) -> list[object]:
        status, answer = self._box.client.uid(command, *arguments)
        if status != "OK":
            raise imaplib.IMAP4.error(f"{command} was answered {status}")
        return list(answer)


def _connected(mailbox: Mailbox) -> BaseMailBox:
    kinds: dict[str, Callable[..., BaseMailBox]] = {
        "tls": MailBox,
        "starttls": MailBoxStartTls,
        "none": MailBoxUnencrypted,
    }
    return kinds[mailbox.security](mailbox.host, mailbox.port, timeout=TIMEOUT)
