"""The ticket's durable workflow, and the worker that runs it."""
