"""Inbound mail: parsing (pure), routing, transports (SMTP, IMAP, HTTP) and the pipeline that processes it."""
