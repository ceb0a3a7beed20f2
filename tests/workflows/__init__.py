"""The ticket workflow on real Temporal servers, and the replay of its saved histories."""
