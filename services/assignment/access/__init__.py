"""How agents and programs prove who they are."""
