"""HTTP conventions of all three services: problems, limits, paging, stored answers, pages."""
