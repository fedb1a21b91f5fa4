"""The only look at the machine before a run: it answers needs, and changes nothing.

Facts are made of answers to `start.look`'s questions. Features are learnt by calls that cannot
succeed. What only an attempt can tell (AppArmor's veto) stays unknown here.
"""

from __future__ import annotations

from toyspec.host import mountinfo, subids
from toyspec.host.architectures import refused
from toyspec.host.facts import (
    FactsError,
    HostFacts,
    MountFact,
    NamespaceFact,
    Needs,
    PathFact,
)
from toyspec.kernel import features
from toyspec.kernel.flags import RLIMITS, flags
from toyspec.start import look as questions
from toyspec.start import look_paths as at
from toyspec.start.look import Look

_SYSCTLS = (
    "user.max_user_namespaces",
    "kernel.unprivileged_userns_clone",
    "kernel.apparmor_restrict_unprivileged_userns",
)
_UNLIMITED = -1  # as getrlimit(2)'s RLIM_INFINITY reads in Python


def probe(needs: Needs, *, printing: bool = False, look: Look | None = None) -> HostFacts:
    """Everything that `needs` asks, and what every plan depends on.

    `printing`: standard output takes the plan or the facts, and will not be the box's. `look` takes
    the questions and their answers; what it knows already is not asked again. Raises FactsError on
    a machine that boxes are not made for.
    """
    look = Look() if look is None else look
    ask = look.ask
    kernel, _version, arch, _boot = ask(questions.system)
    if (wrong := refused(arch)) is not None:
        raise FactsError(wrong)
    new_privs, ignored, _filtered = ask(questions.status)
    uid, _, gid, _, groups = ask(questions.ids)

    def account(fact: str) -> tuple[str, str, int | None]:
        return ask(questions.account, str(uid), fact) or (str(uid), "/", None)

    def line(path: str, fact: str) -> str | None:
        return ask(at.line, path, fact)

    def sub_ids(fact: str) -> tuple[tuple[int, int], ...]:
        return subids.ranges(ask(at.text, f"/etc/{fact[:-1]}", fact), account(fact)[0], uid)

    own = terminal(look, printing=printing)
    *ttys, _own, _same, errors = ask(questions.terminal)
    streams = (ttys[0], ttys[2]) if printing else ttys
    return HostFacts(
        arch=arch,
        kernel=kernel,
        uid=uid,
        gid=gid,
        groups=groups,
        user_name=account("user_name")[0],
        group_name=ask(questions.group, str(gid), "group_name") or str(gid),
        home=ask(questions.variable, "HOME", "home") or account("home")[1],
        account_home=account("account_home")[1],
        last_capability=int(line("/proc/sys/kernel/cap_last_cap", "last_capability") or "40"),
        no_new_privs=new_privs == "1",
        terminal=own,
        terminal_errors=errors,
        installation=ask(questions.installation, "", "installation"),
        ignored=_ignored(arch, ignored),
        tty=(ttys[2] and not errors) if own else any(streams),
        inherited=ask(questions.inherited, "", "inherited"),
        features={
            "openat2": features.openat2(arch),
            "open_tree": features.open_tree(arch),
            "mount_setattr": features.mount_setattr(arch),
            "close_range_cloexec": features.close_range_cloexec(arch),
            "seccomp_filter": features.seccomp_filter(arch),
        },
        sysctls={name: line("/proc/sys/" + name.replace(".", "/"), "sysctls") for name in _SYSCTLS},
        rlimits=_rlimits(ask(at.text, "/proc/self/limits", "rlimits")),
        cpus=ask(questions.scheduling, "", "cpus")[0],
        landlock=features.landlock(arch),
        nice=ask(questions.scheduling, "", "nice")[1],
        oom_score_adj=_number(line("/proc/self/oom_score_adj", "oom_score_adj")),
        mappers=subids.mappers(look),
        primary_gid=account("primary_gid")[2],
        subuids=sub_ids("subuids"),
        subgids=sub_ids("subgids"),
        paths={path: PathFact(*ask(at.path, path, "paths")) for path in sorted(needs.paths)},  # type: ignore[arg-type]  # its kinds are Kind's
        mounts=_mounts(look, needs.mounts),
        variables={
            name: ask(questions.variable, name, "variables") for name in sorted(needs.variables)
        },
        listings={path: ask(at.names, path, "listings") for path in sorted(needs.listings)},
        namespaces={
            path: NamespaceFact(*ask(questions.namespace, path, "namespaces"))
            for path in sorted(needs.namespaces)
        },
        own_namespaces=dict(ask(questions.namespaces, "", "own_namespaces")),
    )


def terminal(look: Look, *, printing: bool = False) -> bool:
    """Input and output are our controlling terminal: only of that one can keys be taken.

    `printing`: input alone counts, so that `plan | less` shows what `up` does on this terminal.
    """
    read, write, _, own, same, _ = look.ask(questions.terminal)
    return read and own and (printing or (write and same))


def _ignored(arch: str, mask: int) -> tuple[str, ...]:
    """What an execve passes on as ignored; Python's own two are reset in every box."""
    found = flags("signal", arch).items()
    return tuple(name for name, number in found if mask >> (number - 1) & 1)


def _mounts(look: Look, paths: frozenset[str]) -> dict[str, tuple[MountFact, ...]]:
    wanted = sorted(paths)
    if not wanted:
        return {}
    table = mountinfo.Table(mountinfo.visible(look.ask(questions.mounts, "", "mounts")))
    leads = {path: _leads(look, path) for path in wanted}
    leads |= {path: path for path in leads.values()}
    return {path: table.at(where) for path, where in leads.items()}


def _leads(look: Look, path: str) -> str:
    """Where a path leads; what was asked about it anyway says so, if it is there."""
    if ("path", path) in look.answers and (found := look.ask(at.path, path, "mounts")[2]):
        return found
    return look.ask(at.real, path, "mounts")


def _number(text: str | None) -> int | None:
    return int(text) if text else None


def _rlimits(table: bytes | None) -> dict[str, tuple[int, int]]:
    """From the columns of /proc/self/limits, which has them in the order of their numbers."""
    rows = (table or b"").decode().splitlines()[1:]
    found = {}
    for name, row in zip(RLIMITS, rows, strict=False):
        soft, hard = row[26:].split()[:2]
        found[name.lower()] = (_limit(soft), _limit(hard))
    return found


def _limit(text: str) -> int:
    return _UNLIMITED if text == "unlimited" else int(text)
