"""A file that holds the table of one environment, to be added to the configuration."""

from pathlib import Path

from grantway.config import document_of
from grantway.document import Document, Keys, Table
from grantway.errors import ConfigurationError


def read_table(file: Path) -> tuple[Document, Keys, Table]:
    """A file that holds the table of one environment: TOML, or JSON where it is called so.

    The table is the whole file, or the one table below `environments` in it.

    Returns:
        The file, where in it the table is, and the table.

    Raises:
        ConfigurationError: the file cannot be read or is not as it should be.
    """
    try:
        document = document_of(file)
    except (FileNotFoundError, NotADirectoryError):
        raise ConfigurationError(
            f"There is no file {file}.", remedy="Check its path.", file=str(file)
        ) from None
    is_json = file.suffix.lower() == ".json"
    values = document.parse_json() if is_json else document.parse()
    if "environments" not in values:
        return document, (), values
    document.known(values, ("environments",))
    tables = document.tables("environments", values["environments"])
    if len(tables) != 1:
        document.fail(
            f"it describes {len(tables)} environments", "Give a file with one.",
            at=("environments",),
        )  # fmt: skip
    [(name, table)] = tables.items()
    return document, ("environments", name), table
