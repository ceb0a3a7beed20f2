"""The portal's pages, without script."""
