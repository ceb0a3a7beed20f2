"""Commands on tickets, from the request to the workflow and back, whatever fails meanwhile."""
