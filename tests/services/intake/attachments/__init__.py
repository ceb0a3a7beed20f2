"""Files: uploads, storage, scanning."""
