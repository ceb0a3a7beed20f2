"""What agents do to tickets: their life, details, links, merges, incidents, tasks, routing and return."""
