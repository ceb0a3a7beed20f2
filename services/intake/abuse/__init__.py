"""Protection against abuse: bans, limits per requester, load detection on forms; see `docs/abuse.md`."""
