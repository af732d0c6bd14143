"""Token caches: where results and refresh tokens rest between calls."""
