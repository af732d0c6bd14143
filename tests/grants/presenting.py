"""What the tests of presented tokens share: what is no token, and everything an error shows."""

from collections.abc import Iterator

UNFIT: dict[str, object] = {
    "empty": "",
    "blank": "   ",
    "with a header's word": "Bearer sentinel.user.token",
    "with a line's end": "sentinel.user.token\n",
    "with a null": "sentinel.user\x00token",
    "not ASCII": "sentinel.user.tökén",
    "half a surrogate pair": "sentinel\ud800",
    "ten megabytes": "sentinel" * (10 << 17),
    "bytes": b"sentinel.user.token",
    "a list": ["sentinel.user.token"],
    "a pair": ("sentinel", "token"),
    "a number": 5,
    "a dictionary": {"access_token": "sentinel"},
}


def shown(error: BaseException) -> str:
    """Everything that an error says or holds, and the values of our own frames in its traceback."""
    return "".join(_shown(error))


def _shown(error: BaseException) -> Iterator[str]:
    seen: BaseException | None = error
    while seen is not None:
        yield from (str(seen), repr(seen), repr(vars(seen)))
        frame = seen.__traceback__
        while frame is not None:
            # Of ours: whoever calls has the token in clear.
            if "/grantway" in frame.tb_frame.f_code.co_filename:
                yield repr(frame.tb_frame.f_locals)
            frame = frame.tb_next
        seen = seen.__cause__ or seen.__context__
