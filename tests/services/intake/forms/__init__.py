"""Forms of topics, by API and portal."""
