#!/bin/sh
# doxygen.sh HEADER - prints it with its comments marked as documentation: those that begin a line
# belong to what follows, those behind code to what they stand beside. Angle brackets in a comment
# are text, not HTML.
sed -e '/\*/s|<\([a-z]*>\)|\\<\1|g' -e 's|^\( *\)/\* |\1/** |' \
    -e 's|\([;,)].*\) /\* |\1 /**< |' "$1"
