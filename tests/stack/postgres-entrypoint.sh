#!/bin/bash
# What PostgreSQL's image does with an empty volume: a cluster with a user, its password and a database. Until they are there the
# server is reached by its socket alone.
set -o errexit -o nounset -o pipefail

if [[ $1 = postgres && ! -s $PGDATA/PG_VERSION ]]; then
    chmod 700 "$PGDATA"
    initdb --username="$POSTGRES_USER" --pwfile=<(echo "$POSTGRES_PASSWORD")
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
    pg_ctl --options="-c listen_addresses=''" --wait start
    createdb --username="$POSTGRES_USER" "$POSTGRES_DB" || [[ $POSTGRES_DB = postgres ]]
    pg_ctl --mode=fast --wait stop
fi
exec "$@"
