"""The commands for keys where the values are outside, on a Redis server on loopback."""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

import command

SKIPPED = 77


class Server(command.Case):
    @classmethod
    def setUpClass(cls):
        """On a unix socket, so that no port has to be found."""
        holder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(holder.cleanup)
        cls.socket = os.path.join(holder.name, 'redis.sock')
        server = subprocess.Popen(['redis-server', '--port', '0', '--unixsocket', cls.socket,
                                   '--save', '', '--dir', holder.name, '--logfile', 'log'])
        cls.addClassCleanup(server.wait)
        cls.addClassCleanup(server.kill)
        while not cls.answers():
            assert server.poll() is None, 'the server has ended'

    @classmethod
    def answers(cls):
        with socket.socket(socket.AF_UNIX) as link:
            try:
                link.connect(cls.socket)
            except OSError:
                return False
            link.sendall(b'PING\r\n')
            return link.recv(100).startswith(b'+PONG')

    def tier(self, *settings, tiers='redis'):
        settings = ('cache.tiers=' + tiers, 'provider.redis.url=unix://' + self.socket) + settings
        return [word for setting in settings for word in ('--set', setting)]

    def test_what_is_outside_stays(self):
        tier = self.tier()
        self.expect(0, *tier, 'set', 'a', 'hello', out=b'', err='')
        self.expect(0, *tier, 'get', 'a', out=b'hello', err='')
        answer = self.expect(0, *tier, 'get', 'a', '--explain', out=b'hello')
        self.assertRegex(answer.err, r'"a": status=MST_OK why=hit tier=redis age=\w+ ttl=\w+ '
                                     r'length=5\n$')
        answer = self.expect(0, *self.tier(tiers='memory, redis'), 'get', 'a', '--explain',
                             out=b'hello')
        self.assertIn('tier=redis', answer.err)
        self.expect(0, *tier, 'del', 'a', err='')
        answer = self.expect(1, *tier, 'get', 'a', '--explain', out=b'')
        self.assertIn('status=MST_MISS why=miss', answer.err)

    def test_near_tier_has_it_then(self):
        answer = self.batch(0, 'set n 1', 'get n --explain', out=b'1\n',
                            words=self.tier(tiers='memory, redis'))
        self.assertIn('tier=memory', answer.err)

    def test_large_value(self):
        data = bytes(range(256)) * 4096
        self.expect(0, *self.tier(), 'set', 'large', stdin=data, out=b'')
        self.expect(0, *self.tier(), 'get', 'large', out=data)

    def test_clear(self):
        mine, other = self.tier('cache.namespace=mine'), self.tier('cache.namespace=other')
        self.expect(0, *mine, 'set', 'a', '1')
        self.expect(0, *other, 'set', 'a', '2')
        self.expect(2, *mine, 'clear', err='add --yes to do it')
        self.expect(0, *mine, 'get', 'a', out=b'1')
        self.expect(0, *mine, 'clear', '--yes', err='')
        self.expect(1, *mine, 'get', 'a', out=b'')
        self.expect(0, *other, 'get', 'a', out=b'2')

    def test_nobody_is_there(self):
        gone = ['--set', 'cache.tiers=redis', '--set', 'provider.redis.connect_retry=0',
                '--set', 'provider.redis.url=unix://' + self.path('gone.sock')]
        self.expect(4, *gone, 'set', 'a', '1', err='gone.sock')
        self.expect(4, *gone, 'get', 'a', out=b'', err='a tier failed or was too slow')


if __name__ == '__main__':
    if not (shutil.which('redis-server') and command.has_plugin('provider_redis')):
        print('skipped: there is no redis-server', file=sys.stderr)
        sys.exit(SKIPPED)
    unittest.main(verbosity=1)
