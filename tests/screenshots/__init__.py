"""Pictures of the portal and the desk for the docs: `make screenshots`."""
