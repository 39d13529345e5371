"""testlog.py NAME TESTLOG.json RESULTS - counts what `meson test` ran.

Appends "pass|fail|skip NAME: test" to RESULTS, prints one line with the counts, and the end of the
output of each test that failed. The exit status is 1 when one did.
"""
import json
import sys

TAIL = 40
OUTCOMES = {'OK': 'pass', 'EXPECTEDFAIL': 'pass', 'SKIP': 'skip'}  # all others: fail


def outcomes(lines):
    """(outcome, test) for each line of a testlog.json."""
    for line in lines:
        if line.strip():
            test = json.loads(line)
            test['name'] = test['name'].partition(':')[2] or test['name']  # "project:suite / name"
            yield OUTCOMES.get(test['result'], 'fail'), test


def describe(test):
    print(f"   FAILED: {test['name']} ({test['result']}, status {test.get('returncode')})")
    output = (test.get('stdout', '') + test.get('stderr', '')).splitlines()
    for line in output[-TAIL:]:
        print('      | ' + line)


def main(name, log, results):
    counts = {'pass': 0, 'fail': 0, 'skip': 0}
    with open(log, encoding='utf-8', errors='replace') as lines, \
            open(results, 'a', encoding='utf-8') as out:
        for outcome, test in outcomes(lines):
            counts[outcome] += 1
            out.write(f"{outcome} {name}: {test['name']}\n")
            if outcome == 'fail':
                describe(test)
    skipped = f", {counts['skip']} skipped" if counts['skip'] else ''
    print(f"   tests: {counts['pass']} passed, {counts['fail']} failed{skipped}")
    return 1 if counts['fail'] else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
