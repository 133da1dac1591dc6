#!/bin/sh
# What the Makefile's operations do in a cluster: kubectl's current context, the namespace in NAMESPACE.
#   deploy/cluster.sh deploy | logs | logs-worker | migrate | backup | restore FOLDER | shell-api | shell-worker
# Safe to repeat. KUBE is the kubectl to use, OVERLAY the folder below deploy/k8s/overlays.
set -eu
NAMESPACE=${NAMESPACE:-beatstitch}
OVERLAY=${OVERLAY:-prod}
HERE=$(cd "$(dirname "$0")" && pwd)
MANIFESTS=$HERE/k8s/overlays/$OVERLAY
PART=app.kubernetes.io/part-of=beatstitch
NAME=app.kubernetes.io/name
kube() { ${KUBE:-kubectl} --namespace "$NAMESPACE" "$@"; }

# A Job can't be changed, so the last one goes first; the new one migrates, then makes the streams.
prepare() {
    kube delete job prepare --ignore-not-found --wait
    kube apply -k "$MANIFESTS"
    kube wait --for=condition=complete job/prepare --timeout=30m
}

# Clients see nothing of it: new pods serve before old ones end, and workers hand on what they hold.
deploy() {
    prepare
    for service in gateway analyzer timeline renderer-interactive renderer-coordinator renderer-batch; do
        kube rollout status "deployment/$service" --timeout=30m
    done
}

logs() { kube logs --follow --tail=50 --max-log-requests=100 --prefix --selector "$1"; }

case "${1:-}" in
deploy) deploy ;;
logs) logs "$PART" ;;
logs-worker) logs "$NAME in (analyzer,timeline,renderer-interactive,renderer-coordinator,renderer-batch)" ;;
migrate) prepare ;;
backup)
    job=backup-$(date -u +%Y%m%d%H%M%S)
    kube create job "$job" --from=cronjob/backup
    kube wait --for=condition=complete "job/$job" --timeout=2h
    kube logs "job/$job" --container=lists
    ;;
restore)
    # Nobody may write meanwhile; the database has to be empty. See docs/operations.md.
    folder=${2:?which backup: restore FOLDER}
    dump=$folder/database.dump
    test -f "$dump" && test -f "$folder/backup.json" || { echo "no backup in $folder" >&2; exit 2; }
    kube scale deployment/gateway --replicas=0
    kube wait --for=delete pod --selector "$NAME=gateway" --timeout=10m
    kube exec -i "${POSTGRES:-statefulset/postgres}" -- \
        pg_restore --username=beatstitch --dbname=beatstitch --no-owner --no-acl --exit-on-error --single-transaction < "$dump"
    deploy
    ;;
shell-api) kube exec -it deployment/gateway --container=service -- /opt/beatstitch/bin/python ;;
shell-worker) kube exec -it deployment/renderer-interactive --container=service -- /opt/beatstitch/bin/python ;;
*)
    sed -n '2,4p' "$0" | cut -c3- >&2
    exit 2
    ;;
esac
