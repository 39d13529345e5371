"""hosts.py [million] - the host programs of sdk/examples/hosts. With "million" the loops alone, each
with a million requests."""
import os
import re
import shutil
import socket
import subprocess
import sys
import unittest

import command

HOSTS = os.path.join(command.BUILD, 'sdk', 'examples', 'hosts')
SOURCES = os.path.join(command.SOURCE, 'sdk', 'examples', 'hosts')


class Host(command.Case):
    def host(self, name, *words, code=0, **env):
        """Runs it in an empty directory; returns its output, or skips where it could not be built."""
        program = os.path.join(HOSTS, name)
        if not os.path.exists(program):
            self.skipTest(f'{name} is not built here')
        answer = command.Answer(subprocess.run([program, *words], capture_output=True, timeout=1500,
                                               cwd=self.directory, check=False,
                                               env=command.environment(**env)))
        self.assertEqual(answer.code, code, answer)
        if code == 0:
            self.assertEqual(answer.err, '', answer)
        return answer.out.decode() if code != 2 else answer.err

    def figures(self, text):
        """The numbers of "12 hits, 3 misses", by their names."""
        return {name: int(number) for number, name in re.findall(r'(\d+) ([a-z]+(?: once)?)', text)}


class Patterns(Host):
    def test_cache_aside(self):
        lines = self.host('cache_aside', 'users.db').splitlines()
        wanted = (r'(.*): 3 queries for 3 users asked twice, 2 for one who is not there, '
                  r'(\d) for one asked by 8 threads')
        by_hand, loaded = [re.fullmatch(wanted, line).groups() for line in lines]
        self.assertEqual((by_hand[0], loaded), ('by hand', ('mst_get_or_load', '1')))
        self.assertIn(int(by_hand[1]), range(1, 9))

    def test_batch(self):
        self.assertEqual(self.host('batch', 'users.db'),
                         'some: 5 of 5, 0 from the cache, 5 by 1 query\n'
                         'more: 7 of 8, 3 from the cache, 4 by 1 query\n'
                         'again: 7 of 7, 7 from the cache, 0 by 0 query\n')

    def test_extended(self):
        for serializer in ('protobuf', 'json', 'msgpack'):
            if command.has_plugin('serializer_' + serializer):
                self.assertEqual(self.host('extended', serializer + '.db', serializer),
                                 'user 7 (loaded)\nuser 7 (hit)\nnot in the cache (absent)\n'
                                 'Ada (hit)\n2 queries, 2 loads, 1 decoded\n')
        self.assertIn('serializer "nothing" not found',
                      self.host('extended', 'none.db', 'nothing', code=2))

    def test_counters(self):
        found = dict(re.findall(r'(site_\w+\{kind="\w+"\}) (\d+)\n', self.host('counters')))
        self.assertEqual(sorted(found), [f'site_{what}{{kind="{kind}"}}' for what in
                                         ('hits', 'misses') for kind in ('article', 'image')])
        for kind, requests in ('article', 40000), ('image', 20000):
            hits, misses = (int(found[f'site_{what}{{kind="{kind}"}}'])
                            for what in ('hits', 'misses'))
            self.assertEqual(hits + misses, requests)
            self.assertIn(misses, range(34, 201))  # each page once, or by both threads

    def test_wrong_use(self):
        for name in ('cache_aside', 'batch', 'write_through', 'extended'):
            self.assertIn('usage: ' + name, self.host(name, code=2))
        for name in ('uv_loop', 'epoll_loop', 'cpp_loop'):
            for words in (['--requests'], ['--requests', '0'], ['--what', '1']):
                self.assertIn('[--requests N]', self.host(name, *words, code=2))


class WriteThrough(Host):
    def test_without_faults(self):
        out = self.host('write_through', 'users.db', '--faults', '0', '--updates', '5000')
        self.assertRegex(out, r'^5000 changes, 0 failed; .* 0 stale\n$')

    def test_a_database_that_fails(self):
        for seed, percent in ((1, 20), (2, 50), (3, 90)):
            out = self.host('write_through', f'{seed}.db', '--seed', str(seed),
                            '--faults', str(percent), '--updates', '8000')
            seen = self.figures(out)
            self.assertEqual((seen['changes'], seen['stale']), (8000, 0), out)
            self.assertAlmostEqual(seen['failed'] / 80, percent, delta=4, msg=out)
            self.assertGreater(seen['reads'], 64, out)
            self.assertGreater(seen['superseded'], 0, out)

    def test_the_check_can_fail(self):
        out = self.host('write_through', 'users.db', '--naive', '--updates', '4000', code=1)
        self.assertGreater(self.figures(out)['stale'], 0, out)


class Redis(Host):
    SET = ('[cache] namespace = tuned\n[cache] tiers = memory, redis\n[cache] timeout = 5s\n'
           '[provider.redis] timeout = 5s\n[provider.redis] url = ***\n'
           '[provider.redis] connect_timeout = 5s\n[provider.redis] connect_retry = 3\n'
           '[provider.redis] abort_on_connect_fail = no\n')

    def setUp(self):
        super().setUp()
        if not command.has_plugin('provider_redis'):
            self.skipTest('no provider redis here')

    def start(self):
        """A server on a unix socket, so that no port has to be found."""
        if not shutil.which('redis-server'):
            self.skipTest('there is no redis-server')
        path = self.path('redis.sock')
        server = subprocess.Popen(['redis-server', '--port', '0', '--unixsocket', path,
                                   '--save', '', '--dir', self.directory, '--logfile', 'log'])
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        while not self.answers(path):
            self.assertIsNone(server.poll(), 'the server has ended')
        return 'unix://' + path

    def answers(self, path):
        with socket.socket(socket.AF_UNIX) as link:
            try:
                link.connect(path)
            except OSError:
                return False
            link.sendall(b'PING\r\n')
            return link.recv(100).startswith(b'+PONG')

    def test_a_server(self):
        url = self.start()
        wanted = self.SET + 'set: stored\nget: hit, redis, hello\n'
        self.assertEqual(self.host('redis_tuned', url), wanted)
        file = os.path.join(SOURCES, 'redis_tuned.ini')  # says the same
        self.assertEqual(self.host('redis_tuned', url, file), wanted)

    def test_no_server(self):
        url = 'unix://' + self.path('gone.sock')
        self.assertEqual(self.host('redis_tuned', url),
                         self.SET + 'set: stored\nget: tier-failed, no tier, \n')
        err = self.host('redis_tuned', url, code=2,
                        MEMSTACHE_PROVIDER_REDIS_ABORT_ON_CONNECT_FAIL='yes')
        self.assertIn('abort_on_connect_fail: ' + self.path('gone.sock'), err)


class Loops(Host):
    REQUESTS = 50000

    def loop(self, name):
        out = self.host(name, '--requests', str(self.REQUESTS))
        seen = self.figures(out)
        self.assertEqual((seen['requests'], seen['wrong']), (self.REQUESTS, 0), out)
        for part in ('at once', 'hits', 'misses', 'loaded', 'sets'):
            self.assertGreater(seen[part], self.REQUESTS // 50, out)
        return out

    def test_uv_loop(self):
        self.loop('uv_loop')

    def test_epoll_loop(self):
        """It sleeps while nothing happens: a visit takes some turns, and not thousands."""
        seen = self.figures(self.loop('epoll_loop'))
        self.assertEqual(seen['visits'], 200)
        self.assertLess(seen['turns'], 20 * 200)

    def test_cpp_loop(self):
        self.loop('cpp_loop')


if __name__ == '__main__':
    if sys.argv[1:] == ['million']:
        Loops.REQUESTS = 1000000
        sys.argv[1:] = ['Loops']
    unittest.main(verbosity=1)
