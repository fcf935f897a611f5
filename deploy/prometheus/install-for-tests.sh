#!/usr/bin/env bash
# Puts Debian's Prometheus (prometheus and promtool) where the tests find it, and prints that folder.
#
#   deploy/prometheus/install-for-tests.sh [FOLDER]      FOLDER: default .leadstream/prometheus
#
# The package is fetched through apt, checked by apt, and only unpacked: no root needed, nothing is started, and the
# machine's own packages stay as they are. Does nothing where both programs are there already.
set -euo pipefail

folder=${1:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/.leadstream/prometheus}

if command -v prometheus > /dev/null && command -v promtool > /dev/null; then
    dirname "$(command -v promtool)"
    exit 0
fi
if [[ -x $folder/usr/bin/prometheus && -x $folder/usr/bin/promtool ]]; then
    echo "$folder/usr/bin"
    exit 0
fi
for tool in apt-get dpkg-deb; do
    if ! command -v "$tool" > /dev/null; then
        echo "Prometheus is not installed and there is no $tool to fetch it with; install prometheus and promtool." >&2
        exit 69
    fi
done

mkdir -p "$folder/apt/lists/partial" "$folder/apt/cache/archives/partial"
# Lists of our own, so that the machine's are neither needed nor touched.
apt=(apt-get -qq -o "Dir::State::lists=$folder/apt/lists" -o "Dir::Cache=$folder/apt/cache" -o APT::Sandbox::User=root
    -o Acquire::Retries=3 -o Acquire::Languages=none)
work=$(mktemp -d "$folder/unpack.XXXXXX")
trap 'rm -rf "$work"' EXIT
(cd "$work" && "${apt[@]}" update && "${apt[@]}" download prometheus) >&2
dpkg-deb -x "$work"/prometheus_*.deb "$work/root"
rm -rf "$folder/usr"
mv "$work/root/usr" "$folder/usr"
rm -rf "$folder/apt"
echo "$folder/usr/bin"
