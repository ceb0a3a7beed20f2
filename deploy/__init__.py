"""Everything that turns the code into a running system: local stack, containers, dashboards."""
