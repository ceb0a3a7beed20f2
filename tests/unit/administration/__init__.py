"""Pure parts of the administration pages."""
