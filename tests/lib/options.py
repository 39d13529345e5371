"""options.py DIRECTORY -Dname=value ... - does the build directory have these options already?

Meson's own files are read, so that changes made by hand with `meson configure` are seen.
"""
import json
import os
import sys


def text(value):
    """A value as it is written on meson's command line."""
    if isinstance(value, bool):
        return 'true' if value else 'false'
    if isinstance(value, list):
        return ','.join(value)
    return str(value)


def main(directory, wanted):
    path = os.path.join(directory, 'meson-info', 'intro-buildoptions.json')
    try:
        with open(path, encoding='utf-8') as file:
            have = {option['name']: text(option['value']) for option in json.load(file)}
    except (OSError, ValueError):
        return 1
    for argument in wanted:
        name, _, value = argument[2:].partition('=')
        if have.get(name) != value:
            return 1
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1], sys.argv[2:]))
