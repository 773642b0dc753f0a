# Fills .venv from the two locks unless that is done already; run from the checkout's root.
# The copy .venv/requirements.txt is written last: it names what was installed, completely.
if .venv/bin/python -c '' 2>/dev/null && cat requirements.txt requirements-dev.txt | cmp -s - .venv/requirements.txt; then
    exit 0
fi

# Hands over to the first Python that is new enough and can make virtual environments; returns where there is none.
go_on() {
    has_no_venv=
    for python in "$PYTHON_FOR_VENV" python3.13 python3.12 python3.11 python3 python3.14 python; do
        [ -n "$python" ] || continue
        "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
        if "$python" -c 'import venv, ensurepip' 2>/dev/null; then
            exec "$python" -m include.local.setup
        fi
        has_no_venv=${has_no_venv:-$python}
    done
}

go_on
if [ -n "$has_no_venv" ]; then
    echo "Set-up: $has_no_venv has no venv module, which makes virtual environments." >&2
    sh include/local/apt.sh "$(basename "$has_no_venv")-venv" && go_on
else
    found=$(python3 --version 2>/dev/null || echo "no Python")
    echo "Set-up: Planbridge needs Python 3.11 or newer; found: $found." >&2
    sh include/local/apt.sh python3 python3-venv && go_on
    echo "        Elsewhere (macOS: brew install python@3.13), or where apt has an older one, name it:" >&2
    echo "        make PYTHON_FOR_VENV=/path/to/python3.12 setup" >&2
fi
exit 1
