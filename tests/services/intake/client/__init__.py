"""Tests of the client package, against the service itself and against services that misbehave."""
