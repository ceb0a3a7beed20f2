"""Who may do what: every route with every scope, and how rights are given."""
