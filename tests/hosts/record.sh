#!/bin/bash
# Record the hosts that golden plans are made for. As root, on a Debian 12 that has a user `dev`
# (uid 2000, home /home/dev) and no /home/dev/project; with an interpreter that `dev` can reach:
#   PYTHON=/usr/bin/python3 bash tests/hosts/record.sh [HOST…]
# What each host is, and how much of it is real: README.md.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
checkout=$(cd "$here/../.." && pwd)
python=$(command -v "${PYTHON:-python3}")
project=/home/dev/project

# What the recording reads, where `dev` can read it and no mount hides it.
source=${RECORD_INSIDE:-}
if [ ! "$source" ]; then
  source=$(mktemp -d /var/tmp/record.XXXXXX)
  trap 'rm -rf "$source"' EXIT
  cp -a "$checkout/toyspec" "$checkout/schemas" "$checkout/tests" "$source/"
  chown -R root: "$source"
  chmod -R a+rX "$source"
fi

# make_project HOME: the directory that the specs' relative paths mean, as a clone leaves it
make_project() {
  install -d -o dev -g dev "$1/dev" "$1/dev/project" "$1/dev/project/specs"
  cp "$checkout"/specs/*.yaml "$1/dev/project/specs/"
  rm "$1"/dev/project/specs/debian*.yaml # their root is made by hand
  mkdir -p "$1/dev/project/specs/mkbox/data"
  chown -R dev: "$1/dev/project"
}

# as_dev PYTHON-ARGUMENTS…: as after a login, the output in $source/out
as_dev() {
  install -o dev -m 644 /dev/null "$source/out"
  cd "$project"
  env -i HOME=/home/dev USER=dev LANG=C.UTF-8 PATH=/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH="$source" PYTHONDONTWRITEBYTECODE=1 TERM=xterm-256color \
    "${wrapper[@]}" setpriv --reuid dev --regid dev --init-groups --inh-caps=-all \
    "$python" -m tests.hosts.record "$source/out" "$@"
  cd /
}
wrapper=()

debian_12() {
  [ ! -e "$project" ] || { echo "$project is in the way" >&2; exit 1; }
  trap 'rm -r "$project"' EXIT
  make_project /home
  as_dev --terminal
}

linux_5_10() {
  # /home and /usr/local as partitions of their own, so that flags are inherited and mounts lie below
  mkdir "$source/home"
  make_project "$source/home"
  mount --bind "$source/home" /home
  mount -o remount,bind,nosuid,nodev /home
  mount --bind /usr/local /usr/local
  mount -o remount,bind,nodev,noatime /usr/local
  wrapper=("$python" -m tests.hosts.old_kernel)
  as_dev --inherit 3 --inherit 9 kernel=5.10.0-33-amd64 kernel.unprivileged_userns_clone=1
  umount /usr/local /home
}

split_usr() {
  # The host's own files, each back in /bin, /sbin or /lib* where Debian's packages list it there.
  root=$source/root
  mkdir "$root" "$source/overlay"
  mount -t tmpfs -o size=2g none "$source/overlay"
  mkdir "$source/overlay/upper" "$source/overlay/work"
  mount -t overlay -o "lowerdir=/,upperdir=$source/overlay/upper,workdir=$source/overlay/work" none "$root"
  for directory in bin sbin lib lib32 lib64 libx32; do
    if [ -L "$root/$directory" ]; then
      rm "$root/$directory"
      mkdir "$root/$directory"
    fi
  done
  cat /var/lib/dpkg/info/*.list | grep -E '^/(bin|sbin|lib|lib32|lib64|libx32)/' | sort -u |
    while read -r path; do
      if [ -d "$root/usr$path" ] && [ ! -L "$root/usr$path" ]; then
        mkdir -p "$root$path"
      elif [ -e "$root/usr$path" ] || [ -L "$root/usr$path" ]; then
        mv "$root/usr$path" "$root$path"
      fi
    done
  make_project "$root/home"
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  mkdir -p "$root$source"
  mount --bind "$source" "$root$source"
  # A root of its own, not a chroot: in a chroot Linux refuses user namespaces, and no box runs there.
  cd "$root"
  pivot_root . mnt
  umount -l /mnt
  ldconfig
  as_dev
}

# Each in a mount namespace of its own, so that nothing stays.
if [ "${RECORD_INSIDE:-}" ]; then
  "${1//[-.]/_}"
  exit
fi
for host in "${@:-debian-12 linux-5.10 split-usr}"; do
  for each in $host; do
    RECORD_INSIDE=$source unshare --mount --propagation private bash "$here/record.sh" "$each"
    cp "$source/out" "$here/$each.json"
    echo "recorded $each"
  done
done
