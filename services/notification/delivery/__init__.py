"""Delivery: claims rows of the ledger, composes their mails and hands them to the SMTP server."""
