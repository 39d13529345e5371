"""What the tests of the command share: running it in an empty directory, with nothing of the
caller's configuration in the environment."""
import json
import os
import subprocess
import tempfile
import unittest

BUILD = os.environ['MEMSTACHE_BUILD_ROOT']
SOURCE = os.environ['MEMSTACHE_SOURCE_ROOT']
MEMSTACHE = os.path.join(BUILD, 'memstache')
SHELF_DIRECTORY = os.path.join(BUILD, 'tests', 'cli')
NOTE = ('memstache: note: all tiers of [cache] live in this process, nothing outlives this '
        'command; `memstache run` gives several commands one process\n')


def has_plugin(name):
    return os.path.exists(os.path.join(BUILD, 'plugins', name + '.so'))


def environment(**more):
    env = {name: value for name, value in os.environ.items() if not name.startswith('MEMSTACHE_')}
    env['MEMSTACHE_PLUGIN_PATH'] = os.environ['MEMSTACHE_PLUGIN_PATH']
    env.update(more)
    return env


class Answer:
    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout
        self.err = done.stderr.decode(errors='replace')

    def __repr__(self):
        return f'exit code {self.code}\nout: {self.out!r}\nerr: {self.err}'


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.directory = holder.name

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text):
        with open(self.path(name), 'wb') as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        return self.path(name)

    def run_command(self, *words, stdin=b'', **env):
        return Answer(subprocess.run([MEMSTACHE, *words], input=stdin, capture_output=True,
                                     cwd=self.directory, env=environment(**env), timeout=60,
                                     check=False))

    def expect(self, code, *words, out=None, err=None, stdin=b'', **env):
        """Runs the command; `out` is all of its output, `err` a part of its errors, or '' for
        none."""
        answer = self.run_command(*words, stdin=stdin, **env)
        self.assertEqual(answer.code, code, f'{words}: {answer}')
        if out is not None:
            self.assertEqual(answer.out, out, f'{words}: {answer}')
        if err == '':
            self.assertEqual(answer.err, '', f'{words}')
        elif err is not None:
            self.assertIn(err, answer.err, f'{words}')
        return answer

    def batch(self, code, *lines, words=(), out=None, err=None, **env):
        """The same for the lines of a batch."""
        return self.expect(code, *words, 'run', stdin='\n'.join(lines).encode() + b'\n', out=out,
                           err=err, **env)

    def objects(self, answer):
        """The JSON objects of an answer, one a line."""
        return [json.loads(line) for line in answer.out.decode().splitlines()]

    def shelf(self, *lines):
        """Options for a cache that keeps its values in files."""
        os.makedirs(self.path('values'), exist_ok=True)
        settings = ['plugins.path=' + SHELF_DIRECTORY, 'cache.tiers=shelf',
                    'provider.shelf.path=' + self.path('values'), *lines]
        return [word for setting in settings for word in ('--set', setting)]


def main():
    unittest.main(verbosity=1)
