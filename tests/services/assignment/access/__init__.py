"""Signing in, sessions, second factors, single sign-on, SCIM and service tokens."""
