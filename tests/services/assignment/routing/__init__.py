"""Who gets a ticket: triage, agents' loads, batches of waiting tickets, tickets that come back."""
