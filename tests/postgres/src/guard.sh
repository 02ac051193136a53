# Runs one PostgreSQL for tests and ends it when nobody needs it any more, however they ended.
#
# guard.sh BINARIES FOLDER LINGER_S [FOLDER OF THE PRIMARY]
#
# It runs as long as somebody holds its standard input (who started it) or the line (a named pipe:
# whoever else uses it), and LINGER_S seconds longer. A process that is killed lets go of both. As
# the very first and last thing, the line tells whether a guard is alive: nobody can open it for
# writing when no guard reads from it.
set -eu
umask 077
cd /
binaries=$1 folder=$2 linger_s=$3 primary=${4-}
data=$folder/data

end() {
    "$binaries/pg_ctl" --pgdata="$data" --mode=immediate stop >/dev/null 2>&1 || :
    rm -rf "$folder"
}

mkdir "$folder"
mkfifo "$folder/line"
# Opening a pipe to read waits for somebody who writes, so that is ourselves, for a moment.
exec 4<>"$folder/line" 3<"$folder/line" 4>&-
trap end EXIT
trap 'exit 1' HUP INT TERM

if [ -n "$primary" ]; then
    "$binaries/pg_basebackup" --host="$primary" --username=postgres --pgdata="$data" \
        --write-recovery-conf --wal-method=stream --checkpoint=fast
else
    "$binaries/initdb" --pgdata="$data" --username=postgres --auth=trust --no-locale \
        --encoding=UTF8 --no-instructions
fi >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
cat >>"$data/postgresql.conf" <<SETTINGS
listen_addresses = ''
unix_socket_directories = '$folder'
max_connections = 200
fsync = on
SETTINGS
# It must not hold the line.
"$binaries/pg_ctl" --pgdata="$data" --log="$folder/log" --wait start >/dev/null 3<&- || {
    cat "$folder/log"
    exit 1
}
echo ready
exec >/dev/null 2>&1

# Until the one who started it is gone ...
cat >/dev/null
# ... and nobody has come for a while ...
while [ -n "$(sleep "$linger_s"; cat <&3)" ]; do :; done
# ... and nobody who came in this very moment is left.
mv "$folder/line" "$folder/line-closed"
cat <&3 >/dev/null
