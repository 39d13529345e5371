#!/usr/bin/env python3
"""What an entry occupies in memcached and in Redis: the yardsticks of near_memory.

    python3 tests/bench/near_peers.py memcached|redis ENTRIES [PROGRAM]

Starts a server of its own on a unix socket, stores ENTRIES values of 100 bytes under keys of 16,
all with an expiry of an hour, and takes what the server has come to occupy meanwhile (resident
memory), less keys and values. Prints one JSON object. PROGRAM is where the server is, when it is
not on the path; exit status 77 when there is none.
"""
import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

KEY, VALUE, LIFE, CHUNK = 16, 100, 3600, 1000
BODY = b'x' * VALUE


class Peer:
    """What is different between the servers."""
    program = None

    def words(self, program, path, entries):
        raise NotImplementedError

    def store(self, number):
        raise NotImplementedError

    before = b''       # to be sent first
    sync = b''         # to be sent last,
    synced = b''       # what it is answered with,
    count = b''        # what asks for the number of entries,
    counted = b''      # and what stands before that number

    def settled(self, ask):
        """Whether nothing is moved any more."""
        return True


class Memcached(Peer):
    program = 'memcached'
    sync, synced = b'mn\r\n', b'MN'
    count, counted = b'stats\r\n', b'STAT curr_items '

    def words(self, program, path, entries):
        user = ['-u', 'root'] if os.getuid() == 0 else []
        return [program, *user, '-s', path, '-m', str(64 + entries * 400 // 2**20)]

    def store(self, number):
        return b'set key:%012d 0 %d %d noreply\r\n%s\r\n' % (number, LIFE, VALUE, BODY)

    def settled(self, ask):
        return b'STAT hash_is_expanding 0' in ask(b'stats\r\n')


class Redis(Peer):
    program = 'redis-server'
    before = b'CLIENT REPLY OFF\r\n'
    sync, synced = b'CLIENT REPLY ON\r\n', b'+OK'
    count, counted = b'DBSIZE\r\n', b':'

    def words(self, program, path, entries):
        return [program, '--port', '0', '--unixsocket', path, '--save', '', '--appendonly', 'no']

    def store(self, number):
        return (b'*5\r\n$3\r\nSET\r\n$%d\r\nkey:%012d\r\n$%d\r\n%s\r\n$2\r\nEX\r\n$4\r\n%d\r\n'
                % (KEY, number, VALUE, BODY, LIFE))


class RedisForever(Redis):
    def store(self, number):
        return (b'*3\r\n$3\r\nSET\r\n$%d\r\nkey:%012d\r\n$%d\r\n%s\r\n'
                % (KEY, number, VALUE, BODY))


PEERS = {'memcached': Memcached, 'redis': Redis, 'redis without expiry': RedisForever}


def resident(pid):
    for line in pathlib.Path(f'/proc/{pid}/smaps_rollup').read_text('ascii').split('\n'):
        if line.startswith('Rss:'):
            return int(line.split()[1]) * 1024
    raise OSError('no Rss in smaps_rollup')


@contextlib.contextmanager
def serve(words, path):
    """The server's process, and a connection."""
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, cwd=os.path.dirname(path)) as server:
        try:
            with socket.socket(socket.AF_UNIX) as s:
                for _ in range(200):
                    with contextlib.suppress(OSError):
                        s.connect(path)
                        break
                    time.sleep(0.05)
                yield server, s
        finally:
            server.terminate()


def measure(name, entries, program=None):
    """The figures, or None when the server is not there."""
    peer = PEERS[name]()
    program = os.path.abspath(program) if program else shutil.which(peer.program)
    if not program:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'socket')
        with serve(peer.words(program, path, entries), path) as (server, s):
            def ask(what):
                s.sendall(what)
                return s.recv(65536)  # short answers come in one piece

            empty = resident(server.pid)
            s.sendall(peer.before)
            for first in range(0, entries, CHUNK):
                s.sendall(b''.join(map(peer.store, range(first, min(first + CHUNK, entries)))))
            if not ask(peer.sync).startswith(peer.synced):
                raise OSError(f'{name} did not take the entries')
            while not peer.settled(ask):
                time.sleep(0.1)
            count = int(ask(peer.count).split(peer.counted)[1].split()[0])
            grown = resident(server.pid) - empty
    if count != entries:
        raise OSError(f'{name} holds {count} entries of {entries}')
    return {'program': 'near_peers', 'server': name, 'entries': entries, 'resident_bytes': grown,
            'resident_over': grown / entries - KEY - VALUE}


def main():
    if len(sys.argv) not in (3, 4) or sys.argv[1] not in PEERS:
        sys.exit(__doc__)
    figures = measure(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
    if not figures:
        print(f'no {sys.argv[1]}', file=sys.stderr)
        return 77
    print(json.dumps(figures))
    return 0


if __name__ == '__main__':
    sys.exit(main())
