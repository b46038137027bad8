#!/usr/bin/env python3
"""Measures the real program against `demo --serve` as a process of its own: first frame, memory, idle bytes and CPU.

    cargo build --release && python3 tests/measure.py target/release/pilothouse [scenario]

Prints one line per figure; assets/PERFORMANCE.md keeps them with the machine.
"""
import fcntl, os, pty, select, signal, struct, subprocess, sys, termios, time

PROGRAM = sys.argv[1]
SCENARIO = sys.argv[2] if len(sys.argv) > 2 else "quiet"
WARM, IDLE = 12, 50

server = subprocess.Popen([PROGRAM, "demo", "--scenario", SCENARIO, "--serve"], stdout=subprocess.PIPE, text=True)
said = dict(server.stdout.readline().removeprefix("export ").strip().split("=", 1) for _ in range(1))
while "PROMETHEUS_URL" not in said:
    line = server.stdout.readline()
    if line.startswith("export "):
        key, value = line.removeprefix("export ").strip().split("=", 1)
        said[key] = value

pid, terminal = pty.fork()
if pid == 0:
    os.environ.update(TERM="xterm-256color", KUBECONFIG=said["KUBECONFIG"])
    os.execv(PROGRAM, [PROGRAM, "--prometheus", said["PROMETHEUS_URL"]])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))


def listen(seconds):
    began, first, count = time.time(), None, 0
    while time.time() - began < seconds:
        if select.select([terminal], [], [], 0.2)[0]:
            heard = os.read(terminal, 65536)
            count += len(heard)
            if first is None and b"pilothouse" in heard:
                first = time.time() - began
    return first, count


def ticks():
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


first, _ = listen(WARM)
resident = next(line.split()[1] for line in open(f"/proc/{pid}/status") if line.startswith("VmRSS"))
before = ticks()
_, count = listen(IDLE)
share = (ticks() - before) / os.sysconf("SC_CLK_TCK") / IDLE * 100
print(f"first frame        {first * 1000:.0f} ms after exec")
print(f"resident memory    {int(resident) / 1024:.1f} MiB")
print(f"idle for {IDLE} s      {count} bytes, {share:.2f} % of a core")
os.kill(pid, signal.SIGTERM)
server.terminate()
