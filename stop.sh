#!/bin/sh
# Ends exactly the processes whose pids are in logs/*.pid, and says which were not running.
set -u
cd "$(dirname "$0")" || exit 1
here=$(pwd -P)

# Pids are used again: the process must be one of ours, started here.
is_ours() {
    kill -0 "$1" 2>/dev/null || return 1
    if [ -r "/proc/$1/cmdline" ]; then
        arguments=$(tr '\0' ' ' < "/proc/$1/cmdline" 2>/dev/null)
        # Redis moves into its own directory; its title tells the socket instead.
        case "$arguments" in
            *redis.sock*) return 0 ;;
        esac
        [ "$(readlink "/proc/$1/cwd" 2>/dev/null)" = "$here" ] || return 1
    else
        arguments=$(ps -o args= -p "$1" 2>/dev/null)
    fi
    case "$arguments" in
        *flowforge* | *redis.sock*) return 0 ;;
        *) return 1 ;;
    esac
}

# wait_for PID TENTHS: true once it is gone.
wait_for() {
    left=$2
    while is_ours "$1"; do
        [ "$left" -gt 0 ] || return 1
        left=$((left - 1))
        sleep 0.1
    done
}

# All pids first: the supervisor removes the files of those that it ends.
found=""
for service in up web worker redis; do
    [ -f "logs/$service.pid" ] && found="$found $service:$(tr -dc '0-9' < "logs/$service.pid")" \
        || found="$found $service:"
done
for file in logs/*.pid; do
    [ -f "$file" ] || continue
    service=$(basename "$file" .pid)
    case " up web worker redis " in
        *" $service "*) ;;
        *) found="$found $service:$(tr -dc '0-9' < "$file")" ;;
    esac
done

running=""
for entry in $found; do
    service=${entry%%:*}
    pid=${entry#*:}
    if [ -n "$pid" ] && is_ours "$pid"; then
        running="$running $entry"
    else
        echo "$service was not running"
        [ -z "$pid" ] || rm -f "logs/$service.pid"
    fi
done

failed=0
for entry in $running; do
    service=${entry%%:*}
    pid=${entry#*:}
    kill -TERM "$pid" 2>/dev/null
    if wait_for "$pid" 300; then
        echo "$service stopped (pid $pid)"
    else
        kill -KILL "$pid" 2>/dev/null
        if wait_for "$pid" 50; then
            echo "$service killed: it did not stop within 30 s (pid $pid)"
        else
            echo "$service could not be ended (pid $pid)" >&2
            failed=1
            continue
        fi
    fi
    rm -f "logs/$service.pid"
done
exit $failed
