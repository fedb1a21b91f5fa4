"""What a writable bind does not open: one table, for the planner and for the docs.

A name is here if something on the host runs what it says without being told to: a shell that
starts, a directory that is entered, an editor that opens it, a git command, a session that begins.
What people run themselves (a Makefile, a test) is not: that is what a box is for writing.
"""

from __future__ import annotations

DEFAULT = "default"
"""The word that stands for both tables in `protect`."""

PROJECT: tuple[tuple[str, str], ...] = (
    (".envrc", "direnv"),
    (".autoenv.zsh", "autoenv"),
    ("mise.toml", "mise"),
    (".mise.toml", "mise"),
    (".mise", "mise"),
    (".config/mise", "mise"),
    (".vscode", "VS Code: tasks, launchers, settings that name programs"),
    (".idea", "JetBrains IDEs: run configurations"),
    (".zed", "Zed: tasks"),
    (".cursor", "Cursor: commands and servers to start"),
    (".claude", "hooks and commands of a coding agent"),
    (".mcp.json", "servers that editors and agents start"),
    (".exrc", "vi"),
    (".nvimrc", "Neovim"),
    (".nvim.lua", "Neovim"),
    (".dir-locals.el", "Emacs"),
    (".devcontainer", "dev containers: commands on the host"),
    (".devcontainer.json", "dev containers: commands on the host"),
    (".husky", "hooks of git"),
    (".githooks", "hooks of git"),
    (".pre-commit-config.yaml", "hooks of git, by pre-commit"),
    ("lefthook.yml", "hooks of git, by lefthook"),
    ("toyspec.yaml", "the spec that `toyspec up` finds"),
    ("toyspec.yml", "the spec that `toyspec up` finds"),
)
"""Relative to the top of each writable bind, and to the spec's own directory."""

HOME: tuple[tuple[str, str], ...] = (
    (".profile", "login shells"),
    (".bash_profile", "bash"),
    (".bash_login", "bash"),
    (".bash_logout", "bash"),
    (".bashrc", "bash"),
    (".bash_aliases", "bash"),
    (".inputrc", "readline: keys that type commands"),
    (".zshenv", "zsh"),
    (".zprofile", "zsh"),
    (".zshrc", "zsh"),
    (".zlogin", "zsh"),
    (".zlogout", "zsh"),
    (".kshrc", "ksh"),
    (".cshrc", "csh"),
    (".tcshrc", "tcsh"),
    (".login", "csh"),
    (".config/fish", "fish"),
    (".pam_environment", "sessions"),
    (".xprofile", "sessions"),
    (".xsession", "sessions"),
    (".xsessionrc", "sessions"),
    (".xinitrc", "sessions"),
    (".config/autostart", "desktop sessions"),
    (".config/environment.d", "systemd"),
    (".config/systemd", "systemd: units of the user"),
    (".local/share/systemd", "systemd: units of the user"),
    (".local/share/applications", "what desktops start, by kind of file"),
    (".local/share/dbus-1", "services that D-Bus starts"),
    (".local/bin", "PATH"),
    ("bin", "PATH"),
    (".cargo/bin", "PATH"),
    (".cargo/env", "shells"),
    (".cargo/config.toml", "cargo"),
    (".local/lib", "Python: modules that every start imports"),
    (".ssh", "keys, and commands of ssh"),
    (".gnupg", "keys, and programs of GnuPG"),
    (".gitconfig", "git"),
    (".config/git", "git"),
    (".vimrc", "vim"),
    (".vim", "vim"),
    (".config/nvim", "Neovim"),
    (".emacs", "Emacs"),
    (".emacs.d", "Emacs"),
    (".config/emacs", "Emacs"),
    (".tmux.conf", "tmux"),
    (".config/tmux", "tmux"),
    (".docker", "docker: helpers that it starts"),
    (".config/containers", "podman"),
    (".config/direnv", "direnv: what it trusts"),
)
"""Relative to the caller's home."""

GIT = ".git"
GIT_RUNS: tuple[tuple[str, str], ...] = (
    ("hooks", "programs that git starts"),
    ("config", "names programs: pagers, editors, filters, file system monitors"),
    ("config.worktree", "as config"),
    ("commondir", "says where hooks and config are"),
    ("modules", "the repositories of submodules"),
    ("worktrees", "other working trees, and where their repository is"),
    ("rebase-merge", "commands of a rebase that is under way"),
)
"""What stays read-only in `.git` with `git: writable`."""


def names(protect: tuple[str, ...], table: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """The names of a table, if `protect` holds the default."""
    return tuple(name for name, _ in table) if DEFAULT in protect else ()
