"""Chat rooms and on-call services that are told of events."""
