"""Who may do what: every route with and without its permission, and how rights are given."""
