"""otlp.py HOST SPANS - what the otlp exporter sends, decoded by an implementation that is not ours.

collector.js decodes with OpenTelemetry's definitions, from an npm package of a fixed version that is
installed into the build directory. The far tier is the one of tests/cli that keeps values in files.
"""
import json
import os
import queue
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request

SKIPPED = 77
PATIENCE = 60
PACKAGE = '@opentelemetry/otlp-transformer@0.57.2'
ROOT = os.path.join('node_modules', '@opentelemetry', 'otlp-transformer', 'build', 'src',
                    'generated', 'root.js')
BUILD = os.environ['MEMSTACHE_BUILD_ROOT']
HERE = os.path.dirname(os.path.abspath(__file__))
HOST = SPANS = ''

TRACE = '0af7651916cd43dd8448eb211c80319c'
PARENT = 'b7ad6b7169203331'
SAMPLED = f'00-{TRACE}-{PARENT}-01'
UNSAMPLED = f'00-{TRACE}-{PARENT}-00'


def install():
    """The decoder, as a file; None when npm cannot get it."""
    directory = os.path.join(BUILD, 'tests', 'monitoring', 'otel')
    root = os.path.join(directory, ROOT)
    if not os.path.exists(root):
        os.makedirs(directory, exist_ok=True)
        done = subprocess.run(['npm', 'install', '--prefix', directory, '--no-save', '--no-audit',
                               '--no-fund', '--ignore-scripts', '--no-package-lock', PACKAGE],
                              capture_output=True, text=True, timeout=240, check=False)
        if done.returncode:
            print(done.stderr[-2000:])
            return None
    return root


def port_of_nobody():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Lines:
    """A process whose lines are read as they come."""
    def __init__(self, case, words, **more):
        env = {k: v for k, v in os.environ.items() if not k.lower().endswith('_proxy')}
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, bufsize=1, env=env, **more)
        self.lines = queue.Queue()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        case.addCleanup(self.end)

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip('\n'))
        self.lines.put(None)

    def line(self):
        return self.lines.get(timeout=PATIENCE)

    def tell(self, text):
        self.process.stdin.write(text + '\n')
        self.process.stdin.flush()

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdin.close()
        self.process.stdout.close()


class Collector(Lines):
    def __init__(self, case, port=0):
        super().__init__(case, ['node', os.path.join(HERE, 'collector.js'), install(), str(port)])
        self.case = case
        self.port = int(self.line())
        self.requests = []

    def behave(self, text):
        self.tell(text)
        while (line := self.line()) != 'ok':
            self.note(line)

    def note(self, line):
        request = json.loads(line)
        self.case.assertNotIn('error', request)
        self.requests.append(request)

    def until(self, condition):
        """Waits for more requests until the condition gives something."""
        while not (value := condition()):
            self.note(self.line())
        return value

    def all(self, path, status=200):
        return [r for r in self.requests if r['path'] == path and r['status'] == status]

    def spans(self):
        """Those of requests that were answered well."""
        return [span for r in self.all('/v1/traces') for resource in r['body']['resourceSpans']
                for scope in resource['scopeSpans'] for span in scope['spans']]

    def named(self, name, count=1):
        """So many spans of that name."""
        def found():
            spans = [s for s in self.spans() if s['name'] == name]
            return spans if len(spans) >= count else None
        return self.until(found)


def value_of(value):
    (kind, content), = value.items()
    return int(content) if kind == 'intValue' else content


def attributes(of):
    return {a['key']: value_of(a['value']) for a in of['attributes']}


class Otlp(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.directory = holder.name

    def host(self, port, *lines, cache=(), runtime=(), shelf=(), delay='20ms'):
        values = os.path.join(self.directory, 'values')
        os.makedirs(values, exist_ok=True)
        config = os.path.join(self.directory, 'host.ini')
        parts = ['[plugins]', f'path = {BUILD}/tests/cli', '[runtime]', 'exporters = otlp',
                 'trace_ratio = 0', *runtime, '[cache]', 'tiers = memory, shelf', *cache,
                 '[provider.shelf]', f'path = {values}', *shelf, '[exporter.otlp]',
                 f'endpoint = http://127.0.0.1:{port}', f'delay = {delay}', *lines]
        with open(config, 'w', encoding='utf-8') as file:
            file.write('\n'.join(parts) + '\n')
        host = Lines(self, [HOST, config], stderr=subprocess.PIPE)
        self.addCleanup(host.process.stderr.close)
        self.assertEqual(host.line(), 'ready')
        return host

    def ask(self, host, text):
        host.tell(text)
        return host.line()

    def figures(self, host):
        host.tell('figures')
        found = {}
        while (line := host.line()) != 'end':
            name, value = line.split()
            found[name] = int(value)
        return found

    def wait_for_figures(self, host, condition):
        end = time.monotonic() + PATIENCE
        while not condition(figures := self.figures(host)) and time.monotonic() < end:
            time.sleep(0.02)
        self.assertTrue(condition(figures), figures)
        return figures

    def close(self, host):
        """Milliseconds; what went to the log."""
        host.process.stdin.close()
        took = int(host.line())
        self.assertEqual(host.process.wait(), 0)
        return took, host.process.stderr.read()


class Traces(Otlp):
    def test_continued(self):
        """From the caller's span over the request's and its steps' to what the loader passes on."""
        collector = Collector(self)
        host = self.host(collector.port, 'service = shop')
        why, passed_on = self.ask(host, f'load cart {SAMPLED}').split()
        self.assertEqual(why, 'loaded')
        request, = collector.named('get_or_load')
        self.assertEqual((request['traceId'], request['parentSpanId']), (TRACE, PARENT))
        self.assertEqual((request['kind'], request.get('status')), (1, None))
        self.assertGreater(int(request['endTimeUnixNano']), int(request['startTimeUnixNano']))
        self.assertLess(abs(int(request['endTimeUnixNano']) / 1e9 - time.time()), 60)
        found = attributes(request)
        self.assertRegex(found.pop('memstache.key_hash'), '^[0-9a-f]{16}$')
        self.assertEqual(found, {'memstache.cache': 'cache', 'memstache.why': 'loaded',
                                 'memstache.status': 'MST_OK', 'memstache.tier': 'loader'})
        steps = {name: collector.named(name)[0] for name in
                 ('memory get', 'shelf get', 'loader', 'shelf set')}
        for step in steps.values():
            self.assertEqual((step['traceId'], step['parentSpanId']), (TRACE, request['spanId']))
            self.assertGreaterEqual(int(step['endTimeUnixNano']), int(step['startTimeUnixNano']))
        self.assertEqual(len({s['spanId'] for s in [request, *steps.values()]}), 5)
        self.assertEqual({name: step['kind'] for name, step in steps.items()},
                         {'memory get': 1, 'shelf get': 3, 'loader': 1, 'shelf set': 3})
        self.assertEqual(attributes(steps['shelf get']), {
            'memstache.tier': 'shelf', 'memstache.operation': 'get',
            'memstache.status': 'MST_MISS'})
        self.assertEqual(passed_on, f'00-{TRACE}-{steps["loader"]["spanId"]}-01')
        resource = collector.all('/v1/traces')[0]['body']['resourceSpans'][0]
        self.assertEqual(attributes(resource['resource']), {
            'service.name': 'shop', 'process.pid': host.process.pid,
            'telemetry.sdk.language': 'c'})
        self.assertEqual(resource['scopeSpans'][0]['scope']['name'], 'memstache')
        self.assertEqual(collector.requests[0]['headers']['content-type'],
                         'application/x-protobuf')

    def test_which(self):
        """Unsampled ones only when they fail or are slow; without a caller's trace, by ratio."""
        collector = Collector(self)
        host = self.host(collector.port, cache=['slow_request = 400ms'])
        self.assertEqual(self.ask(host, f'get a {UNSAMPLED}'), 'miss')
        self.assertEqual(self.ask(host, 'get a -'), 'miss')
        self.assertEqual(self.ask(host, f'get marker {SAMPLED}'), 'miss')
        collector.named('get')
        self.assertEqual([s['name'] for s in collector.spans()],
                         ['get', 'memory get', 'shelf get'])
        self.close(host)
        host = self.host(collector.port, cache=['slow_request = 400ms'], shelf=['pause = on'])
        self.ask(host, f'get a {UNSAMPLED}')
        slow = collector.named('get', 2)[1]
        self.assertEqual(slow['traceId'], TRACE)
        _, log = self.close(host)
        self.assertIn('[cache] slow request: get of key ', log)
        host = self.host(collector.port, runtime=['trace_keys = plain'],
                         shelf=['fail = error'])
        self.ask(host, 'get a-key -')
        failed = collector.named('get', 3)[2]
        self.assertEqual(failed['status'], {'code': 2, 'message': 'a tier failed'})
        self.assertEqual(attributes(failed)['memstache.key'], 'a-key')
        self.assertNotEqual(failed['traceId'], TRACE)
        self.assertEqual(failed.get('parentSpanId', ''), '')

    def test_headers(self):
        collector = Collector(self)
        secret = os.path.join(self.directory, 'secret')
        with open(secret, 'w', encoding='utf-8') as file:
            file.write('authorization=Bearer x=y,tenant=t1\n')
        os.chmod(secret, 0o600)
        host = self.host(collector.port, f'headers_file = {secret}')
        self.ask(host, f'get a {SAMPLED}')
        collector.named('get')
        headers = collector.requests[0]['headers']
        self.assertEqual((headers['authorization'], headers['tenant']), ('Bearer x=y', 't1'))

    def test_end(self):
        """What waits when the runtime is closed is sent."""
        collector = Collector(self)
        host = self.host(collector.port, delay='1m')
        self.ask(host, f'get a {SAMPLED}')
        self.close(host)
        collector.named('get')


    def test_any_span(self):
        """Spans that only other hosts of this exporter could have: spans.c says which."""
        collector = Collector(self)
        made = subprocess.run([SPANS], stdout=subprocess.PIPE, check=True).stdout
        with urllib.request.urlopen(f'http://127.0.0.1:{collector.port}/v1/traces', made) as reply:
            self.assertEqual(reply.status, 200)
        small, large = collector.until(collector.spans)
        self.assertEqual((small['traceId'], small['spanId'], small['kind'], small['name']),
                         ('01' + 30 * '0', '02' + 14 * '0', 1, ''))
        self.assertEqual((small['startTimeUnixNano'], small['endTimeUnixNano']), ('1', '0'))
        self.assertEqual((small.get('parentSpanId', ''), small.get('attributes', []),
                          small.get('status')), ('', [], None))
        self.assertEqual((large['parentSpanId'], large['kind'], large['name']),
                         ('05' + 14 * '0', 3, 127 * 'a'))
        self.assertEqual((large['startTimeUnixNano'], large['endTimeUnixNano']),
                         (str(0x0102030405060708), str(2 ** 64 - 1)))
        self.assertEqual(large['traceState'], 'vendor=1')
        self.assertEqual(large['status'], {'code': 2, 'message': 20000 * 'x'})
        self.assertEqual(attributes(large), {
            'none': '', '127': 127 * 'a', '128': 128 * 'a', 'cut': 256 * 'x',
            'euros': 85 * '\u20ac', 200 * 'k': 'under a long name',
            'least': -2 ** 63, 'most': 2 ** 63 - 1, 'zero': 0, 'yes': True, 'no': False})


class Metrics(Otlp):
    def test_metrics(self):
        collector = Collector(self)
        host = self.host(collector.port, 'interval = 100ms')
        for i in range(7):
            self.ask(host, f'load k{i % 3} -')

        def latest():
            """The metrics by name, when all requests are in them."""
            for request in reversed(collector.all('/v1/metrics')):
                metrics = {m['name']: m for resource in request['body']['resourceMetrics']
                           for scope in resource['scopeMetrics'] for m in scope['metrics']}
                total = sum(int(p.get('asInt', 0)) for p in points(metrics))
                return metrics if total == 7 else None
            return None

        def points(metrics):
            return [p for p in metrics['memstache_requests']['sum']['dataPoints']
                    if attributes(p)['operation'] == 'get']
        metrics = collector.until(latest)
        total = metrics['memstache_requests']['sum']
        self.assertEqual((total['aggregationTemporality'], total['isMonotonic']), (2, True))
        by_result = {}
        for point in points(metrics):
            self.assertLess(int(point['startTimeUnixNano']), int(point['timeUnixNano']))
            result = attributes(point)['result']
            by_result[result] = by_result.get(result, 0) + int(point.get('asInt', 0))
        self.assertEqual((by_result['hit'], by_result['loaded']), (4, 3))
        histograms = [m for m in metrics.values() if 'histogram' in m]
        self.assertTrue(histograms)
        for metric in histograms:
            self.assertEqual(metric['histogram']['aggregationTemporality'], 2)
            for point in metric['histogram']['dataPoints']:
                counts = [int(n) for n in point['bucketCounts']]
                self.assertEqual(sum(counts), int(point.get('count', 0)), metric['name'])
                self.assertEqual(len(counts), len(point['explicitBounds']) + 1)
                self.assertEqual(point['explicitBounds'], sorted(point['explicitBounds']))
        self.assertTrue(any(m.get('unit') == 's' for m in histograms))
        self.assertTrue(any('gauge' in m for m in metrics.values()))
        self.assertTrue(all(m['description'] for m in metrics.values()))


class Failures(Otlp):
    N = 3000

    def test_again(self):
        """503 twice, with a Retry-After: the same spans come again, once."""
        collector = Collector(self)
        collector.behave('503 2 1')
        host = self.host(collector.port)
        self.ask(host, f'get a {SAMPLED}')
        collector.named('get')
        tries = [r for r in collector.requests if r['path'] == '/v1/traces']
        self.assertEqual([r['status'] for r in tries], [503, 503, 200])
        self.assertEqual(tries[0]['body'], tries[2]['body'])
        for before, after in zip(tries, tries[1:]):
            self.assertGreaterEqual(after['at'] - before['at'], 990)
        figures = self.wait_for_figures(host, lambda f: f['otlp_spans_sent'] == 3)
        self.assertEqual((figures['otlp_spans_dropped'], figures['otlp_request_failures']), (0, 2))
        _, log = self.close(host)
        self.assertIn('[exporter.otlp] cannot send to http://127.0.0.1', log)
        self.assertIn('the collector answers again', log)

    def test_refused(self):
        """400 means no: nothing is sent again. A part that is rejected counts as dropped."""
        collector = Collector(self)
        collector.behave('400 1 -')
        host = self.host(collector.port)
        self.ask(host, f'get a {SAMPLED}')
        self.wait_for_figures(host, lambda f: f['otlp_spans_dropped'] == 3)
        collector.behave('partial 2')
        self.ask(host, f'get b {SAMPLED}')
        figures = self.wait_for_figures(host, lambda f: f['otlp_spans_dropped'] == 5)
        self.assertEqual((figures['otlp_spans_sent'], figures['otlp_request_failures']), (1, 1))
        self.close(host)

    def test_nobody_there(self):
        """The queue is bounded, what does not fit is counted, requests go on as before; and what
        the queue holds is sent when the collector comes back."""
        port = port_of_nobody()
        host = self.host(port, 'queue = 100')
        self.ask(host, f'burst 100 {UNSAMPLED}')
        alone = int(self.ask(host, f'burst {self.N} {UNSAMPLED}'))
        memory = resident(host.process.pid)
        longest = int(self.ask(host, f'burst {self.N} {SAMPLED}'))
        room = 64 if 'ASAN_OPTIONS' in os.environ else 4 # what was freed is kept from reuse there
        self.assertLess(resident(host.process.pid) - memory, room << 20)
        self.assertLess(longest, 100000 + 10 * alone)  # microseconds; a collector would take more
        figures = self.figures(host)
        spans = 3 * self.N
        self.assertEqual(figures['otlp_spans_sent'], 0)
        self.assertGreaterEqual(figures['otlp_spans_dropped'], spans - 200)  # in hand; in the queue
        self.assertLess(figures['otlp_spans_dropped'], spans)
        self.assertGreater(figures['otlp_request_failures'], 0)
        collector = Collector(self, port)
        figures = self.wait_for_figures(
            host, lambda f: f['otlp_spans_sent'] + f['otlp_spans_dropped'] == spans)
        self.assertEqual(len(collector.until(lambda: len(collector.spans()) ==
                                             figures['otlp_spans_sent'] and collector.spans())),
                         figures['otlp_spans_sent'])
        self.assertGreater(figures['otlp_spans_sent'], 0)
        self.close(host)

    def test_end_without_anybody(self):
        """Neither a refused connection nor one that is never answered keeps a runtime open."""
        for hang in (False, True):
            if hang:
                collector = Collector(self)
                collector.behave('hang')
            host = self.host(collector.port if hang else port_of_nobody(), 'timeout = 1m')
            self.ask(host, f'burst 10 {SAMPLED}')
            if hang:
                collector.until(lambda: collector.requests)
            took, _ = self.close(host)
            self.assertLess(took, 10000)


def resident(pid):
    with open(f'/proc/{pid}/statm', encoding='ascii') as file:
        return int(file.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')


if __name__ == '__main__':
    HOST, SPANS = sys.argv.pop(1), sys.argv.pop(1)
    if not shutil.which('node') or not shutil.which('npm'):
        print('skipped: there is no node, or no npm')
        sys.exit(SKIPPED)
    if not install():
        print('skipped: npm cannot get ' + PACKAGE)
        sys.exit(SKIPPED)
    unittest.main(verbosity=1)
