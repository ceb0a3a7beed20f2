"""What keeps the doors open for people while others push against them; `docs/abuse.md` tells it in whole."""
