"""The records of a compiled box: what its resident code is told, and what it keeps.

A record is an array of 8-byte numbers in writable memory; a field's number here is its offset in
bytes. Addresses are absolute, of NUL-terminated text where nothing else is said; 0 is none. There
is one file record, and one box record for each variant of the plan. Fields are filled when the
file is made, save those that the resident code keeps itself: they are made as 0.
"""

from __future__ import annotations

# The file record.
UID = 0  # that the plan was made for: another caller is refused
GID = 8
HOME = 16  # that the plan depends on, as $HOME must be when it runs; 0: it depends on none
HOME_UNSET = 24  # 1: where HOME is not set it is the same
NAME = 32  # what begins every message that no step has: "toyspec: " or the spec's name
COLD = 40  # texts and tables, packed by deflate: offsets are into what they unpack to
COLD_SIZE = 48  # how many bytes that is
PLAIN = 56  # the box record where 0 and 1 are not one controlling terminal, and 0 to 2 no terminal
TTY = 64  # the same, and yet one of 0 to 2 is a terminal
OWN = 72  # 0 and 1 are our controlling terminal, and so is 2
APART = 80  # the same, but for 2
REPLACES = 88  # 1: `FILE -- ARGV` is possible (its init may be replaced)
FILE_KEPT = 96  # from here on kept by the resident code
CALLER_ENVIRONMENT = 96  # the caller's envp
AGAIN = 104  # argv of what explains a failure better; 0: the box does that itself
CLOCK = 112  # clock_gettime of the vDSO; 0: none, or no times are wanted
VIEW = 120  # a descriptor to wait for before `go`; -1: none
VIEWER = 128  # the pid of the process that draws, a child of ours; 0: none
DEAF = 136  # the signals that the caller wants ignored, a mask
CODE_AT = 144  # the straight-line code, in whole pages: nobody needs it after `supervise`
CODE_SIZE = 152
DATA_AT = 160  # the programs' data, likewise
DATA_SIZE = 168
UNPACKED = 176  # where COLD lies unpacked; 0: nobody needed it yet
STATUS = 184  # a descriptor that is told what becomes of the box; -1: none
SAID_RUNNING = 192  # 1: it was told that init runs
LOG_DIRECTORY = 200  # a descriptor of the directory that the log lies in, where the box is detached
AS_FILE = 208  # 1: it takes none of the words of what keeps boxes in memory
SEALS = 216  # 1: it runs from a sealed copy in memory only
PLACES = 224  # table of the variables that must be as they were, and how many
PLACE_COUNT = 232
OWN_PLACE = 240  # where the file has to lie, since the box covers that; 0: it is not shown there
WRITABLE = (
    248  # table of addresses of the paths that the box may write, without / at their end; then 0
)
SWEEPS = 256  # 1: no step of the plan closes what was open when the file was started
LOCK = 264  # a descriptor of the lock of what is kept of a detached box; 0: none, or it was removed
FILE_SIZE = 272

# A box record.
FILE = 0  # address of the file record
CODE = 8  # address of the monitor's straight-line code
PAGE_SIZE = 16  # bytes of the shared page
SETUP = 24  # addresses of the slots' 4-byte cells: pid:setup
INIT = 32  # pid:init
EXEC_READ = 40  # exec.read
EXEC_WRITE = 48
GO_WRITE = 56
LIFE_READ = 64
GO_STEP = 72  # the step in which the command waits for a byte from go
EXEC_STEP = 80  # the command's first execve; every step from there on is one
STEPS = 88  # how many the plan has
EXECS = 96  # for each step from EXEC_STEP on: the address of the path that it executes
TERMINAL = 104  # address of the cell of terminal.read; 0: the box gets no terminal of its own
PTY = 112  # kept by the resident code: the memory of that terminal, see below
REBOOTS = 120  # 1: init begins a pid namespace: SIGINT and SIGHUP can only be reboot(2)'s
GRACE = 128  # milliseconds between TERM and KILL
WATCHED = 136  # table of what is watched, and how many
WATCHES = 144
LATE = 152  # table of texts that the caller's environment completes, and how many
LATES = 160
MESSAGES = 168  # offset of the table of each step's messages, from step 1 on
PLAN = 176  # offset of what --plan prints
ERRNOS = 184  # offset of a table of 4-byte offsets by number, and how many
ERRNO_COUNT = 192
SIGNALS = 200  # the same, by number
SIGNAL_COUNT = 208
ENVIRONMENT = 216  # the box's envp, for an ARGV that replaces init
BOX_KEPT = 224  # from here on kept by the resident code, but for ARGV
ARGV = 224  # what init executes instead, searched in the box's PATH; 0: the plan's own steps do
PAGE = 232  # the shared page
SIGNAL_FD = 240
SETUP_LISTENS = 248
EXECUTING = 256
ENDED_BY = 264
PRESSES = 272
DEADLINE = 280  # CLOCK_MONOTONIC, milliseconds; 0: none
VIEW_SINCE = 288
TOLD_TO_GO = 296  # 1: init was
GONE = 304  # setup's raw wait status, once it has ended
CELLS = 312  # what the slots' cells from SETUP on held when `supervise` began
PLAN_SIZE = 360  # how many bytes --plan prints
OUT_READ = 368  # of a detached box: addresses of the cells out.read, err.read, err.write; 0: none.
ERR_READ = 376  # Once the monitor supervises, the descriptors themselves; -1: none any more
SAYS = 384
LOG_FD = 392  # the file that is written; -1: none
LOG_SIZE = 400  # bytes in it
LOG_LOST = 408  # bytes that had no room and were not told of yet
REAPS = 416  # 1: init is a reaper, and the box's command its child
STOP_SIGNAL = 424  # what init gets where the box is asked to end
DIES = 432  # 1: the box ends with whoever started the monitor
PARENT = 440  # who that was, if it is to be watched; 0: it is not
UNTOLD = 448  # 1: nobody tells us when what is kept of the box is removed
MISSING = 456  # offset of whole lines: why the plan's own command is not found, and what helps
SEARCHED = 464  # offset of a line: in which PATH any other one was searched
PATHS = 472  # offset of a table of 4-byte offsets: the path of each execve from EXEC_STEP on
LOG_LAST = 480  # where the last record begins, in what is LOG_SIZE long
LOG_LAST_HOLDS = 488  # bytes that were printed, and are there or told to be lost
EARLY = 496  # signals that wait for the command's execve, a bit each
INTERRUPTED = (
    504  # the last ^C: 1: the terminal's signal reached us; 2: it was typed at the box's; 0: none
)
BOX_SIZE = 512

# The memory of a box's own terminal: numbers, two terminals' modes, two buffers.
SOCKET = 0  # where init hands over the next two; -1: it did
MASTER = 8  # -1: not yet, or hung up
SLAVE = 16  # kept open: a box that closes all of its own is not at its end
OUTER = 24  # a descriptor of the caller's terminal, which is no one else's
HELD = 32  # 1: the trace is being drawn, nothing is shown yet and no key taken
HUNG_UP = 40  # 1: the caller's terminal is gone
RAW = 48  # 1: its keys are all the box's
GROUP = 56  # the caller's process group
CALLERS_MODES = 64  # 1: CALLERS holds termios modes, the caller's own
OURS_MODES = 72  # 1: OURS does, those that we set
LITERAL = 80  # 1: the next byte has no meaning (VLNEXT)
TYPED_AT = 88  # what is yet to be typed at the box: from here
TYPED_END = 96  # to here, in TYPED
SHOWN_AT = 104  # the same of what is yet to be shown
SHOWN_END = 112
CALLERS = 128  # struct termios of the kernel: 60 bytes at most
OURS = 192
TYPED = 256
SHOWN = 8448
BUFFER = 8192  # bytes of each
PTY_SIZE = 16640

# An entry of PLACES.
PLACE_NAME = 0  # of the variable
PLACE_VALUE = 8  # 0: it was not set
PLACE_UNSET = 16  # 1: it need not be set
PLACE_SAID = 24  # "XDG_CACHE_HOME is /a/cache"
PLACE_SIZE = 32

# An entry of WATCHED.
WATCH_PATH = 0
WATCH_DIRECTORY = 8  # as it is printed: escaped, "/" for the root
WATCH_NAME = 16
WATCH_KEPT = 24  # from here on kept by the resident code
WATCH_KIND = 24
WATCH_DEVICE = 32
WATCH_INODE = 40
WATCH_STATE = 48
WATCH_WHAT = 56
WATCH_PLANNED = 64  # what the plan took to be there: WATCH_MISSING, WATCH_SYMLINK, or 0
WATCH_SIZE = 72
WATCH_MISSING = 1
WATCH_SYMLINK = 2

# An entry of LATE: the pieces of a text, in order; where the address of the text is stored, and,
# unless that is 0, how many bytes it has.
LATE_ADDRESS = 0
LATE_LENGTH = 8
LATE_PIECES = 16  # table of pieces, and how many
LATE_COUNT = 24
LATE_SIZE = 32

# A piece: a text as it is (PIECE_TEXT), the value of the variable of that name (PIECE_VALUE), or its
# whole entry NAME=VALUE (PIECE_ENTRY, which stands alone and costs no copy). A variable that may not
# be empty has what is said where it is (PIECE_WANTED, a text that may be empty); 0: it may be.
PIECE_KIND = 0
PIECE_WORD = 8
PIECE_WANTED = 16
PIECE_SIZE = 24
PIECE_TEXT = 0
PIECE_VALUE = 1
PIECE_ENTRY = 2

# An entry of MESSAGES: four offsets of 4 bytes each; 0 is none.
MESSAGE_PLACE = 0  # "dev.yaml:6:5: error: "
MESSAGE_ITEM = 4  # "bind /opt at /opt: ", which the errno's text follows
MESSAGE_ODD = 8  # the sentence where no errno says it; of an execve, where nothing is found
MESSAGE_TAIL = 12  # whole lines: the excerpt, the step, which it is
MESSAGE_SIZE = 16

# A text of ERRNOS is "EACCES, permission denied".

# The shared page: offsets of toyspec.run.progress, and cells that it leaves free.
STATE = 0  # as the view knows it: STATE_FAILED has it show where, STATE_QUIT show nothing
STATE_FAILED = 2
STATE_QUIT = 3
FAILED_STEP = 24
FAILED_ERRNO = 32
FAILED_MODE = 56  # st_mode of the file that could not be executed; 0: none was there
LOST = 48  # of a reaper's command that never executed anything: its raw wait status + 1
CURRENT = 128  # 8 bytes a role, in the order of ROLES: the step it is in
PIDS = 192  # 8 bytes a role: what clone gave, as the forking process knows it; 0 before
ATTEMPTS = 256  # 8 bytes an execve of init's from EXEC_STEP on: the result, where it was tolerated
MOST_ATTEMPTS = 32
TIMES = 512  # 16 bytes a step, by its id: CLOCK_REALTIME nanoseconds, the result

# Roles, by their place in toyspec.plan.step.ROLES.
MONITOR_ROLE = 0
SETUP_ROLE = 1
INIT_ROLE = 2
UIDMAP_ROLE = 3
GIDMAP_ROLE = 4
COMMAND_ROLE = 5
