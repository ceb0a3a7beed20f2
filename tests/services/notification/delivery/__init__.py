"""Sending mails: retries, crashes, servers that are down or never answer."""
