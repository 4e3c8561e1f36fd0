"""Run a command as an ordinary user that stops with its parent: child.py USER_ID PROGRAM [ARGUMENT ...].

PostgreSQL refuses to run as root, and a database left behind by a killed launcher would hold its port and its files.
It is a program of its own, no `preexec_fn`: Python code between fork and exec may deadlock in a process with threads.
"""

import contextlib
import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG, _PR_SET_SECUREBITS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 1, 28, 47, 2
_NO_SETUID_FIXUP = 4
_CAP_DAC_OVERRIDE = 1
_CAPABILITY_VERSION_3 = 0x20080522


class _Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _Set(ctypes.Structure):
    _fields_ = [("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32)]


def _call(libc: ctypes.CDLL, name: str, *arguments: object) -> None:
    if getattr(libc, name)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), f"{name} was refused")


def _become(user_id: int) -> None:
    """Give up root for `user_id`; on Linux keep the right to enter root's folders (a checkout below a 0700 home)."""
    libc = ctypes.CDLL(None, use_errno=True)
    # A container may have taken the rights to do this away; then ordinary file permissions have to do.
    with contextlib.suppress(OSError, AttributeError):
        # Without it the change of user drops every capability, and access(2), which PostgreSQL asks, ignores them.
        _call(libc, "prctl", _PR_SET_SECUREBITS, _NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setgid(user_id)
    os.setuid(user_id)
    with contextlib.suppress(OSError, AttributeError):
        keep = 1 << _CAP_DAC_OVERRIDE
        sets = (_Set * 2)(_Set(keep, keep, keep), _Set(0, 0, 0))
        _call(libc, "capset", ctypes.byref(_Header(_CAPABILITY_VERSION_3, 0)), sets)
        _call(libc, "prctl", _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)


def main(user_id: int, command: list[str]) -> None:
    """Replace this process by `command`, run as `user_id`, deaf to the terminal's Ctrl-C."""
    parent = os.getppid()
    os.setsid()
    # A shell starts background jobs with it ignored, and that is inherited: the parent's death would not be heard.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if os.geteuid() == 0 and user_id != 0:
        _become(user_id)
    if sys.platform == "linux":  # after the change of user, which clears the signal
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
        if os.getppid() != parent:
            sys.exit("the parent is gone")
    os.execv(command[0], command)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
