"""docs.py ROOT SCRATCH RESULTS - all of tests/docs; called by run.sh, which sets the environment.

Appends "pass|fail|skip docs: NAME" to RESULTS, prints what failed, and ends with the counts.
"""
import os
import sys

import checks
import examples
import failures
import selftest


class Report:
    def __init__(self, results):
        self.results = results
        self.counts = {'pass': 0, 'fail': 0, 'skip': 0}

    def __call__(self, outcome, name, text):
        self.counts[outcome] += 1
        with open(self.results, 'a', encoding='utf-8') as file:
            file.write(f'{outcome} docs: {name}\n')
        if outcome != 'pass':
            print(f'   {"FAILED" if outcome == "fail" else "skipped"}: docs: {name}')
            for line in text.rstrip('\n').split('\n')[-60:]:
                print('      | ' + line)


def main(root, scratch, results):
    os.makedirs(scratch)
    report = Report(results)
    selftest.run(scratch, report)
    checks.run(root, report)
    examples.run(root, scratch, report)
    failures.run(root, scratch, report)
    counts = report.counts
    if counts['skip']:
        print(f"   {counts['skip']} skipped")
    print(f"{counts['pass']} passed, {counts['fail']} failed")
    return 1 if counts['fail'] or not counts['pass'] else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
