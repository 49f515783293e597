"""How messages count things, and which cause they name where the system tells one."""

import errno
import os

_REMEDIES = {
    "check its rights and those of its folder": (errno.EACCES, errno.EPERM),
    "give a file in its place": (errno.EISDIR,),
    "check the path": (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP),
    "let it have more (ulimit -n), then run again": (errno.EMFILE, errno.ENFILE),
    "close other programs, then run again": (errno.ENOMEM,),
    "make room or choose another folder, then run again": (
        errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS,
    ),
    "the disk or the network failed, perhaps for a moment: run again": (
        errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.ENXIO,
    ),
}  # fmt: skip
_IN_USE = "it is open in another program; wait until it is closed there, then run again"
_NO_LOCKS = "its file system has no locks; set HDF5_USE_FILE_LOCKING=FALSE, then run again"
_CAUSES = {
    **dict.fromkeys((errno.EAGAIN, errno.EBUSY, errno.ETXTBSY), _IN_USE),
    **dict.fromkeys((errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP), _NO_LOCKS),
}


def count(number: int, what: str) -> str:
    """Writes ``1 image`` or ``1,200 images``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """Writes ``8 s``, ``3 min``, ``2.5 h`` or ``4.2 days``."""
    if seconds < 100.0:
        return f"{max(1, round(seconds))} s"
    if seconds < 6000.0:
        return f"{round(seconds / 60)} min"
    if seconds < 360_000.0:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86_400:,.1f} days"


def size(n_bytes: float) -> str:
    """Writes bytes in the unit that fits: ``340 kB``, ``1.2 MB``, ``13.1 GB``, ``2.5 TB``."""
    if n_bytes < 1e6:
        return f"{n_bytes / 1e3:.0f} kB"
    if n_bytes < 1e9:
        return f"{n_bytes / 1e6:.1f} MB"
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes < 1e12 else f"{n_bytes / 1e12:.1f} TB"


def cause(error: BaseException) -> str | None:
    """Why the system refuses a file, and what to do; None if that is not what went wrong."""
    if isinstance(error, MemoryError):
        return "it does not fit into memory; close other programs, or take a larger machine"
    if "already open for" in str(error):  # the mark that a writer leaves in an HDF5 file
        return (
            "it is open in another program, or one that was killed left it open; wait until it is "
            "closed there, or take the mark away with `h5clear -s`"
        )
    code = error.errno if isinstance(error, OSError) else None
    if not code:
        return None
    remedies = (text for text, codes in _REMEDIES.items() if code in codes)
    remedy = next(remedies, "check the path and its rights")
    return _CAUSES.get(code, f"{os.strerror(code)}; {remedy}")
