"""Real life: the incident log of a real IT desk, played through the rules and through real workflows."""
