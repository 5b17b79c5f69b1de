"""What the peers share: the protocol of a worker (a line of JSON is a task, a line of JSON what it
took) and how time and memory are measured."""

import argparse
import asyncio
import json
import sys
import threading
import time


def arguments(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--client", required=True)
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--user", required=True)
    parser.add_argument("--password", required=True)
    parser.add_argument("--project", required=True)
    parser.add_argument("--project-id")
    return parser.parse_args()


def say(result):
    print(json.dumps(result), flush=True)


def tasks():
    """Says that the worker is ready, then gives one task after the other."""
    say({})
    for line in sys.stdin:
        yield json.loads(line)


class Meter:
    """Wall time, processor time of all threads, and the peak of the resident memory (Linux)."""

    def __init__(self):
        try:
            with open("/proc/self/clear_refs", "w") as file:
                file.write("5")
        except OSError:
            pass
        self.base = memory("VmRSS:")
        self.cpu = time.process_time_ns()
        self.start = time.perf_counter_ns()

    def stop(self):
        taken = {
            "wall_ns": time.perf_counter_ns() - self.start,
            "cpu_ns": time.process_time_ns() - self.cpu,
        }
        if self.base is not None:
            taken |= {"base_kb": self.base, "peak_kb": memory("VmHWM:")}
        return taken


def memory(name):
    try:
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith(name))
    except OSError:
        return None


def drive(call, concurrency, millis):
    """One request after the other in so many threads, for so long, after a warm-up."""

    def loop(seconds):
        counts = [0] * concurrency
        end = time.perf_counter() + seconds

        def work(number):
            while time.perf_counter() < end:
                call()
                counts[number] += 1

        if concurrency == 1:
            work(0)
        else:
            threads = [threading.Thread(target=work, args=(n,)) for n in range(concurrency)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        return sum(counts)

    loop(millis / 5000)
    meter = Meter()
    count = loop(millis / 1000)
    return {"count": count} | meter.stop()


async def adrive(call, concurrency, millis):
    """The same with asyncio."""

    async def loop(seconds):
        end = time.perf_counter() + seconds

        async def work():
            count = 0
            while time.perf_counter() < end:
                await call()
                count += 1
            return count

        return sum(await asyncio.gather(*(work() for _ in range(concurrency))))

    await loop(millis / 5000)
    meter = Meter()
    count = await loop(millis / 1000)
    return {"count": count} | meter.stop()


def check(answer):
    """An empty answer would make any client look fast."""
    if not answer:
        raise AssertionError("an empty answer")
