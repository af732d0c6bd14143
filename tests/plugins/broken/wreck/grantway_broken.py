"""A plugin that cannot be imported: what it needs is nowhere."""

import a_module_that_is_nowhere  # type: ignore[import-not-found]  # noqa: F401
