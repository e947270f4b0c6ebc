#!/bin/sh
# Deletes everything that push.sh, vm.sh and serverless.sh made, after a question.
#   PROJECT=my-project deploy/gcp/clean_up.sh       DRY_RUN=1 prints the commands instead
set -eu
# shellcheck source=deploy/gcp/settings.sh
. "$(dirname "$0")/settings.sh"

if [ "$DRY_RUN" != 1 ]; then
    printf 'Delete everything called %s in %s? Type yes: ' "$NAME" "$PROJECT"
    read -r answer
    [ "$answer" = yes ] || exit 1
fi

# What is not there is passed over, so that it can be run again after a failure.
delete() { # delete DESCRIBING-WORDS... -- DELETING-WORDS...
    describing=""
    while [ "$1" != -- ]; do
        describing="$describing $1"
        shift
    done
    shift
    # shellcheck disable=SC2086
    if [ "$DRY_RUN" = 1 ] || exists $describing; then in_project "$@"; fi
}

delete run services describe "$NAME-api" --region "$REGION" -- \
    run services delete "$NAME-api" --region "$REGION"
delete compute instances describe "$NAME" --zone "$ZONE" -- \
    compute instances delete "$NAME" --zone "$ZONE"
delete compute addresses describe "$NAME" --region "$REGION" -- \
    compute addresses delete "$NAME" --region "$REGION"
for rule in web ssh; do
    delete compute firewall-rules describe "$NAME-$rule" -- \
        compute firewall-rules delete "$NAME-$rule"
done
delete compute networks describe "$NAME" -- compute networks delete "$NAME"
delete artifacts repositories describe "$NAME" --location "$REGION" -- \
    artifacts repositories delete "$NAME" --location "$REGION"
delete secrets describe "$secret" -- secrets delete "$secret"
delete iam service-accounts describe "$account" -- iam service-accounts delete "$account"
say "Nothing called $NAME is left in $PROJECT, but for the services that were enabled: they cost nothing."
