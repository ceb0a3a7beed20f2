"""SCIM 2.0 (RFC 7643, RFC 7644): an organisation's directory keeps agents and their roles as it has them."""
