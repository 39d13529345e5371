"""plugins.py BUILD - the plugin modules that a build directory makes, comma-separated.

From meson's list of targets: files of a plugin that is gone may still lie about.
"""
import json
import os
import sys


def modules(build):
    """(name, file) of each plugin built as a module, sorted."""
    with open(os.path.join(build, 'meson-info', 'intro-targets.json'), encoding='utf-8') as file:
        targets = json.load(file)
    return sorted((target['name'], target['filename'][0]) for target in targets
                  if target['type'] == 'shared module'
                  and os.path.dirname(target['filename'][0]) == os.path.join(build, 'plugins'))


if __name__ == '__main__':
    print(','.join(name for name, _ in modules(os.path.abspath(sys.argv[1]))))
