"""What holds of every plan, checked on all golden ones: order, descriptors, names, reasons."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.golden.plans import HOSTS, SPECS, planned
from tests.plan.world import value
from toyspec.plan.descriptors import ITEM
from toyspec.plan.step import PHASES, ROLES, Fd, Flags, Path, Plan, Step, Struct

_OWN = "a terminal of its own"
SEED = (*PHASES[:6], "pivot", "init", "mounts", *PHASES[9:])
"""With an old_root the pivot comes before the fork."""


@pytest.fixture(scope="module", params=[(host, name) for host in HOSTS for name in SPECS],
                ids="-".join)  # fmt: skip
def plan(request: pytest.FixtureRequest) -> Plan:
    return planned(*request.param)


def named(step: Step) -> list[str]:
    return [a.value.value for a in step.args if isinstance(a.value, Path)]


def test_phases_follow_each_other(plan: Plan) -> None:
    order = list(dict.fromkeys(step.phase for step in plan.steps))
    wanted = SEED if plan.box == "toybox-20230927" else list(PHASES)
    assert order == [phase for phase in wanted if phase in order]
    assert set(PHASES) - set(order) <= {"seal", "mounts"}
    assert [step.id for step in plan.steps] == list(range(1, len(plan.steps) + 1))


def test_every_step_says_why_and_from_where(plan: Plan) -> None:
    for step in plan.steps:
        assert step.item and step.why, step
        assert not step.why.endswith("."), step
        if step.origin.default is None:
            assert step.origin.line > 0 and step.origin.column > 0 and step.origin.path, step


def test_each_process_begins_by_tying_its_life(plan: Plan) -> None:
    for role, pipe in (("setup", "life"), ("init", "alive")):
        first = [step for step in plan.steps if step.role == role][:3]
        assert value(first[0], "option") == ("PR_SET_PDEATHSIG",)
        assert first[1].call == "close" and value(first[1], "fd") == f"{pipe}.write"
        assert first[2].call == "read" and value(first[2], "fd") == f"{pipe}.read"
        assert first[2].expects is not None and first[2].expects.errno == "EAGAIN"


def test_ids_are_mapped_before_any_inode_is_made_in_the_box(plan: Plan) -> None:
    calls = [step.call for step in plan.steps]
    maps = [i for i, s in enumerate(plan.steps) if s.call == "write" and s.phase == "identity"]
    assert len(maps) == 3
    makes = {"mount", "fsopen", "open_tree", "symlinkat", "pivot_root", "mount_setattr"}
    assert min(calls.index(call) for call in makes & set(calls)) > maps[-1]
    inodes = ("mkdirat", "mknodat", "symlinkat")
    early = [s for s in plan.steps[: maps[-1]] if s.call in inodes]
    assert {s.phase for s in early} <= {"prepare"}


def test_private_before_anything_is_mounted(plan: Plan) -> None:
    mounts = [s for s in plan.steps if s.call in ("mount", "move_mount", "open_tree")]
    assert mounts[0].phase == "propagation"
    assert value(mounts[0], "mountflags") == ("MS_REC", "MS_PRIVATE")


def test_targets_are_reached_by_descriptor_only(plan: Plan) -> None:
    """Absolute paths name sources of the host's, before the pivot, and no targets; in the finished
    box its own devices.
    """
    allowed = {
        "open_tree",
        "openat",
        "openat2",
        "execve",
        "chdir",
        "mkdirat",
        "symlinkat",
        "move_mount",
    }
    for step in plan.steps:
        absolute = [path for path in named(step) if path.startswith("/")]
        if not absolute or step.phase == "propagation":
            continue
        assert step.call in allowed, step
        if step.call == "move_mount":
            assert step.phase == "root" and absolute == ["/"], step
        if step.call == "mkdirat":
            assert step.phase == "prepare" and value(step, "dirfd") == "AT_FDCWD", step
        if step.call == "openat2":
            assert value(step, "dirfd") == "AT_FDCWD", step
            assert "RESOLVE_NO_SYMLINKS" in repr(step.args), step
        if step.call in ("open_tree", "openat", "openat2") and step.phase != "confine":
            assert step.role == "setup" and step.phase != "pivot", step
        if step.call == "symlinkat":
            assert absolute == [value(step, "target")], step
        if step.call == "chdir":
            assert step.role == "init" or step.phase == "pivot", step
        assert all(".." not in path.split("/") for path in absolute), step


def test_a_way_that_the_kernel_walks_by_itself_is_the_plan_s_own(plan: Plan) -> None:
    """move_mount(2) knows no RESOLVE_IN_ROOT: it gets one name, or a way that was made here."""
    made = set[object]()
    for step in plan.steps:
        if step.call in ("mkdirat", "mknodat") and value(step, "dirfd") == "root":
            made.add(value(step, "path"))
        if step.call != "move_mount" or step.phase == "root":
            continue
        path = str(value(step, "to_path"))
        assert "MOVE_MOUNT_T_SYMLINKS" not in repr(step.args)
        assert ".." not in path.split("/")
        if "/" in path or value(step, "to_dirfd") == "root":
            parts = path.split("/") if path else []
            assert {"/".join(parts[:n]) for n in range(1, len(parts) + 1)} <= made, step


def test_whatever_is_opened_below_the_root_stays_in_it(plan: Plan) -> None:
    for step in plan.steps:
        if step.call == "openat2":
            how = value(step, "how")
            assert isinstance(how, Struct)
            resolve = dict(how.fields)["resolve"]
            assert isinstance(resolve, Flags)
            inside = {"RESOLVE_IN_ROOT", "RESOLVE_NO_MAGICLINKS"} <= set(resolve.names)
            if value(step, "dirfd") == "AT_FDCWD":
                inside = resolve.names == (
                    "RESOLVE_NO_SYMLINKS",
                )  # a source of the host's, a device
            assert inside or resolve.names == ("RESOLVE_NO_XDEV",), step
            assert step.retries == ("EAGAIN",)


def test_every_descriptor_closes_at_execve(plan: Plan) -> None:
    for step in plan.steps:
        if step.yields is not None and step.call != "clone":
            assert "CLOEXEC" in repr(step.args), step


def test_descriptors_are_closed_once_and_used_before(plan: Plan) -> None:
    """In each process: nothing is closed twice, nothing closed is used."""
    held: dict[str, set[str]] = {"monitor": set()}
    for step in plan.steps:
        mine = held.setdefault(step.role, set())
        used = {a.value.slot for a in step.args if isinstance(a.value, Fd)}
        used = {slot for slot in used if isinstance(slot, str) and slot != "AT_FDCWD"}
        assert used <= mine, step
        if step.call == "close":
            mine -= used
        elif step.call == "clone":
            assert step.yields in ROLES
            held[step.yields] = set(mine)
        elif step.call in ("pipe2", "socketpair"):
            mine |= {f"{step.yields}.read", f"{step.yields}.write"}
        elif step.yields is not None:
            assert step.yields not in mine or step.call == "dup3", step  # in another place
            mine.add(step.yields)
    assert held["setup"] & {"go.write", "go.read", "exec.read", "exec.write", "alive.read"} == set()
    assert held["monitor"] & {"life.read", "go.read", "exec.write"} == set()
    assert {"exec.write", "go.read"} <= held["init"]
    ends = {f"terminal.{end}" for end in ("read", "write")}
    assert [held[role] & ends for role in ("setup", "init")] == [set(), set()]
    assert held["monitor"] & ends <= {"terminal.read"}


def test_the_host_is_gone_before_init_confines_itself(plan: Plan) -> None:
    calls = [(step.phase, step.call) for step in plan.steps]
    gone = next(i for i, (_, call) in enumerate(calls) if call == "umount2" and i > pivot(calls))
    assert gone < next(i for i, (phase, _) in enumerate(calls) if phase == "confine")
    proof = plan.steps[gone + 1]
    assert proof.call == "openat2" and "RESOLVE_NO_XDEV" in repr(proof.args)


def pivot(calls: Sequence[tuple[str, str]]) -> int:
    return next(i for i, (_, call) in enumerate(calls) if call == "pivot_root")


def test_confine_in_design_s_order(plan: Plan) -> None:
    confine = [s for s in plan.steps if s.phase == "confine"]
    seen = [str(value(s, "option")[0]) if s.call == "prctl" else s.call for s in confine]  # type: ignore[index]  # a tuple of one name
    order = [
        "sethostname", "socket", "ioctl", "close", _OWN, "PR_CAPBSET_DROP", "capset", "setsid",
        "TIOCSCTTY", "dup3", "keyctl", "rt_sigaction", "rt_sigprocmask", "chdir", "getcwd",
        "PR_SET_NO_NEW_PRIVS", ITEM, "seccomp",
    ]  # fmt: skip
    seen = ["TIOCSCTTY" if n == "ioctl" and "TIOCSCTTY" in repr(s) else n
            for n, s in zip(seen, confine)]  # fmt: skip
    terminal = (_OWN, "/dev/console is that terminal")
    seen = [_OWN if s.item in terminal else n for n, s in zip(seen, confine)]
    seen = [ITEM if s.item == ITEM else n for n, s in zip(seen, confine)]
    positions = [order.index(name) for name in seen]
    assert positions == sorted(positions), seen


def test_it_ends_by_waiting_for_go_and_execve(plan: Plan) -> None:
    last = [step for step in plan.steps if step.phase == "exec"]
    assert last[0].call == "read" and value(last[0], "fd") == "go.read"
    assert last[0].retries == ("EINTR",)
    assert {step.call for step in last[1:]} == {"execve"}
    assert not last[-1].tolerates
