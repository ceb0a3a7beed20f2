"""The doors mail comes through: an SMTP listener, mailboxes that are watched, and what both keep before they thank."""
