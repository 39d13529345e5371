"""prometheus.py HOST - a real Prometheus scrapes a host program under load.

What it says of the host at rest has to be what the host's own counters say, and promtool must find
nothing in the page. Also: the textfile, and the refusals of the exporter.
"""
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

SKIPPED = 77
PATIENCE = 60
HOST = ''
OPEN_METRICS = 'application/openmetrics-text; version=1.0.0'

READS = 'memstache_requests_total{operation="get"}'
HITS = 'memstache_requests_total{operation="get",result="hit"}'


def until(condition, what):
    """What the condition gives once it is true."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError('waited in vain for ' + what)


def fetch(url, **headers):
    """The answer, and its body; errors of HTTP are answers."""
    try:
        answer = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return answer, answer.read().decode()


def promtool(page):
    return subprocess.run(['promtool', 'check', 'metrics'], input=page, text=True,
                          capture_output=True, check=False)


def samples(page):
    """name{labels} to value."""
    return dict(line.rsplit(' ', 1) for line in page.splitlines() if line[:1] != '#')


class Host:
    def __init__(self, case, *lines):
        self.directory = tempfile.TemporaryDirectory(dir=case.root)
        case.addCleanup(self.directory.cleanup)
        self.config = os.path.join(self.directory.name, 'host.ini')
        with open(self.config, 'w', encoding='utf-8') as file:
            file.write('\n'.join(lines) + '\n')
        self.process = subprocess.Popen([HOST, self.config], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        case.addCleanup(self.end)
        self.case = case

    def line(self, begin):
        """The rest of the next line that begins so."""
        for line in self.process.stdout:
            if line.startswith(begin):
                return line[len(begin):].strip()
        self.case.fail(f'the host ended without a line "{begin}"')

    def rest(self):
        """Ends the load; the counters."""
        self.process.stdin.write('rest\n')
        self.process.stdin.flush()
        stats = {}
        for line in self.process.stdout:
            words = line.split()
            if words == ['end']:
                return stats
            if len(words) == 2 and words[1].isdigit():
                stats[words[0]] = int(words[1])
        self.case.fail('the host ended early')

    def end(self):
        if self.process.stdin and not self.process.stdin.closed:
            self.process.stdin.close()
        if self.process.wait(PATIENCE) != 0:
            raise AssertionError(f'the host ended with {self.process.returncode}')
        self.process.stdout.close()


class Prometheus:
    def __init__(self, case, targets):
        self.directory = tempfile.TemporaryDirectory()
        case.addCleanup(self.directory.cleanup)
        path = os.path.join(self.directory.name, 'prometheus.yml')
        with open(path, 'w', encoding='utf-8') as file:
            json.dump({'global': {'scrape_interval': '250ms', 'scrape_timeout': '250ms'},
                       'scrape_configs': [{'job_name': 'host', 'static_configs':
                                           [{'targets': targets}]}]}, file)
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            self.url = 'http://127.0.0.1:%d' % probe.getsockname()[1]
        with open(os.path.join(self.directory.name, 'log'), 'wb') as log:
            self.process = subprocess.Popen(
                ['prometheus', '--config.file=' + path, '--web.listen-address=' + self.url[7:],
                 '--storage.tsdb.path=' + os.path.join(self.directory.name, 'data')],
                stdout=log, stderr=log)
        case.addCleanup(self.process.wait)
        case.addCleanup(self.process.kill)
        until(self.ready, 'Prometheus to start')

    def ready(self):
        assert self.process.poll() is None, 'Prometheus has ended'
        try:
            return fetch(self.url + '/-/ready')[0].status == 200
        except OSError:
            return False

    def ask(self, query):
        """The one number of the answer; None before there is one."""
        text = fetch(f'{self.url}/api/v1/query?' + urllib.parse.urlencode({'query': query}))[1]
        answer = json.loads(text)
        assert answer['status'] == 'success', text
        result = answer['data']['result']
        return float(result[0]['value'][1]) if result else None


class Exporter(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.root)

    def serving(self, *lines):
        host = Host(self, '[runtime]', 'exporters = prometheus', 'loops = 2',
                    '[exporter.prometheus]', 'listen = 127.0.0.1:0', *lines)
        return host, re.search(r'http://\S+', host.line('log [exporter.prometheus]')).group()

    def check_page(self, page):
        done = promtool(page)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, '', ''))

    def test_scraped_under_load(self):
        host, url = self.serving('[cache]', 'tiers = small, big', '[provider.small]',
                                 'plugin = memory', 'max_bytes = 128KiB', '[provider.big]',
                                 'plugin = memory')
        server = Prometheus(self, [urllib.parse.urlsplit(url).netloc])
        until(lambda: (server.ask(f'sum(rate({READS}[2s]))') or 0) > 1000, 'load to be seen')
        self.check_page(fetch(url)[1])
        stats = host.rest()
        completed = stats['completed']
        until(lambda: server.ask('sum(memstache_requests_total)') == completed,
              'a scrape of the host at rest')
        hits = stats['near_hits'] + stats['far_hits']
        reads = sum(stats[name] for name in ('loaded', 'coalesced', 'absent', 'misses')) + hits
        errors = server.ask('sum(memstache_requests_total{operation="get",result="error"})')
        self.assertEqual(server.ask(f'sum({HITS})'), hits)
        self.assertEqual(server.ask(f'sum({READS})'), reads + errors)
        self.assertEqual(errors, stats['errors'])
        self.assertEqual(server.ask(f'sum({HITS}) / sum({READS})'), hits / (reads + errors))
        self.assertGreater(hits / reads, 0.5)
        for tier in ('small', 'big'):
            self.assertGreater(server.ask(f'sum({HITS[:-1]},tier="{tier}"}})'), 0)
        self.assertEqual(server.ask('sum(memstache_requests_total{operation="set",result="ok"})'),
                         stats['sets'])
        self.assertEqual(server.ask('sum(memstache_loads_total)'), stats['loads'])
        self.assertGreater(server.ask('histogram_quantile(0.99, sum by (le) ('
                                      'memstache_load_duration_seconds_bucket))'), 0)
        self.assertEqual(server.ask('test_orders_total'), completed)
        self.assertEqual(server.ask('test_price_cents_count'), completed)
        self.assertEqual(server.ask('min_over_time(up[1m])'), 1)
        self.check_page(fetch(url)[1])

    def test_both_formats_say_the_same(self):
        host, url = self.serving()
        stats = host.rest()
        answer, text = fetch(url)
        self.assertEqual(answer.headers['Content-Type'],
                         'text/plain; version=0.0.4; charset=utf-8')
        answer, metrics = fetch(url, Accept=OPEN_METRICS)
        self.assertEqual(answer.headers['Content-Type'], OPEN_METRICS + '; charset=utf-8')
        self.assertTrue(metrics.endswith('\n# EOF\n'))
        self.assertEqual(samples(text), samples(metrics))
        self.assertIn('# TYPE memstache_requests counter\n', metrics)
        self.assertIn('# TYPE memstache_requests_total counter\n', text)
        self.assertIn('# UNIT test_price_cents cents\n', metrics)
        self.assertIn('test_orders_total{city="Zürich \\"old\\\\town\\"\\n"} '
                      f'{stats["completed"]}\n', text)

    def test_other_questions(self):
        host, url = self.serving()
        self.assertEqual(fetch(url + 'x')[0].status, 404)
        self.assertEqual(fetch(url[:-len('metrics')])[0].status, 404)
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(url, data=b'x', timeout=10)
        self.assertEqual((caught.exception.status, caught.exception.headers['Allow']),
                         (405, 'GET, HEAD'))
        caught.exception.close()
        host.rest()

    def test_textfile(self):
        path = os.path.join(self.root, 'host.prom')
        host = Host(self, '[runtime]', 'exporters = prometheus', '[exporter.prometheus]',
                    'listen =', 'textfile = ' + path, 'interval = 100ms')
        until(lambda: os.path.exists(path), 'the file')
        name = 'memstache_requests_total{cache="cache",operation="set",result="ok"}'
        first = os.stat(path).st_ino
        until(lambda: os.stat(path).st_ino != first, 'the next file')
        stats = host.rest()
        host.end()
        with open(path, encoding='utf-8') as file:
            page = file.read()
        self.check_page(page)
        self.assertEqual(samples(page)[name], str(stats['sets']))
        self.assertFalse(os.path.exists(path + '.next'))

    def refused(self, *lines):
        path = os.path.join(self.root, 'refused.ini')
        with open(path, 'w', encoding='utf-8') as file:
            file.write('\n'.join(('[runtime]', 'exporters = prometheus', '[exporter.prometheus]',
                                  *lines)) + '\n')
        done = subprocess.run([HOST, path], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        return done.stdout

    def test_refusals(self):
        with socket.socket() as other:
            other.bind(('127.0.0.1', 0))
            other.listen()
            port = other.getsockname()[1]
            self.assertIn(f'failed [exporter.prometheus] listen = 127.0.0.1:{port}: another program '
                          'listens there already', self.refused(f'listen = 127.0.0.1:{port}'))
        self.assertIn('listen = 9109: not an address and a port, as in 127.0.0.1:9109',
                      self.refused('listen = 9109'))
        self.assertIn('listen = ::1:9109: not an address and a port',
                      self.refused('listen = ::1:9109'))
        self.assertIn('this machine has no such address', self.refused('listen = 192.0.2.1:9109'))
        self.assertIn('nothing to do: set listen, or textfile', self.refused('listen ='))
        self.assertIn('cannot write /nowhere/x.prom.next: No such file or directory',
                      self.refused('listen =', 'textfile = /nowhere/x.prom'))


if __name__ == '__main__':
    if not (shutil.which('prometheus') and shutil.which('promtool')):
        print('prometheus or promtool is not there')
        sys.exit(SKIPPED)
    HOST = sys.argv.pop(1)
    unittest.main()
