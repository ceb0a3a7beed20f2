"""An OpenID Connect provider: what it says of itself, and whether a token is one of its own, for us."""
