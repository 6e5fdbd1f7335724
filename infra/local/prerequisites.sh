# What a fresh machine has to bring, checked before anything is installed: one line for each thing that is missing.
# A shell script, because Python itself is one of them. Usage: prerequisites.sh PYTHON
#
# It installs nothing.

python=$1
missing=0

lacks() {
    echo "Missing: $1" >&2
    missing=1
}

[ "$(uname -s)" = Linux ] || lacks "Linux. The local stack runs the Lambda function itself, which is a Linux program."

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
    lacks "Python 3.10 or later as '$python'. Another one is named by PYTHON=..."
elif ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    lacks "Python's venv module (on Debian and Ubuntu: apt install python3-venv)."
fi

command -v cc >/dev/null || lacks "a C compiler as 'cc' (on Debian and Ubuntu: apt install build-essential)."

wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
if ! command -v cargo >/dev/null || ! command -v rustc >/dev/null; then
    lacks "Rust $wanted or later, by rustup: https://rustup.rs"
else
    found=$(rustc --version | cut -d' ' -f2)
    oldest=$(printf '%s\n%s\n' "$wanted" "$found" | sort -V | head -n 1)
    [ "$oldest" = "$wanted" ] || lacks "Rust $wanted or later; here is $found (rustup update stable)."
fi

exit $missing
