"""Changes of the configuration: policies, calendars, rules, canned responses, views; each audited."""
