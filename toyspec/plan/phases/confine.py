"""confine: what init gives up before it runs the box's command. The order matters.

Namespaced settings need capabilities, so they come first; seccomp needs no_new_privs or
CAP_SYS_ADMIN, so it is last with the one and comes before the capabilities go without it. The session
and its keyring then come before it: a filter has no reason to let keyctl(2) through.
"""

from __future__ import annotations

from toyspec.host.facts import Needs
from toyspec.plan import (
    calls,
    capabilities,
    descriptors,
    filters,
    helpers,
    landlock,
    limits,
    reaper,
    sysctls,
    terminal,
)
from toyspec.plan.box import Box
from toyspec.plan.joining import new
from toyspec.plan.step import Data, Expect, Flags, Int, Step, Struct
from toyspec.plan.writer import Writer
from toyspec.spec.model import Spec


def needs(spec: Spec) -> Needs:
    """The last capability, the terminal and open descriptors are among every host's facts."""
    return Needs()


def steps(box: Box) -> list[Step]:
    """As design orders it."""
    w = Writer("confine", "init")
    if "uts" in new(box.spec):
        w.about(f"hostname {box.spec.hostname}", box.origin("hostname"))
        w.do(calls.sethostname(box.spec.hostname), "the box's own name, seen inside only")
    sysctls.domainname(w, box)
    if "network" in new(box.spec):
        _loopback(w, box)
    limits.scheduling(w, box)
    limits.umask(w, box)
    terminal.open_own(w, box)
    if not box.spec.no_new_privileges:
        _session(w, box)
        landlock.restrict(w, box)
        descriptors.close(w, box)
        filters.install(w, box)
    helpers.drop_groups(w, box)
    capabilities.keep(w, box)
    if box.spec.no_new_privileges:
        _session(w, box)
    _working_directory(w, box)
    if box.spec.no_new_privileges:
        w.about("no new privileges", box.origin("no_new_privileges"))
        w.do(calls.prctl("PR_SET_NO_NEW_PRIVS", Int(1)), "setuid programs gain nothing")
        landlock.restrict(w, box)
        descriptors.close(w, box)
    if not box.spec.reaper:
        limits.ulimits(w, box)
    if box.spec.no_new_privileges:
        filters.install(w, box)
    if box.spec.reaper:
        reaper.fork(w, box)
        terminal.take(w, terminal=box.facts.terminal, errors=box.facts.terminal_errors)
        _signals(w, box)
        limits.ulimits(w, box)
    return w.steps


def _loopback(w: Writer, box: Box) -> None:
    purpose = "programs in the box reach each other on 127.0.0.1, and nothing else"
    w.about("loopback up", box.origin("network"), purpose=purpose)
    opened = calls.socket("AF_INET", "SOCK_DGRAM", "SOCK_CLOEXEC")
    w.do(opened, "to speak to the box's own network namespace", yields="socket")
    request = (("ifr_name", Data(("lo",))), ("ifr_flags", Flags(("IFF_UP", "IFF_RUNNING"))))
    up = calls.ioctl("socket", "SIOCSIFFLAGS", Struct("ifreq", request))
    w.do(up, "lo is down in a new namespace")
    w.do(calls.close("socket"), "done with it")


def _session(w: Writer, box: Box) -> None:
    if box.spec.reaper:
        terminal.take(w, terminal=False)  # or what the caller's group gets would come twice
    else:
        terminal.take(w, terminal=box.facts.terminal, errors=box.facts.terminal_errors)
    w.about("a keyring of its own")
    why = "the caller's session keyring, and what it holds, stays outside (keyrings(7))"
    filtered = box.spec.seccomp == "default"  # which lets no call of keys through
    if filtered:
        why += "; once the caller's quota of keys is used up, the filter alone keeps it from use"
    tolerates = ("ENOSYS", "EDQUOT") if filtered else ("ENOSYS",)
    w.do(calls.join_session_keyring(), why, tolerates=tolerates)
    if not box.spec.reaper:
        _signals(w, box)
        w.do(calls.sigprocmask(), "nothing blocked")


def _signals(w: Writer, box: Box) -> None:
    w.about("signals as a program expects them")
    for signal in ("SIGPIPE", "SIGXFSZ"):
        w.do(calls.sigaction_default(signal), "Python leaves it ignored")
    w.do(calls.sigaction_default("SIGINT"), "Python's handler must not run while init waits to go")
    for signal in box.facts.ignored:
        if signal != "SIGINT":
            w.do(calls.sigaction_default(signal), "the caller ignores it; the box need not")


def _working_directory(w: Writer, box: Box) -> None:
    path = box.spec.working_dir
    w.about(f"working directory {path}", box.origin("working_dir"))
    w.do(calls.chdir(path), "where init starts")
    w.do(
        calls.getcwd(4096),
        "it is inside the root: elsewhere the kernel says (unreachable) (CVE-2024-21626)",
        expects=Expect(prefix="/"),
    )
