"""What a front's file holds: what was true when a box was planned, and the box. Offsets in bytes.

All numbers have 8 bytes, little-endian. A text is its length, its bytes, and at least one NUL up to
the next multiple of 8. A check is its kind, its size with both of these, numbers, then texts.
"""

from __future__ import annotations

MAGIC = 0x32746E6F72667974  # "tyfront2"
AT_MAGIC = 0
SIZE = 8  # of the file
SUM = 16  # CRC-32 of all that follows it
CHECKS = 24  # where they begin
CHECKS_END = 32
BOX = 40  # where it begins; it ends with the file
MOST_READ = 48  # the longest content that a check compares
GIVEN = 56  # where the words begin, texts, that the box is started with; and how many they are
GIVENS = 64
HEAD = 72
LARGEST = 1 << 24

WORDS = 1  # count; each word after `toyspec`
DIRECTORY = 2  # the working directory
COMMAND = 3  # the front's own path
HOST = 4  # the first five names of uname(2)
IDS = 5  # uid, effective, gid, effective, count of groups, the groups
STATUS = 6  # no_new_privs, ignored signals
TERMINAL = 7  # six bits: see start.look.terminal
INHERITED = 9  # count; descriptors
SCHEDULING = 10  # nice value, 16 words of CPUs
VARIABLE = 11  # 0 unset, 1 set to, 2 set; name, value
CONTENT = 12  # how, whether it is there; path, content
STRIPPED = 1  # how: blanks around it do not count
REGULAR = 2  # how: it is a regular file
FILES = 13  # count; inode, size and ctime of each (inode -1: not there); directory, names
STAT = 14  # what counts, device (major, minor), inode, uid; path
DEVICE = 1  # what counts
INODE = 2
OWNER = 4
LEADS = 15  # path; where it leads
PATH = 16  # see below; path, link, where it leads
PROGRAM = 17  # whether it is there, has privileges, on a mount without them; path
NAMES = 18  # count, where each name lies in the check, in the order of bytes; path, the names

PATH_KIND = 16  # file type of lstat(2); 0: nothing there
PATH_UID = 24
PATH_END = 32  # file type of stat(2); 0: it leads nowhere
PATH_MODE = 40
PATH_MAJOR = 48  # of a device; -1
PATH_MINOR = 56
PATH_SIZE = 64  # of a file; -1
PATH_WRITABLE = 72
PATH_UNREADABLE = 80
PATH_TEXTS = 88
