#!/bin/sh
# Writes the table of object names that the installed OpenSSL knows: short name, long name, dotted OID,
# separated by tabs, in OpenSSL's order. Objects without an OID (ciphers, mostly) keep an empty last column:
# their names are taken all the same, so an `oid_section` may not define them again.
# Usage: sh make-objects.sh > objects.txt
set -eu
printf '# %s\n' "made by make-objects.sh from $(openssl version | cut -d' ' -f1,2)"
OPENSSL_CONF=/dev/null openssl list -objects | awk '
/^# None-OID object: / {
    rest = substr($0, 20); split(rest, part, ", "); printf "%s\t%s\t\n", part[1], part[2]; next
}
{
    at = index($0, " = "); short = substr($0, 1, at - 1); rest = substr($0, at + 3)
    # The long name may hold ", " itself: the OID is what follows the last one.
    n = match(rest, /, [0-9.]+$/)
    if (n) printf "%s\t%s\t%s\n", short, substr(rest, 1, n - 1), substr(rest, n + 2)
    else printf "%s\t%s\t%s\n", short, short, rest
}'
