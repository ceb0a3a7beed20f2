"""The API: submitting, reading, closing, conventions and its description."""
