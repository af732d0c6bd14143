"""Records that are told apart by their name, and shown by it."""


class Named:
    """Shows itself as its type and name: a record of functions has nothing better to show."""

    __slots__ = ()
    name: str

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"
