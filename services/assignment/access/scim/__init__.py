"""SCIM 2.0 server (RFC 7643, RFC 7644): provisioning of agents and roles by a directory."""
