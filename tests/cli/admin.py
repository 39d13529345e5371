"""`memstache stat` and `memstache health`, and what is behind them: the admin socket of a program
that runs, also with clients that behave badly."""
import json
import os
import re
import resource
import socket
import stat
import subprocess
import time

import command

HOST = os.path.join(command.BUILD, 'tests', 'cli', 'admin_host')
LOOPS = ('private', 'lent')


class Program:
    """admin_host with a configuration."""
    def __init__(self, case, text, loop, **more):
        self.path = case.path('app.sock')
        file = case.write('app.ini', f'[runtime]\nadmin_socket = {self.path}\n' + text)
        self.process = subprocess.Popen([HOST, file, loop], stdin=subprocess.PIPE, text=True,
                                        stdout=subprocess.PIPE, env=command.environment(), **more)
        case.addCleanup(self.end)
        self.first = self.process.stdout.readline().rstrip()

    def tell(self, line):
        self.process.stdin.write(line + '\n')
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip()

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def connect(self):
        s = socket.socket(socket.AF_UNIX)
        s.connect(self.path)
        s.settimeout(20)
        return s

    def ask(self, line):
        with self.connect() as s:
            s.sendall(line)
            return received(s)


def received(s):
    data = b''
    try:
        while more := s.recv(65536):
            data += more
    except ConnectionResetError:
        pass
    return data


class Admin(command.Case):
    def program(self, loop='private', text='', **more):
        program = Program(self, text, loop, **more)
        self.assertEqual(program.first, 'ready')
        return program

    def shelf_lines(self, *lines):
        os.makedirs(self.path('values'), exist_ok=True)
        return (f'[plugins]\npath = {command.SHELF_DIRECTORY}\n[provider.shelf]\n'
                f'path = {self.path("values")}\n' + '\n'.join(lines) + '\n')


class Answers(Admin):
    def test_stat(self):
        for loop in LOOPS:
            program = self.program(loop, '[cache]\n[cache.other]\n')
            self.assertEqual(stat.S_IMODE(os.lstat(program.path).st_mode), 0o600)
            for key in 'abc':
                self.assertEqual(program.tell('put ' + key), 'done')
            answer, = self.objects(self.expect(0, 'stat', '--json', '--socket', program.path,
                                               err=''))
            self.assertEqual(answer['pid'], program.process.pid)
            self.assertEqual([c['cache'] for c in answer['caches']], ['', 'other'])
            cache, other = answer['caches']
            self.assertEqual((cache['counters']['sets'], other['counters']['sets']), (3, 0))
            self.assertEqual(cache['counters']['started'],
                             cache['counters']['completed'] + cache['counters']['pending'])
            self.assertEqual(cache['tiers'][0]['tier'], 'memory')
            self.assertEqual(cache['tiers'][0]['figures']['entries'], 3)
            # The path of the configuration does as well, and one cache alone.
            text = self.expect(0, '-c', self.path('app.ini'), 'stat', err='').out.decode()
            self.assertRegex(text, rf'^process {program.process.pid}, up [0-9.]+ s, memstache ')
            self.assertRegex(text, r'\n  sets +3 +[0-9.]+\n')
            self.assertRegex(text, r'\n\[cache.other\] +total +per second\n')
            text = self.expect(0, 'stat', 'other', '--socket', program.path, err='').out.decode()
            self.assertNotIn('[cache] ', text)
            self.assertIn('[cache.other] ', text)
            self.expect(1, 'stat', 'third', '--socket', program.path, out=b'', err='no such cache')
            self.assertEqual(program.tell('close'), 'closed')
            self.assertFalse(os.path.exists(program.path))

    def test_watch(self):
        program = self.program()
        words = [command.MEMSTACHE, 'stat', '--socket', program.path, '--watch', '0.05']
        with subprocess.Popen(words, stdout=subprocess.PIPE, env=command.environment(),
                              text=True) as watch:
            rates = []
            while len(rates) < 3 and (line := watch.stdout.readline()):
                if match := re.match(r' +sets +(\d+) +([0-9.]+)', line):
                    rates.append((int(match[1]), float(match[2])))
                    self.assertEqual(program.tell('put k'), 'done')
            watch.kill()
        self.assertEqual(len(rates), 3, 'it ended early')
        self.assertEqual(rates[0], (0, 0))
        self.assertTrue(all(total > 0 and rate > 0 for total, rate in rates[1:]), rates)

    def test_health(self):
        program = self.program(text='[cache]\ntiers = shelf\n' + self.shelf_lines(
            'fail = error', 'breaker_failures = 1', 'breaker_pause = 1h'))
        self.expect(0, 'health', '--socket', program.path, out=b'ok\n', err='')
        program.tell('get a')
        end = time.monotonic() + 30
        while b'"ok"' in program.ask(b'health\n') and time.monotonic() < end:
            time.sleep(0.01)
        self.expect(1, 'health', '--socket', program.path, err='',
                    out=b'degraded\n  [cache] tier "shelf" is not asked, because it only failed\n')
        answer, = self.objects(self.expect(1, '--json', 'health', '--socket', program.path))
        self.assertEqual(answer, {'status': 'degraded', 'reasons': [
            {'cache': '', 'reason': 'breaker-open', 'tier': 'shelf'}]})

    def test_many_pending(self):
        """Four places of five are taken by requests that take half a second."""
        program = self.program(text='[cache]\ntiers = shelf\nmax_pending = 5\n' +
                               self.shelf_lines('pause = on'))
        for key in 'abc':
            program.tell('get ' + key)
        self.expect(0, 'health', '--socket', program.path)
        program.tell('get d')
        reasons = json.loads(program.ask(b'health\n'))['reasons']
        self.assertEqual(reasons, [{'cache': '', 'reason': 'pending'}])

    def test_closing(self):
        """While a request is waited for, the process says that it closes."""
        program = self.program(text='[cache]\ntiers = shelf\n' + self.shelf_lines('pause = on'))
        program.tell('get a')
        program.process.stdin.write('close\n')
        program.process.stdin.flush()
        answer = b''
        while b'"closing"' not in answer and program.process.poll() is None:
            try:
                answer = program.ask(b'health\n')
            except (FileNotFoundError, ConnectionRefusedError):
                break
        self.assertIn(b'"reason":"closing"', answer)
        self.assertEqual(program.process.stdout.readline(), 'closed\n')


class Paths(Admin):
    def refused(self, path, why):
        file = self.write('x.ini', f'[runtime]\nadmin_socket = {path}\n')
        with subprocess.Popen([HOST, file, 'private'], stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, env=command.environment()) as process:
            text = process.stdout.read()
        self.assertEqual(process.returncode, 1)
        self.assertTrue(text.startswith('[runtime] admin_socket: '), text)
        self.assertIn(why, text)

    def test_errors(self):
        self.refused(self.path('none/x.sock'), 'its directory does not exist; create it first')
        self.refused(self.path('x' * 120), 'a socket\'s may have 107; choose a shorter one')
        self.refused(self.write('file', ''), 'is there already and is no socket')
        self.assertTrue(os.path.exists(self.path('file')))
        program = self.program()
        self.refused(program.path, 'another process answers there')
        self.expect(0, 'health', '--socket', program.path)

    def test_left_behind(self):
        program = self.program()
        program.process.kill()
        program.process.wait()
        self.assertTrue(os.path.exists(program.path))
        self.expect(2, 'health', '--socket', program.path, err='the process that made it has gone')
        program = self.program()
        self.expect(0, 'health', '--socket', program.path, out=b'ok\n')

    def test_another_file_stays(self):
        """What has taken the place of the socket is not removed at the end."""
        program = self.program()
        os.unlink(program.path)
        self.write('app.sock', 'mine')
        self.assertEqual(program.tell('close'), 'closed')
        self.assertTrue(os.path.exists(program.path))

    def test_commands_leave_it_alone(self):
        program = self.program()
        self.expect(1, '-c', self.path('app.ini'), 'get', 'a')
        self.expect(0, '-c', self.path('app.ini'), 'health', out=b'ok\n')
        self.assertEqual(program.tell('put a'), 'done')

    def test_which_process(self):
        self.expect(2, 'stat', out=b'', err='which process? Give --socket PATH, or a configuration')
        self.expect(2, 'stat', '--socket', self.path('none'), err='No such file')
        self.expect(2, 'health', '--socket', 'x' * 200, err='longer than the 107 bytes')
        self.expect(2, 'stat', 'a\nb', '--socket', 'x', err='cannot be the name of a cache')


class Harm(Admin):
    def test_gone_before_the_answer(self):
        """With SIGPIPE as it is by default, on the thread of the program itself."""
        for loop in LOOPS:
            program = self.program(loop, restore_signals=True)
            for _ in range(200):
                with program.connect() as s:
                    s.sendall(b'stat\n')
            self.expect(0, 'health', '--socket', program.path)
            self.assertEqual(program.tell('close'), 'closed')

    def test_crowd(self):
        """Many that say nothing keep nobody from an answer; in time they are sent away."""
        program = self.program()
        crowd = [program.connect() for _ in range(100)]
        began = time.monotonic()
        self.assertIn(b'"ok"', program.ask(b'health\n'))
        self.assertLess(time.monotonic() - began, 4)
        crowd[-1].sendall(b'hea')
        for s in crowd:
            self.assertEqual(received(s), b'')
            s.close()
        self.assertEqual(program.tell('close'), 'closed')

    def test_nonsense(self):
        program = self.program()
        for line in (b'x' * 100000, b'\0' * 600, b'\xff\n', b'\n', b'stat \n' * 1000, b'STAT\n'):
            with program.connect() as s:
                try:
                    s.sendall(line)
                except OSError:
                    pass
                answer = received(s)
            self.assertTrue(not answer or json.loads(answer), line[:10])
        self.assertIn('error', json.loads(program.ask(b'keys\n')))
        self.assertIn(b'"ok"', program.ask(b'health\r\n'))

    def test_open_at_the_end(self):
        for loop in LOOPS:
            program = self.program(loop)
            idle = [program.connect() for _ in range(5)]
            idle[0].sendall(b'st')
            self.assertIn(b'"ok"', program.ask(b'health\n'))
            self.assertEqual(program.tell('close'), 'closed')
            for s in idle:
                self.assertEqual(received(s), b'')
                s.close()

    def test_no_descriptors(self):
        """A process that has run out of descriptors does not spin, and answers again later."""
        program = self.program()
        self.assertIn(b'"ok"', program.ask(b'health\n'))
        limit = resource.prlimit(program.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(program.process.pid, resource.RLIMIT_NOFILE, (3, limit[1]))
        with program.connect() as s:
            before = cpu(program.process.pid)
            time.sleep(0.5)
            self.assertLess(cpu(program.process.pid) - before, 0.2)
            resource.prlimit(program.process.pid, resource.RLIMIT_NOFILE, limit)
            s.sendall(b'health\n')
            self.assertIn(b'"ok"', received(s))


def cpu(pid):
    with open(f'/proc/{pid}/stat', encoding='ascii') as file:
        fields = file.read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


if __name__ == '__main__':
    command.main()
