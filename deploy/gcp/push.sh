#!/bin/sh
# Builds the images of the API and the companion and pushes them to a registry of the project; makes
# the API's key and the account under which the machines run, too.
#   PROJECT=my-project deploy/gcp/push.sh           DRY_RUN=1 prints the commands instead
set -eu
# shellcheck source=deploy/gcp/settings.sh
. "$(dirname "$0")/settings.sh"

in_project services enable artifactregistry.googleapis.com compute.googleapis.com \
    run.googleapis.com secretmanager.googleapis.com iap.googleapis.com

exists artifacts repositories describe "$NAME" --location "$REGION" ||
    in_project artifacts repositories create "$NAME" --location "$REGION" \
        --repository-format docker --description "Images of detectlab"

# The key is made here, kept in Secret Manager alone, and never printed.
if ! exists secrets describe "$secret"; then
    in_project secrets create "$secret" --replication-policy automatic
    if [ "$DRY_RUN" = 1 ]; then
        echo "openssl rand -hex 24 | gcloud secrets versions add $secret --data-file=- --project $PROJECT"
    else
        openssl rand -hex 24 | tr -d '\n' |
            gcloud secrets versions add "$secret" --data-file=- --project "$PROJECT" --quiet
    fi
fi

# An account that can read this key and these images, and nothing else.
exists iam service-accounts describe "$account" ||
    in_project iam service-accounts create "$NAME-runner" --display-name "Runs detectlab"
in_project secrets add-iam-policy-binding "$secret" \
    --member "serviceAccount:$account" --role roles/secretmanager.secretAccessor
in_project artifacts repositories add-iam-policy-binding "$NAME" --location "$REGION" \
    --member "serviceAccount:$account" --role roles/artifactregistry.reader

run gcloud auth configure-docker "$REGION-docker.pkg.dev" --quiet
for target in api companion; do
    # The machines are amd64, whatever builds the images.
    run docker build --platform linux/amd64 --target "$target" \
        --tag "${registry}detectlab-$target:$TAG" "$root"
    run docker push "${registry}detectlab-$target:$TAG"
done
say "Pushed as version $TAG. Next: vm.sh or serverless.sh."
