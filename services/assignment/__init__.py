"""Who works on a ticket, by which rules, and how well that went."""
