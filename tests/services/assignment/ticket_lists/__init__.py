"""The queue: filters, search, views, bulk jobs, live changes, the past."""
