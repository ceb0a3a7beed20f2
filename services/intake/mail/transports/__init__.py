"""How mail arrives: an SMTP listener, polled IMAP mailboxes, an HTTP route; each stores it before acknowledging."""
