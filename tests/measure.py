#!/usr/bin/env python3
"""Measures the real program in a pseudo-terminal against `demo --serve` as a process of its own.

    cargo build --release && python3 tests/measure.py target/release/pilothouse [part …]

Parts: start, demo, idle, fleet, keys; all of them without a word. `KUBECTL` names the kubectl to compare with.
Prints one line per figure with its goal; assets/PERFORMANCE.md keeps them with the machine. Ends with 1 when a goal
was missed.
"""
import fcntl, json, os, pty, random, re, select, shlex, signal, socket, statistics, struct, subprocess, sys, tempfile
import termios, time

PROGRAM = os.path.abspath(sys.argv[1])
PARTS = sys.argv[2:] or ["start", "demo", "idle", "fleet", "keys"]
KUBECTL = shlex.split(os.environ.get("KUBECTL", "kubectl"))
RUNS, KEYS, IDLE_SECONDS = 5, 600, 60
missed = []


def figure(what, measured, goal, is_met):
    missed.extend([] if is_met else [what])
    print(f"{'ok  ' if is_met else 'MISS'} {what:<58} {measured:<34} goal {goal}", flush=True)


class Server:
    """A simulated world on loopback, in a process of its own."""

    def __init__(self, scenario):
        words = [PROGRAM, "demo", "--scenario", scenario, "--serve"]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        said, self.words = {}, ["-A"]
        while "PROMETHEUS_URL" not in said:
            line = self.process.stdout.readline()
            assert line, "the server ended"
            if line.startswith("export "):
                key, value = line.removeprefix("export ").strip().split("=", 1)
                said[key] = value
            elif line.startswith("# --prometheus "):
                self.words += ["--context", line.split()[2].split("=")[0], "--prometheus", line.split()[2]]
        self.kubeconfig = said["KUBECONFIG"]

    def environment(self):
        return dict(os.environ, TERM="xterm-256color", KUBECONFIG=self.kubeconfig)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(signal.SIGINT)
        self.process.wait(10)


class Screen:
    """What a terminal shows of the bytes it was sent: the few sequences that our encoder uses."""

    PIECE = re.compile(rb"\x1b\[([?>=]?)([\d;]*)[ $]?([@-~])|\x1b[\]P_][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[^\[\]P_]"
                       rb"|[\r\n\x08]|[\x20-\x7e]+|[\xc2-\xf4][\x80-\xbf]+|[\x00-\x1a\x1c-\x1f\x7f]")

    def __init__(self, width, height):
        self.width, self.height = width, height
        self.rows = [[" "] * width for _ in range(height)]
        self.x = self.y = 0
        self.rest = b""

    def feed(self, data):
        data, at = self.rest + data, 0
        while match := self.PIECE.match(data, at):
            # A character or sequence at the very end may go on in the next piece.
            if match.end() == len(data) and data[at] >= 0xC2 and len(match[0]) < 2 + (data[at] >= 0xE0):
                break
            at = match.end()
            self.take(match)
        self.rest = data[at:]

    def take(self, match):
        piece = match[0]
        if match[3]:
            if not match[1]:
                self.sequence(match[3], [int(n or 0) for n in match[2].split(b";")])
        elif piece == b"\r":
            self.x = 0
        elif piece == b"\n":
            self.y = min(self.y + 1, self.height - 1)
        elif piece == b"\x08":
            self.x = max(self.x - 1, 0)
        elif piece[0] >= 0x20 and piece[0] != 0x7F and piece[0] != 0x1B:
            for glyph in piece.decode():
                if self.x < self.width:
                    self.rows[self.y][self.x] = glyph
                self.x += 1

    def sequence(self, end, numbers):
        first = max(numbers[0], 1)
        if end == b"H":
            self.y = min(first, self.height) - 1
            self.x = max(numbers[1] if len(numbers) > 1 else 1, 1) - 1
        elif end == b"C":
            self.x += first
        elif end == b"D":
            self.x = max(self.x - first, 0)
        elif end in (b"K", b"X"):
            stop = self.width if end == b"K" else min(self.x + first, self.width)
            self.rows[self.y][self.x : stop] = " " * (stop - self.x)
        elif end == b"J":
            self.rows = [[" "] * self.width for _ in range(self.height)]

    def line(self, y):
        return "".join(self.rows[y])

    def text(self):
        return "\n".join(map(self.line, range(self.height)))


class Program:
    """The full screen in a pseudo-terminal; keeps what it wrote, and when."""

    def __init__(self, words, environment, width=160, height=50):
        self.size = (width, height)
        self.heard = []
        read, write = os.pipe()
        self.began = time.monotonic()
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.close(write)
            os.read(read, 1)  # until the terminal has its size
            os.execve(PROGRAM, [PROGRAM, *words], environment)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        self.began = time.monotonic()
        os.close(read)
        os.close(write)

    def hear(self, seconds):
        """One piece, if it comes within that time."""
        if not select.select([self.terminal], [], [], max(seconds, 0))[0]:
            return b""
        try:
            data = os.read(self.terminal, 1 << 16)
        except OSError:  # it ended, and with it the terminal
            return b""
        self.heard.append((time.monotonic(), data))
        return data

    def listen(self, seconds):
        until, count = time.monotonic() + seconds, 0
        while (left := until - time.monotonic()) > 0:
            count += len(self.hear(left))
        return count

    def until_quiet(self, seconds, most=60):
        limit = time.monotonic() + most
        while self.hear(seconds) and time.monotonic() < limit:
            pass

    def first(self, holds):
        """Seconds from exec until what is shown first fulfilled this; afterwards, so that it costs nothing before."""
        screen = Screen(*self.size)
        for at, data in self.heard:
            screen.feed(data)
            if holds(screen):
                return at - self.began
        sys.exit("never shown; the screen in the end:\n" + re.sub(r"( *\n){2,}", "\n", screen.text()))

    def shown(self):
        screen = Screen(*self.size)
        for _, data in self.heard:
            screen.feed(data)
        return screen.text()

    def memory(self):
        """Resident now, and at most so far, in MiB."""
        found = dict(line.split()[:2] for line in open(f"/proc/{self.pid}/status") if line.startswith(("VmRSS", "VmHWM")))
        return int(found["VmRSS:"]) / 1024, int(found["VmHWM:"]) / 1024

    def cpu(self):
        """Seconds of all its threads, in nanoseconds' precision."""
        tasks = f"/proc/{self.pid}/task"
        return sum(int(open(f"{tasks}/{task}/schedstat").read().split()[0]) for task in os.listdir(tasks)) / 1e9

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.kill(self.pid, signal.SIGTERM)
        until = time.monotonic() + 5
        while time.monotonic() < until and os.waitpid(self.pid, os.WNOHANG) == (0, 0):
            self.hear(0.05)
            time.sleep(0.01)
        os.close(self.terminal)


def start():
    """The network takes connections and says nothing."""
    with socket.socket() as deaf, tempfile.NamedTemporaryFile("w", suffix=".kubeconfig") as config:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(64)
        server = {"server": f"http://127.0.0.1:{deaf.getsockname()[1]}"}
        json.dump({"apiVersion": "v1", "kind": "Config", "current-context": "deaf",
                   "clusters": [{"name": "deaf", "cluster": server}], "users": [{"name": "u", "user": {"token": "t"}}],
                   "contexts": [{"name": "deaf", "context": {"cluster": "deaf", "user": "u"}}]}, config)
        config.flush()
        times = []
        for _ in range(4 * RUNS):
            with Program([], dict(os.environ, TERM="xterm-256color", KUBECONFIG=config.name)) as program:
                program.until_quiet(0.3)
                times.append(program.first(lambda screen: "pilothouse" in screen.line(0)) * 1000)
    figure(f"first frame, the network hung: median, worst of {len(times)}",
           f"{statistics.median(times):.0f} ms, {max(times):.0f} ms", "50 ms", max(times) <= 50)


def demo():
    """About forty rollouts in three clusters, some of them moving."""
    with Server("demo") as server, Program(server.words, server.environment()) as program:
        program.listen(20)
        now, most = program.memory()
    figure("resident with the demo's rollouts: after 20 s, at most", f"{now:.1f} MiB, {most:.1f} MiB", "25 MiB", most <= 25)


def changed(before, after):
    """The cells that differ, joined as they stand beside each other."""
    pairs = zip(before, after)
    return "".join(new if old != new else " " for old, new in pairs).split()


def idle():
    """Nobody presses a key. In the quiet world nothing happens either: only the clock and shown ages may step."""
    for scenario in ("quiet", "large"):
        with Server(scenario) as server, Program(server.words, server.environment()) as program:
            program.listen(15)
            shown, before = program.shown(), program.cpu()
            count = program.listen(IDLE_SECONDS)
            share = (program.cpu() - before) / IDLE_SECONDS * 100
            steps = changed(shown, program.shown())
        if scenario == "quiet":
            is_met = share <= 0.2 and all(re.fullmatch(r"[\d:smhd]+", step) for step in steps)
            figure(f"idle for {IDLE_SECONDS} s, quiet", f"{count} bytes {steps}, {share:.2f} % of a core",
                   "nothing but clock and ages, 0.2 %", is_met)
        else:
            figure(f"the same, one of 1 000 rollouts compared every 5 s", f"{count} bytes, {share:.2f} % of a core", "-", True)


ROLLOUTS = 1000
# A row with its state and what only its ReplicaSets tell: age and version of the newest revision.
ROW = re.compile(r"team-40/\S+ +east +canary +healthy .*\d[smhd] +1\.1\.0")
LAST_ROWS = 24


def is_whole(screen):
    """All are counted, and those whose Rollouts and ReplicaSets the server lists last are whole. No screen holds a
    thousand rows; `get` proves each of them."""
    return (f" {ROLLOUTS} rollouts" in screen.line(1)
            and sum(bool(ROW.search(screen.line(y))) for y in range(screen.height)) == LAST_ROWS)


def timed(words, environment):
    began = time.monotonic()
    done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
    return time.monotonic() - began, done.stdout


def fleet():
    """1 000 rollouts and their 10 000 pods: from exec until every row is there, beside kubectl on the same server."""
    theirs = KUBECTL + ["get", "rollouts,deployments,replicasets", "-A", "-o", "json"]
    ours = [PROGRAM, "get", "-A", "-o", "json"]
    took = {"kubectl": [], "get": [], "screen": []}
    with Server("large") as server:
        environment = server.environment()
        timed(theirs, environment)  # kubectl caches what the server knows
        for _ in range(RUNS):
            took["kubectl"].append(timed(theirs, environment)[0])
            seconds, printed = timed(ours, environment)
            took["get"].append(seconds)
            items = json.loads(printed)["items"]
            assert len(items) == ROLLOUTS, len(items)
            with Program(["-A"], environment) as program:
                while not program.hear(1):
                    pass
                os.write(program.terminal, b"/team-40\r")
                program.until_quiet(1.5)
                took["screen"].append(program.first(is_whole))
        middle = {what: statistics.median(times) for what, times in took.items()}
        for what in ("get", "screen"):
            ratio = middle[what] / middle["kubectl"]
            figure(f"1 000 rollouts whole: {what}, kubectl (medians of {RUNS})",
                   f"{middle[what]:.2f} s, {middle['kubectl']:.2f} s = {ratio:.2f} x", "1.5 x", ratio <= 1.5)
        with Program(server.words, environment) as program:
            program.listen(20)
            now, most = program.memory()
            os.write(program.terminal, b".")
            for key in [b"G", b"\r", b"t", b"\x1b", b"\x1b", b"y", b"\x1b", b"?"] * 3:
                os.write(program.terminal, key)
                program.listen(0.5)
            later, most_later = program.memory()
        figure("resident with 1 000 rollouts: after 20 s, at most", f"{now:.1f} MiB, {most:.1f} MiB", "60 MiB", most <= 60)
        figure("resident with 1 000 rollouts, after a walk, at most", f"{later:.1f} MiB, {most_later:.1f} MiB", "60 MiB",
               most_later <= 60)


# Each key changes the screen: along the list and back, into a rollout and out, help, palette, filter.
TOUR = ([b"j"] * 20 + [b"k"] * 12 + [b"\x1b[6~"] * 6 + [b"\x1b[5~"] * 5 + [b"s", b"s", b"s"] + [b"\r", b"\x1b"] * 2
        + [b"?", b"\x1b", b":", b"p", b"a", b"u", b"\x7f", b"\x1b", b"/", b"s", b"h", b"o", b"p", b"\x1b"])


def keys():
    """From writing a key until the first piece of the frame it causes, with every backend hung."""
    random.seed(1)
    with Server("large") as server:
        with Program(server.words, server.environment()) as program:
            program.listen(10)
            os.write(program.terminal, b".")
            program.until_quiet(1)
            server.process.send_signal(signal.SIGSTOP)
            times, silent, slow = [], [], []
            while len(times) < KEYS:
                key = TOUR[(len(times) + len(silent)) % len(TOUR)]
                # A held key repeats every 30 ms; a person's keys come in 60 to 250 ms.
                program.listen(random.choice([0.03, 0.03, 0.06, 0.12, 0.25]))
                began = time.monotonic()
                os.write(program.terminal, key)
                heard = program.hear(0.3)
                if heard:
                    took = (time.monotonic() - began) * 1000
                    times.append(took)
                    slow.extend([(round(took), key)] if took > 16 else [])
                else:
                    silent.append(key)
            times.sort()
            p99 = times[int(len(times) * 0.99)]
    figure(f"key to frame, all backends hung: median, p99, worst of {len(times)}",
           f"{statistics.median(times):.1f}, {p99:.1f}, {times[-1]:.1f} ms", "p99 16 ms", p99 <= 16)
    if slow:
        print(f"     slower than 16 ms: {slow}")
    if silent:
        print(f"     {len(silent)} keys changed nothing: {sorted(set(silent))}")


for part in PARTS:
    {"start": start, "demo": demo, "idle": idle, "fleet": fleet, "keys": keys}[part]()
sys.exit(1 if missed else 0)
