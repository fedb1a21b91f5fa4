"""The text of a profile.json, read strictly: every problem at once, each with its JSON path.

Nothing is passed over: an unknown key, action, operator or capability is a problem, since a rule that
is read wrongly is a hole or a program that fails for no reason. So is an unknown call in a rule that
is stricter than the default. In any other it is noted (the plan warns of it): profiles name calls that
are newer than toyspec, and the default that these meet is as strict as the rule.
"""

from __future__ import annotations

from typing import Final

from toyspec.kernel.errnos import NUMBERS
from toyspec.kernel.flags import CAPABILITIES
from toyspec.kernel.syscalls import known
from toyspec.spec.seccomp.docker import (
    ARCHES,
    FOREIGN_TOKENS,
    TOKENS,
    Condition,
    DockerProfile,
    DockerRule,
)
from toyspec.spec.seccomp.json_values import ProfileError, Reader, decoded, join
from toyspec.spec.seccomp.rules import MAX_ERRNO, WITH_DATA, Action, Comparison

_MAX_PROBLEMS: Final = 100
_ACTIONS: Final = {
    "SCMP_ACT_ALLOW": "allow", "SCMP_ACT_LOG": "log", "SCMP_ACT_TRACE": "trace",
    "SCMP_ACT_ERRNO": "errno", "SCMP_ACT_TRAP": "trap", "SCMP_ACT_KILL": "kill thread",
    "SCMP_ACT_KILL_THREAD": "kill thread", "SCMP_ACT_KILL_PROCESS": "kill process",
}  # fmt: skip
_OPERATORS: Final = {
    "SCMP_CMP_NE": "!=", "SCMP_CMP_LT": "<", "SCMP_CMP_LE": "<=", "SCMP_CMP_EQ": "==",
    "SCMP_CMP_GE": ">=", "SCMP_CMP_GT": ">", "SCMP_CMP_MASKED_EQ": "&==",
}  # fmt: skip
_FLAGS: Final = {
    "SECCOMP_FILTER_FLAG_TSYNC": True, "SECCOMP_FILTER_FLAG_LOG": True,
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW": True, "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV": False,
}  # fmt: skip
_LISTENER: Final = "toyspec has no program outside the box that could answer for a call"
_EPERM: Final = 1
"""The errno of SCMP_ACT_ERRNO without errnoRet, runc's."""


def read(data: bytes) -> DockerProfile:
    """The profile that `data` holds. ProfileError says everything that is wrong with it."""
    document = decoded(data)
    reader = _Reader()
    profile = reader.profile(document)
    if reader.problems:
        raise ProfileError(*reader.problems[:_MAX_PROBLEMS])
    assert profile is not None
    return profile


class _Reader(Reader):
    """The format, from the top."""

    def __init__(self) -> None:
        super().__init__()
        self.default: Action | None = None
        self.unknown_calls: list[str] = []

    def profile(self, value: object) -> DockerProfile | None:
        keys = self.keys(value, "", required=("defaultAction",), optional=(
            "defaultErrnoRet", "defaultErrno", "architectures", "archMap", "flags", "syscalls",
            "listenerPath", "listenerMetadata",
        ))  # fmt: skip
        if keys is None:
            return None
        default = self.action(keys, "", ("defaultAction", "defaultErrnoRet", "defaultErrno"))
        self.default = default
        for key in ("listenerPath", "listenerMetadata"):
            if keys.get(key):
                self.wrong(key, _LISTENER)
        tokens = self.words(
            keys, "architectures", "", (*TOKENS, *FOREIGN_TOKENS.split()), "architecture"
        )
        families = [
            family
            for path, item in self.items(keys, "archMap", "")
            if (family := self.family(item, path)) is not None
        ]
        if tokens and families:
            self.wrong("archMap", "`architectures` or `archMap`, not both")
        flags = self.words(keys, "flags", "", tuple(_FLAGS), "flag")
        for index, flag in enumerate(flags):
            if not _FLAGS.get(flag, True):
                self.wrong(f"flags[{index}]", f"`{flag}`: {_LISTENER}")
        rules = [self.rule(item, path) for path, item in self.items(keys, "syscalls", "")]
        if default is None:
            return None
        return DockerProfile(
            default,
            tuple(rule for rule in rules if rule is not None),
            tuple(TOKENS[token] for token in tokens if token in TOKENS),
            tuple(family for family in families if family[0]),
            tuple(dict.fromkeys(flags)),
            tuple(dict.fromkeys(self.unknown_calls)),
        )

    def family(self, value: object, path: str) -> tuple[str, tuple[str, ...]] | None:
        """One of `archMap`; of an architecture that is none of ours: with an empty name."""
        keys = self.keys(value, path, ("architecture",), ("subArchitectures",))
        if keys is None:
            return None
        every = (*TOKENS, *FOREIGN_TOKENS.split())
        own = self.word(keys, "architecture", path, every, "architecture")
        others = self.words(keys, "subArchitectures", path, every, "architecture")
        if own is None:
            return None
        return TOKENS.get(own, ""), tuple(TOKENS[one] for one in others if one in TOKENS)

    def rule(self, value: object, path: str) -> DockerRule | None:
        keys = self.keys(value, path, required=("action",), optional=(
            "name", "names", "errnoRet", "errno", "args", "comment", "includes", "excludes",
        ))  # fmt: skip
        if keys is None:
            return None
        action = self.action(keys, path, ("action", "errnoRet", "errno"))
        names = self.names(keys, path, action)
        when = [self.comparison(item, where) for where, item in self.items(keys, "args", path)]
        self.once_each([one for one in when if one is not None], path)
        if not isinstance(keys.get("comment") or "", str):
            self.wrong(join(path, "comment"), "not a string")
        includes = self.condition(keys, "includes", path)
        excludes = self.condition(keys, "excludes", path)
        if action is None or None in when:
            return None
        compared = tuple(one for one in when if one is not None)
        return DockerRule(names, action, compared, includes, excludes)

    def names(self, keys: dict[str, object], path: str, action: Action | None) -> tuple[str, ...]:
        """The calls of a rule that toyspec knows."""
        if keys.get("name") and keys.get("names"):
            self.wrong(join(path, "name"), "`name` or `names`, not both")
        if keys.get("name"):
            items = [(join(path, "name"), keys["name"])]
        else:
            items = self.items(keys, "names", path)
            if not keys.get("names"):
                self.wrong(join(path, "names"), "a rule without a call")
        calls = known()
        names = []
        for where, item in items:
            if isinstance(item, str) and item not in calls and self.adds_nothing(item, action):
                self.unknown_calls.append(item)
                continue
            name = self.choice(item, where, calls, "system call")
            if name is not None:
                names.append(name)
        return tuple(names)

    def adds_nothing(self, name: str, action: Action | None) -> bool:
        """Whether `name` may be a call, and its rule is not stricter than the default."""
        if self.default is None or action is None:
            return False
        shaped = len(name) <= 60 and name.replace("_", "").isalnum() and name.isascii()
        return shaped and name.islower() and action.strictness >= self.default.strictness

    def once_each(self, when: list[Comparison], path: str) -> None:
        """Two comparisons of one argument mean both to a reader, and either to runc."""
        seen = set()
        for one in when:
            if one.index in seen:
                self.wrong(
                    join(path, "args"),
                    f"argument {one.index} is compared twice: docker would take either. "
                    "Write one rule for each",
                )
                return
            seen.add(one.index)

    def action(
        self, keys: dict[str, object], path: str, words: tuple[str, str, str]
    ) -> Action | None:
        """An action with its errno, whose keys are `words`: action, number, name."""
        action, number, name = words
        if keys.get(action) == "SCMP_ACT_NOTIFY":
            self.wrong(join(path, action), f"`SCMP_ACT_NOTIFY`: {_LISTENER}")
            return None
        word = self.word(keys, action, path, tuple(_ACTIONS), "action")
        kind = None if word is None else _ACTIONS[word]
        data: int | None = None
        if keys.get(number) is not None:
            limit = 0xFFFF if kind == "trace" else MAX_ERRNO
            data = self.number(keys, number, path, limit)
        if keys.get(name) not in (None, ""):
            called = self.word(keys, name, path, tuple(NUMBERS), "errno")
            if called is not None and data not in (None, NUMBERS[called]):
                self.wrong(join(path, name), f"{called} is {NUMBERS[called]}, not {data}")
            data = None if called is None else NUMBERS[called]
        if kind is None:
            return None
        if kind not in WITH_DATA:
            if data is not None:
                self.wrong(join(path, number), f"{word} has no errno")
            return Action(kind)
        return Action(kind, _EPERM if data is None else data)

    def comparison(self, value: object, path: str) -> Comparison | None:
        keys = self.keys(value, path, ("index", "op", "value"), ("valueTwo",))
        if keys is None:
            return None
        index = self.number(keys, "index", path, 5)
        whole = (1 << 64) - 1
        first = self.number(keys, "value", path, whole)
        second = 0
        if keys.get("valueTwo") is not None:
            second = self.number(keys, "valueTwo", path, whole) or 0
        word = self.word(keys, "op", path, tuple(_OPERATORS), "operator")
        if index is None or first is None or word is None:
            return None
        if word != "SCMP_CMP_MASKED_EQ":
            if second:
                self.wrong(join(path, "valueTwo"), "only SCMP_CMP_MASKED_EQ has a second value")
            return Comparison(index, _OPERATORS[word], first)
        if second & ~first:
            message = f"{second:#x} has bits that the mask {first:#x} does not: it never holds"
            self.wrong(join(path, "valueTwo"), message)
            return None
        return Comparison(index, "&==", second, first)

    def condition(self, keys: dict[str, object], key: str, path: str) -> Condition:
        path = join(path, key)
        if keys.get(key) is None:
            return Condition()
        found = self.keys(keys[key], path, (), ("arches", "caps", "minKernel"))
        if found is None:
            return Condition()
        kernel = None
        if found.get("minKernel") not in (None, ""):
            kernel = _version(found["minKernel"])
            if kernel is None:
                self.wrong(join(path, "minKernel"), 'not a version such as "4.8"')
        return Condition(
            self.words(found, "arches", path, ARCHES.split(), "architecture"),
            self.words(found, "caps", path, CAPABILITIES, "capability"),
            kernel,
        )


def _version(value: object) -> tuple[int, int] | None:
    parts = value.split(".") if isinstance(value, str) else []
    numbers = [int(part) for part in parts if part.isascii() and part.isdecimal() and len(part) < 9]
    return (numbers[0], numbers[1]) if len(parts) == len(numbers) == 2 else None
