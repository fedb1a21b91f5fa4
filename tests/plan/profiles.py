"""A profile in docker's format with everything that docker's and podman's own have."""

from __future__ import annotations

from typing import Final

PROFILE: Final = """
{
  "defaultAction": "SCMP_ACT_ERRNO",
  "defaultErrnoRet": 1,
  "archMap": [
    {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]},
    {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]},
    {"architecture": "SCMP_ARCH_RISCV64", "subArchitectures": null}
  ],
  "syscalls": [
    {"names": ["read", "write", "openat", "openat2", "mmap", "mmap2", "execve", "exit_group",
               "ioctl", "fcntl", "fcntl64", "futex", "futex_time64", "clock_gettime",
               "clock_gettime64", "rt_sigaction", "rt_sigreturn", "waitid", "readv", "preadv2",
               "socketcall", "ipc", "connect", "sendmsg", "riscv_hwprobe", "rseq", "statx",
               "close_range", "semop", "_llseek", "fadvise64_64", "fchmodat2"],
     "action": "SCMP_ACT_ALLOW", "args": null, "comment": "", "includes": {}, "excludes": {}},
    {"names": ["process_vm_readv", "ptrace"], "action": "SCMP_ACT_ALLOW",
     "includes": {"minKernel": "4.8"}},
    {"names": ["process_mrelease"], "action": "SCMP_ACT_ALLOW",
     "includes": {"minKernel": "7.0"}},
    {"names": ["socket"], "action": "SCMP_ACT_ALLOW",
     "args": [{"index": 0, "value": 38, "op": "SCMP_CMP_LT"}]},
    {"names": ["socket"], "action": "SCMP_ACT_ALLOW",
     "args": [{"index": 0, "value": 39, "op": "SCMP_CMP_EQ"}]},
    {"names": ["socket"], "action": "SCMP_ACT_ALLOW",
     "args": [{"index": 0, "value": 40, "op": "SCMP_CMP_GT"}]},
    {"name": "personality", "action": "SCMP_ACT_ALLOW",
     "args": [{"index": 0, "value": 0, "valueTwo": 0, "op": "SCMP_CMP_EQ"}]},
    {"name": "personality", "action": "SCMP_ACT_ALLOW",
     "args": [{"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}]},
    {"name": "personality", "action": "SCMP_ACT_ALLOW",
     "args": [{"index": 0, "value": 4294967295, "op": "SCMP_CMP_EQ"}]},
    {"names": ["prctl"], "action": "SCMP_ACT_ERRNO", "errnoRet": 22, "errno": "EINVAL",
     "args": [{"index": 0, "value": 16, "op": "SCMP_CMP_EQ"},
              {"index": 2, "value": 9, "op": "SCMP_CMP_EQ"}]},
    {"names": ["prctl"], "action": "SCMP_ACT_ALLOW",
     "args": [{"index": 2, "value": 9, "op": "SCMP_CMP_NE"}]},
    {"names": ["prctl"], "action": "SCMP_ACT_ALLOW",
     "args": [{"index": 0, "value": 16, "op": "SCMP_CMP_NE"}]},
    {"names": ["kill", "tgkill"], "action": "SCMP_ACT_LOG",
     "args": [{"index": 1, "value": 9, "op": "SCMP_CMP_GE"}]},
    {"names": ["kill"], "action": "SCMP_ACT_LOG",
     "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_LE"}]},
    {"names": ["arm_fadvise64_64", "arm_sync_file_range", "sync_file_range2", "breakpoint",
               "cacheflush", "set_tls"],
     "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["arm", "arm64"]}},
    {"names": ["arch_prctl", "modify_ldt"], "action": "SCMP_ACT_ALLOW",
     "includes": {"arches": ["amd64", "x32", "x86"]}},
    {"names": ["mount", "umount2", "clone", "clone3", "setns"], "action": "SCMP_ACT_ALLOW",
     "includes": {"caps": ["CAP_SYS_ADMIN"]}},
    {"names": ["clone"], "action": "SCMP_ACT_ALLOW",
     "args": [{"index": 0, "value": 2114060288, "op": "SCMP_CMP_MASKED_EQ"}],
     "excludes": {"caps": ["CAP_SYS_ADMIN"], "arches": ["s390", "s390x"]}},
    {"names": ["clone"], "action": "SCMP_ACT_ALLOW",
     "args": [{"index": 1, "value": 2114060288, "op": "SCMP_CMP_MASKED_EQ"}],
     "comment": "s390's parameters stand the other way round",
     "includes": {"arches": ["s390", "s390x"]}, "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
    {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38,
     "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
    {"names": ["kexec_load", "init_module"], "action": "SCMP_ACT_KILL_PROCESS"},
    {"names": ["reboot"], "action": "SCMP_ACT_KILL"},
    {"names": ["acct"], "action": "SCMP_ACT_TRAP"},
    {"names": ["uname"], "action": "SCMP_ACT_TRACE", "errnoRet": 3},
    {"names": ["chroot"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_CHROOT"]}},
    {"names": ["bpf"], "action": "SCMP_ACT_ALLOW",
     "includes": {"caps": ["CAP_BPF", "CAP_SYS_ADMIN"]}}
  ]
}
"""
