"""Changes of agents, teams and roles."""
