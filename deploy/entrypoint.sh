#!/bin/sh
# Live workers of one service are told apart by LEADSTREAM_WORKER; in containers the host name does it, which a
# container keeps when it is restarted.
set -eu
export LEADSTREAM_WORKER="${LEADSTREAM_WORKER:-$(hostname)}"
exec "$@"
