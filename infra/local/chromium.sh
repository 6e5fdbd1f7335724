# Chromium, which the tests of the owner's page drive, and a font with Hebrew letters. Debian's packages, installed where
# this may install packages; elsewhere, one line says what is missing. CHROMIUM=... names another one.
#
# Nothing but the tests needs it.

browser=${CHROMIUM:-chromium}

lacks() {
    echo "Missing: Chromium as '$browser' (on Debian: apt install chromium fonts-dejavu-core). $1" >&2
    exit 1
}

command -v "$browser" >/dev/null && exit 0
[ -z "$CHROMIUM" ] || lacks "CHROMIUM names no program."
command -v apt-get >/dev/null || lacks "Another one is named by CHROMIUM=..."
[ "$(id -u)" = 0 ] || lacks "Only root may install it."

log=$(mktemp)
echo "Installing Chromium from this system's packages" >&2
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get update && apt-get install --yes --no-install-recommends chromium fonts-dejavu-core; } >"$log" 2>&1; then
    tail -n 5 "$log" >&2
    lacks "Installing it failed: $log"
fi
rm -f "$log"
command -v "$browser" >/dev/null || lacks "The package brought no such program."
