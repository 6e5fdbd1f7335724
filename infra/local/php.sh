# PHP's command line, which runs the receivers' PHP sample in the tests. Debian's package, installed where this may install
# packages; elsewhere, one line says what is missing.
#
# Nothing but that test needs it.

lacks() {
    echo "Missing: PHP 8 as 'php' (on Debian: apt install php-cli). $1" >&2
    exit 1
}

command -v php >/dev/null && exit 0
command -v apt-get >/dev/null || lacks "This system has no apt-get."
[ "$(id -u)" = 0 ] || lacks "Only root may install it."

log=$(mktemp)
echo "Installing PHP from this system's packages" >&2
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get update && apt-get install --yes --no-install-recommends php-cli; } >"$log" 2>&1; then
    tail -n 5 "$log" >&2
    lacks "Installing it failed: $log"
fi
rm -f "$log"
command -v php >/dev/null || lacks "The package brought no such program."
