"""Data to Spec: every default written out, every value with its origin, everything checked."""

from __future__ import annotations

from types import MappingProxyType
from typing import Literal

from toyspec.spec import identity, paths
from toyspec.spec.confinement import confinement
from toyspec.spec.context import Context
from toyspec.spec.covers import covers
from toyspec.spec.entries import binds, files, mounts
from toyspec.spec.environment import environment
from toyspec.spec.filters import seccomp
from toyspec.spec.life import die_with_parent, reaper, stop_grace_period, stop_signal
from toyspec.spec.model import Spec
from toyspec.spec.namespaces import namespaces
from toyspec.spec.nodes import Sequence
from toyspec.spec.protecting import git, protect
from toyspec.spec.root import root
from toyspec.spec.shown import quote
from toyspec.spec.wrong import Wrong

HOST_NAME_MAX = 64
"""Bytes of a host name (__NEW_UTS_LEN, linux/utsname.h)."""
_SIMPLE = {
    "system": "none", "network": "none", "no_new_privileges": "true",
    "working_dir": "/",
}  # fmt: skip


def build(context: Context, path: str, sha256: str) -> Spec:
    """The Spec; meaningless if the report holds anything afterwards."""
    data = context.data
    context.origins.clear()
    for key, default in _SIMPLE.items():
        context.note(key, f"{key}: {default}")
    system: Literal["none", "host"] = "host" if data.get("system") == "host" else "none"
    network: Literal["none", "host"] = "host" if data.get("network") == "host" else "none"
    context.note("root", "root: tmpfs")
    user = identity.user(context)
    name = _name(context, path)
    confined = confinement(context)
    shared = namespaces(context, network)
    values: dict[str, str] = {}
    return Spec(
        path=path,
        directory=context.surroundings.directory,
        sha256=sha256,
        version=1,
        name=name,
        root=root(context),
        system=system,
        user=user,
        host_namespaces=shared.host,
        binds=binds(context),
        mounts=mounts(context),
        files=files(context),
        etc=_etc(context, system),
        environment=environment(context, system, user, values),
        env_file=MappingProxyType(values),
        wanted=MappingProxyType(context.values.wanted),
        detached=context.overrides.detached,
        working_dir=_working_dir(context),
        hostname=_hostname(context, name),
        init=_init(context),
        network=network,
        capabilities=confined.capabilities,
        no_new_privileges=data.get("no_new_privileges") is not False,
        ulimits=confined.ulimits,
        umask=confined.umask,
        oom_score_adj=confined.oom_score_adj,
        nice=confined.nice,
        cpus=confined.cpus,
        ioprio=confined.ioprio,
        sysctls=confined.sysctls,
        disable_user_namespaces=confined.disable_user_namespaces,
        landlock=confined.landlock,
        seccomp=seccomp(context, path),
        included=tuple(context.included),
        masked_paths=covers(context, "masked_paths"),
        read_only_paths=covers(context, "read_only_paths"),
        git=git(context),
        protect=protect(context),
        reaper=reaper(context),
        die_with_parent=die_with_parent(context),
        stop_signal=stop_signal(context),
        stop_grace_period=stop_grace_period(context),
        groups=identity.groups(context, user),
        joined=shared.joined,
        time_offsets=shared.time_offsets,
        origins=MappingProxyType(context.origins),
    )


def _etc(context: Context, system: str) -> Literal["auto", "none"] | tuple[str, ...]:
    default: Literal["auto", "none"] = "auto" if system == "host" else "none"
    context.note("etc", f"etc: {default}, with system: {system}")
    data = context.data.get("etc", default)
    if not context.usable("etc"):
        return default
    if not isinstance(data, list):
        return "auto" if data == "auto" else "none"
    seen = set[str]()
    for i, name in enumerate(data):
        if name in seen:
            context.refuse(Wrong(f"{quote(name)} is here twice"), context.node("etc", i), "etc", i)
        seen.add(name)
    return tuple(data)


def _name(context: Context, path: str) -> str:
    fitted = fit_name(path, context.surroundings.directory)
    context.note("name", f"name: {fitted}, from the file's place")
    return _plain(context, "name") or fitted


def fit_name(path: str, directory: str) -> str:
    """A box's name from its file's: the stem, or for toyspec.yaml the directory's."""
    import re

    base = path.rpartition("/")[2]
    stem, dot, _ending = base.rpartition(".")
    if not dot or not stem:
        stem = base
    if stem == "toyspec" or base == "-":
        stem = directory.rstrip("/").rpartition("/")[2]
    fitted = re.sub(r"[^a-z0-9_-]+", "-", stem.lower()).lstrip("-_")[:HOST_NAME_MAX].rstrip("-")
    return fitted or "box"


def _plain(context: Context, key: str) -> str | None:
    """A top-level string without control characters, or None."""
    if not context.usable(key) or key not in context.data:
        return None
    text: str = context.data[key]
    try:
        paths.plain(text)
    except Wrong as wrong:
        context.refuse(Wrong(wrong.message), context.node(key), key)
    return text


def _hostname(context: Context, name: str) -> str:
    context.note("hostname", f"hostname: {name}, the box's name")
    hostname = _plain(context, "hostname")
    if hostname is None:
        return name
    return hostname


def _working_dir(context: Context) -> str:
    override = context.overrides.working_dir
    if override is not None:
        context.origins.pop("working_dir", None)
        context.default("working_dir", f"-w {override}")
        try:
            return paths.target(override, root=True)
        except Wrong as wrong:
            context.report.add_outside("-w", wrong.message, wrong.label or wrong.help)
            return "/"
    if not context.usable("working_dir"):
        return "/"
    try:
        return paths.target(context.data.get("working_dir", "/"), root=True)
    except Wrong as wrong:
        context.refuse(wrong.unplaced(), context.node("working_dir"), "working_dir")
        return "/"


def _init(context: Context) -> tuple[str, ...]:
    given = context.overrides.init
    if given is not None:
        context.default("init", "the command line's command")
        if not given or not given[0]:
            context.report.add_outside("--", "an empty command", "give a command after --")
        return given
    node = context.top.get("init")
    if node is None:
        top = context.top
        first = top.pairs[0][0] if top.pairs else top
        context.report.add(
            first.start, max(first.end, first.start + 1), "no `init`: nothing to run",
            "", "write `init: [COMMAND, ARGUMENT]`, or give a command after --", "init",
        )  # fmt: skip
        return ()
    context.origin("init", node)
    if not context.usable("init") or not isinstance(node, Sequence):
        return ()
    words: list[str] = context.data["init"]
    for i, (word, item) in enumerate(zip(words, node.items, strict=True)):
        if "\0" in word:
            context.refuse(Wrong("a NUL in a word of the command"), item, "init", i)
        elif i == 0 and not word:
            context.refuse(Wrong("the command is an empty string"), item, "init", 0)
    return tuple(words)
