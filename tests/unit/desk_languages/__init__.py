"""The sentences that the desk makes of facts, in other languages than English."""
