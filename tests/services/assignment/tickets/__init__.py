"""What belongs together: links, tasks, merged tickets, incidents, requesters."""
