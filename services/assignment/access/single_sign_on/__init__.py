"""Single sign-on with an organisation's OpenID Connect provider: authorization code with PKCE."""
