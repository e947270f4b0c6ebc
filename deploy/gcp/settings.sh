# What the scripts of this folder share; each reads it first. Set a variable before to change it.
# shellcheck shell=sh disable=SC2034

: "${PROJECT:?Set PROJECT to the id of your Google Cloud project}"
REGION=${REGION:-europe-west1}
ZONE=${ZONE:-$REGION-b}
NAME=${NAME:-detectlab}            # of all that is made, so that clean_up.sh finds it
TAG=${TAG:-$(git -C "$(dirname "$0")" rev-parse --short HEAD)}
MACHINE=${MACHINE:-e2-medium}      # 2 processors, 4 GB
DISK_GB=${DISK_GB:-20}
DOMAIN=${DOMAIN:-}                 # a name that you will point to the machine, for a trusted certificate
CALLERS=${CALLERS:-0.0.0.0/0}      # who may reach ports 80 and 443, such as 203.0.113.7/32
MAX_INSTANCES=${MAX_INSTANCES:-3}  # of the serverless service: a bound of what it may cost
DRY_RUN=${DRY_RUN:-}               # 1: print every command and run none

registry=$REGION-docker.pkg.dev/$PROJECT/$NAME/
secret=$NAME-api-key
account=$NAME-runner@$PROJECT.iam.gserviceaccount.com
root=$(cd "$(dirname "$0")/../.." && pwd)

# Runs a command, or prints it in a form that a shell would take.
run() {
    if [ "$DRY_RUN" = 1 ]; then
        for word in "$@"; do
            case $word in
                *[!A-Za-z0-9_./:=,@%+-]* | "") printf "'%s' " "$(printf %s "$word" | sed "s/'/'\\\\''/g")" ;;
                *) printf '%s ' "$word" ;;
            esac
        done
        echo
    else
        "$@"
    fi
}

# Whether something is there already: exists run services describe NAME --region REGION
exists() {
    [ "$DRY_RUN" != 1 ] && gcloud "$@" --project "$PROJECT" > /dev/null 2>&1
}

# Says what has been done; nothing has, when commands are only printed.
say() {
    if [ "$DRY_RUN" != 1 ]; then echo "$@"; fi
}

in_project() {
    run gcloud "$@" --project "$PROJECT" --quiet
}
