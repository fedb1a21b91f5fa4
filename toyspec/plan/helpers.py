"""The two helpers that map ranges of ids: newuidmap and newgidmap, started outside of the box.

They are forked before the unshare (after it, the first fork is PID 1), wait until the new user
namespace is there, and then become the programs. What these do is theirs, and setup waits for it.
"""

from __future__ import annotations

from collections.abc import Iterable

from toyspec.plan import calls
from toyspec.plan.box import Box
from toyspec.plan.ranges import Maps, Span
from toyspec.plan.step import HELPERS, Decimal, Environment, Expect, Flags, Role
from toyspec.plan.writer import Writer

_PROGRAMS: tuple[tuple[Role, str], ...] = (("uidmap", "newuidmap"), ("gidmap", "newgidmap"))
_SETUP = "setup.pid"
_ENVIRONMENT = Environment((("PATH", ("/usr/sbin:/usr/bin:/sbin:/bin",)), ("LC_ALL", ("C",))))


def fork(w: Writer, box: Box) -> None:
    """By setup, as its last steps before the unshare."""
    if box.maps is None:
        return
    origin = box.origin("user")
    w.about("fork helpers to map ids", origin)
    w.do(calls.getpid(), "the helpers name it, as the host counts pids", yields=_SETUP)
    w.do(calls.pipe2("map", "O_CLOEXEC"), "they wait here for the unshare", yields="map")
    for role, program in _PROGRAMS:
        why = f"it becomes {program}; after the unshare, the first fork is the box's PID 1"
        w.do(calls.clone(), why, yields=role)
    w.do(calls.close("map.read"), "the helpers wait there, setup does not")
    for role in HELPERS:
        w.about(f"{role} dies with setup", origin, role=role)
        death = Flags(("SIGKILL",))
        w.do(calls.prctl("PR_SET_PDEATHSIG", death), "it is killed when setup ends")
        w.do(calls.close("map.write"), "or an end of setup's before that would not be seen")
    w.role = "setup"


def map_ids(w: Writer, box: Box, maps: Maps) -> None:
    """Setup says that the namespace is there, the helpers map, setup waits for both."""
    origin = box.origin("user")
    w.about("helpers begin", origin)
    w.do(calls.write("map.write", ("go",)), "a byte for each", expects=Expect(result="count"))
    w.do(calls.close("map.write"), "done with it")
    for (role, program), spans in zip(_PROGRAMS, (maps.uids, maps.gids), strict=True):
        kind = role.removesuffix("map")
        w.about(f"{program}: {kind}s {listed(spans)}", origin, role=role)
        why = "an end of file would say that setup is gone"
        w.do(calls.read("map.read", 1), why, expects=Expect(result=1))
        numbers = [str(n) for span in spans for n in (span.inside, span.outside, span.count)]
        argv: tuple[str | Decimal, ...] = (program, Decimal(_SETUP), *numbers)
        path = box.facts.mappers[program].path
        why = "it checks each range in /etc/sub" + kind + ", and may map it: setup may not"
        w.do(calls.execve(path, argv, _ENVIRONMENT), why)
    for role, program in _PROGRAMS:
        w.about(f"wait for {program}", origin, role="setup")
        why = "it ends with 0 when the ids are mapped"
        w.do(calls.wait4(role), why, expects=Expect(status=0))


def listed(spans: Iterable[Span]) -> str:
    """`0 is 1000, 1-65536 are 100000-165535`: inside, then outside."""
    parts = []
    for span in spans:
        last = span.count - 1
        if last:
            outside = f"{span.outside}-{span.outside + last}"
            parts.append(f"{span.inside}-{span.inside + last} are {outside}")
        else:
            parts.append(f"{span.inside} is {span.outside}")
    return ", ".join(parts)


def become_user(w: Writer, box: Box) -> None:
    """Init of a caller who is root takes the box's ids: the caller's own are not in its maps."""
    if box.maps is None or box.facts.uid != 0:
        return
    uid, gid = box.ids
    w.about(f"init becomes {uid}:{gid} of the box", box.origin("user"), role="init")
    w.do(calls.setresgid(gid), "its group is one of root's sub-ids outside")
    w.do(calls.setresuid(uid), "it is not the host's root from here on")


def make_files_as_user(w: Writer, box: Box) -> None:
    """Setup of a caller who is root: what it makes and opens, it makes and opens as the box's user.

    Only that: as the host's root it can still signal the monitor. setfsuid(2) never fails; asked
    with an id that is none it tells what holds.
    """
    if box.facts.uid != 0:
        return
    uid, gid = box.ids
    w.about(f"files are made as {uid}:{gid} of the box", box.origin("user"))
    for change, number in ((calls.setfsgid, gid), (calls.setfsuid, uid)):
        w.do(change(number), "an inode of root's own could not be made: root is not mapped")
        w.do(change(-1), "it holds", expects=Expect(result=number))
    w.about("setup dies with the monitor, as before", box.origin("user"))
    death = Flags(("SIGKILL",))
    w.do(calls.prctl("PR_SET_PDEATHSIG", death), "a change of ids takes it away (prctl(2))")
    w.do(
        calls.read("life.read", 1),
        "an empty pipe whose writer lives: the monitor did not end before the line above",
        expects=Expect(errno="EAGAIN"),
    )


def drop_groups(w: Writer, box: Box) -> None:
    """By init, which has the capability for it yet."""
    if box.drops_groups:
        w.about("no supplementary groups", box.origin("groups"))
        w.do(calls.setgroups_none(), "what is open to a group of the caller's is not to the box")
