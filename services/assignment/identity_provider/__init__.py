"""Client of an OpenID Connect provider: discovery, keys, and verification of ID tokens."""
