# sh include/local/apt.sh PACKAGE…: installs packages of Debian or Ubuntu where this process may (root, with apt-get).
# Exits with 1 and prints the command to type where it may not, or where apt fails.
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "        On Debian or Ubuntu: sudo apt-get install $*   (then run make again)" >&2
    exit 1
fi
echo "Set-up: installing $*"
export DEBIAN_FRONTEND=noninteractive
# Packages that are known already may be newer than the list on this machine.
if said=$({ apt-get update -q && apt-get install -q -y --no-install-recommends "$@"; } 2>&1); then
    exit 0
fi
echo "$said" | tail -n 15 >&2
echo "        apt could not install it. Mend what it says above, then: apt-get install $*   (and run make again)" >&2
exit 1
