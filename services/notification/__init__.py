"""The notification service: decides who gets which mail, sends it, and keeps a ledger of every delivery."""
