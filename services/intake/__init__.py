"""Intake: takes requests from portal, API and mail, and shows requesters their tickets."""
