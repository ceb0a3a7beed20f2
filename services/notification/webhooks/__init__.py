"""Webhooks: endpoints of programs, which events each one gets, and the ledger of their deliveries."""
