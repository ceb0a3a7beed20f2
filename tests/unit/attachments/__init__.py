"""Tests of what attachments are called and what they are."""
