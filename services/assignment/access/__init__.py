"""Authentication of agents and programs: passwords, second factors, sessions, single sign-on, SCIM, service tokens."""
