"""The only look at the machine before a run: it answers needs, and changes nothing.

Facts are made of answers to `host.look`'s questions. Features are learnt by calls that cannot
succeed. What only an attempt can tell (AppArmor's veto) stays unknown here.
"""

from __future__ import annotations

from toyspec.host import look as questions
from toyspec.host import look_paths as at
from toyspec.host import mountinfo, subids
from toyspec.host.facts import HostFacts, MountFact, NamespaceFact, Needs, PathFact
from toyspec.host.look import Look
from toyspec.kernel import features
from toyspec.kernel.flags import RLIMITS, flags

_SYSCTLS = (
    "user.max_user_namespaces",
    "kernel.unprivileged_userns_clone",
    "kernel.apparmor_restrict_unprivileged_userns",
)
_UNLIMITED = -1  # as getrlimit(2)'s RLIM_INFINITY reads in Python


def probe(needs: Needs, *, printing: bool = False, look: Look | None = None) -> HostFacts:
    """Everything that `needs` asks, and what every plan depends on.

    `printing`: standard output takes the plan or the facts, and will not be the box's. `look` takes
    the questions and their answers; what it knows already is not asked again.
    """
    look = Look() if look is None else look
    ask = look.ask
    kernel, _version, arch, _boot = ask(questions.system)
    uid, _, gid, _, groups = ask(questions.ids)
    user, home, primary = ask(questions.account, str(uid)) or (str(uid), "/", None)
    new_privs, ignored, _filtered = ask(questions.status)
    *ttys, _own, _same, foreground = ask(questions.terminal)
    cpus, nice = ask(questions.scheduling)
    return HostFacts(
        arch=arch,
        kernel=kernel,
        uid=uid,
        gid=gid,
        groups=groups,
        user_name=user,
        group_name=ask(questions.group, str(gid)) or str(gid),
        home=ask(questions.variable, "HOME") or home,
        last_capability=int(ask(at.line, "/proc/sys/kernel/cap_last_cap") or "40"),
        no_new_privs=new_privs == "1",
        terminal=terminal(look, printing=printing),
        foreground=foreground,
        installation=ask(questions.installation),
        ignored=_ignored(arch, ignored),
        tty=any((ttys[0], ttys[2]) if printing else ttys),
        console=ask(questions.console),
        inherited=ask(questions.inherited),
        features={
            "openat2": features.openat2(arch),
            "open_tree": features.open_tree(arch),
            "mount_setattr": features.mount_setattr(arch),
            "close_range_cloexec": features.close_range_cloexec(arch),
            "seccomp_filter": features.seccomp_filter(arch),
        },
        sysctls={name: ask(at.line, "/proc/sys/" + name.replace(".", "/")) for name in _SYSCTLS},
        rlimits=_rlimits(look),
        cpus=cpus,
        landlock=features.landlock(arch),
        nice=nice,
        oom_score_adj=_number(look, "/proc/self/oom_score_adj"),
        mappers=subids.mappers(look),
        primary_gid=primary,
        subuids=subids.ranges(ask(at.text, "/etc/subuid"), user, uid),
        subgids=subids.ranges(ask(at.text, "/etc/subgid"), user, uid),
        paths={path: PathFact(*ask(at.path, path)) for path in sorted(needs.paths)},  # type: ignore[arg-type]  # its kinds are Kind's
        mounts=_mounts(look, needs.mounts),
        variables={name: ask(questions.variable, name) for name in sorted(needs.variables)},
        listings={path: ask(at.names, path) for path in sorted(needs.listings)},
        namespaces={
            path: NamespaceFact(*ask(questions.namespace, path))
            for path in sorted(needs.namespaces)
        },
        own_namespaces=dict(ask(questions.namespaces)),
    )


def terminal(look: Look, *, printing: bool = False) -> bool:
    """Input and output are our controlling terminal: only of that one the foreground is told.

    `printing`: input alone counts, so that `plan | less` shows what `up` does on this terminal.
    """
    read, write, _, own, same, _ = look.ask(questions.terminal)
    return read and own and (printing or (write and same))


def _ignored(arch: str, mask: str) -> tuple[str, ...]:
    """What an execve passes on as ignored; Python's own two are reset in every box."""
    bits = int(mask or "0", 16)
    found = [name for name, number in flags("signal", arch).items() if bits >> (number - 1) & 1]
    return tuple(name for name in found if name not in ("SIGPIPE", "SIGXFSZ"))


def _mounts(look: Look, paths: frozenset[str]) -> dict[str, tuple[MountFact, ...]]:
    wanted = sorted(paths)
    if not wanted:
        return {}
    table = mountinfo.Table(mountinfo.visible(look.ask(questions.mounts)))
    leads = {path: look.ask(at.real, path) for path in wanted}
    leads |= {path: path for path in leads.values()}
    return {path: table.at(where) for path, where in leads.items()}


def _number(look: Look, path: str) -> int | None:
    text = look.ask(at.line, path)
    return int(text) if text else None


def _rlimits(look: Look) -> dict[str, tuple[int, int]]:
    """From the columns of /proc/self/limits, which has them in the order of their numbers."""
    rows = (look.ask(at.text, "/proc/self/limits") or b"").decode().splitlines()[1:]
    found = {}
    for name, row in zip(RLIMITS, rows, strict=False):
        soft, hard = row[26:].split()[:2]
        found[name.lower()] = (_limit(soft), _limit(hard))
    return found


def _limit(text: str) -> int:
    return _UNLIMITED if text == "unlimited" else int(text)
