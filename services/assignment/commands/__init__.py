"""One async function per use case; each owns its transaction."""
