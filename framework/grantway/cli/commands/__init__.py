"""The commands, one module each; a module's `command` is imported when its name is used."""
