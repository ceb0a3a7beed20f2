"""The ticket's rules: transitions, commands, merging, permissions."""
